"""What a stream is: one kind of data of the exchange, declared once, interpreted everywhere.

A stream declares which endpoint it is read from, how a response is taken apart, what a row of its
table holds, which metrics it has and how often it is polled. It does nothing itself: `page` reads
responses with it, `sync` runs it, `store` keeps its rows, `metrics` exports its samples.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter, lt
from typing import Any, ClassVar, Literal, NamedTuple

import msgspec

from exporter.model.envelope import Envelope
from exporter.model.fields import RecordDecoder
from exporter.model.members import Member
from exporter.model.samples import Metric as Metric
from exporter.model.samples import Sample as Sample
from exporter.model.samples import Sum as Sum
from exporter.model.samples import epoch_seconds as epoch_seconds
from exporter.model.table import Json as Json
from exporter.model.table import Row as Row
from exporter.model.table import Table as Table
from exporter.model.table import key_text as key_text

PUBLIC_ACCOUNT = "public"
"""The ``account`` label of streams that are read without a token."""

PUBLIC_ACCOUNT_ID = "00000000-0000-0000-0000-000000000000"


class Source(NamedTuple):
    """Where a record came from: what `Stream.row` needs beside the decoded record."""

    account_id: str
    """UUID of the account that was read; a record that names its own account wins."""
    tag: str
    """What the record's place in the response adds (an instrument code), else ''."""
    raw: Json
    """The record as sent."""


class Sources(NamedTuple):
    """As `Source`, of the records of one response."""

    account_id: str
    tags: Sequence[str]
    raws: Sequence[Json]


class SnapshotResponse(NamedTuple):
    """A complete, good response of a stream that is read as a whole (`Snapshot`, `Reference`)."""

    rows: Sequence[Any]
    """Rows of the stream's table, in the order sent; empty when the exchange lists none."""
    header: Mapping[str, msgspec.Raw]
    """The members beside the list of records: see `Envelope`."""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """What every kind of stream declares: one endpoint of the exchange, its table and metrics.

    What differs between the kinds (`Snapshot`, `Reference`, `History`; two more in `closings`) is
    decided by each of them; `exporter.sync` has one class for each, which does the work.
    """

    name: str
    """Snake case; the ``stream`` label, and part of ``ONETRADING_INTERVAL_<STREAM>``."""
    path: str
    """Relative to the base URL, without a slash in front: ``account/balances``."""
    endpoint: str = ""
    """How its requests are labelled, where the path holds more than that; '': the path."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Query parameters that every request carries, beside those of paging."""
    public: bool = False
    """Read once, without a token, as account ``public``; else once for each account."""
    requires_futures: bool = False
    """An account without futures is refused, which is not a failure."""
    interval: timedelta
    """How often it is polled, unless ``ONETRADING_INTERVAL_<STREAM>`` is set."""
    unwrap: Callable[[bytes], Envelope]
    """Takes a response apart into records. Raises UnexpectedPayload."""
    decoder: RecordDecoder[Any]
    """Reads one record into the struct that describes it."""
    row: Callable[[Any, Source], Any]
    """Makes a row of ``table`` from a decoded record. Raises BadRecord."""
    columns: Callable[[Sequence[Any], Sources], Sequence[Sequence[Any]]] | None = None
    """Makes the columns of ``table`` from decoded records, the same as ``row`` but all at once; for
    what comes by the million. Raises Unusual when one of them must be read by itself (`texts`)."""
    table: Table
    members: Mapping[str, Member] = field(default_factory=dict)
    """How the columns of the key, and the instant, are read from a record that as a whole cannot
    be read; a column that is not named here is read from the member of its name."""
    metrics: tuple[Metric, ...] = ()
    """Every family that the stream may export."""
    enums: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Column to its documented values; other values load, and are counted as drift."""
    summary: str
    """One sentence for the table of streams in the README."""
    kind: ClassVar[Literal["snapshot", "reference", "history", "closings", "follower"]]
    requires_database: ClassVar[bool] = False
    """Its metrics are computed from what Postgres holds, so it needs one."""
    backfilled: ClassVar[bool] = False
    """Its past can be requested, and has proven coverage."""
    stands_alone: ClassVar[bool] = True
    """It can be requested without an id that another stream has brought in."""
    counted_by: ClassVar[Literal["rows", "snapshots"]] = "rows"
    """What the command ``status`` counts of it."""

    @property
    def partitioned(self) -> bool:
        """Whether it is read for each instrument by itself."""
        return False

    @property
    def needs_scopes(self) -> bool:
        """Whether a setting names what is read of it; without that it is off."""
        return False

    @property
    def requires(self) -> tuple[str, ...]:
        """Names of the streams that must have been read before this one."""
        return ()

    @property
    def smallest_request(self) -> Mapping[str, str]:
        """Query parameters of the smallest request that shows whether a token may read it."""
        return self.parameters

    @property
    def requests_per_pass(self) -> int:
        """About how many requests a pass sends while there is nothing new."""
        return 1

    def order(self, rows: Sequence[Any], tags: Sequence[str]) -> Order:  # noqa: ARG002
        """The order of a page's rows in time; ``tags`` names the list that each row came from."""
        return "unknown"


@dataclass(frozen=True, kw_only=True)
class Snapshot(Stream):
    """The response is the whole present state; its history is what we observed of it.

    What is not listed any more is gone. Rows of its table have the ``snapshot_id`` of a row in
    ``onetrading.snapshots``, which the store adds.
    """

    samples: Callable[[SnapshotResponse], Iterable[Sample]]
    """The samples that /metrics exports of a response."""
    kind = "snapshot"
    counted_by = "snapshots"
    tolerates_rejects: ClassVar[bool] = False
    """Whether a response with a record that cannot be read is used without it."""


@dataclass(frozen=True, kw_only=True)
class Reference(Stream):
    """The response is a list of slowly changing facts, kept with ``valid_from`` and ``valid_to``.

    The row does not declare these columns; the store adds them.
    """

    samples: Callable[[SnapshotResponse], Iterable[Sample]]
    """The samples that /metrics exports of a response."""
    kind = "reference"
    tolerates_rejects: ClassVar[bool] = True
    """A fact whose record cannot be read stays as it was."""


@dataclass(frozen=True, kw_only=True)
class Paging:
    """How an endpoint pages through a window of history; ``from`` and ``to`` are its bounds."""

    size_param: str
    """Query parameter of the page size; '' where it is not sent."""
    size: int
    """Rows per page: the most that the exchange documents."""
    cursor: str | None = "cursor"
    """Query parameter of the cursor; None where the endpoint has none. A page then never shows that
    it is the last: what is older is requested until nothing comes, and a full page out of order
    splits its window."""
    time: Literal["iso_ms", "epoch_ms"] = "iso_ms"
    """Notation of both bounds: ISO 8601 with milliseconds and ``Z``, or milliseconds since 1970."""
    unit: timedelta = timedelta(milliseconds=1)
    """Precision of both bounds; windows are requested one unit wider on both sides."""
    lead: timedelta = timedelta(0)
    """How much earlier than its window a request begins, where rows may be found by an earlier
    instant than the one that orders them."""
    cursor_is_time: bool = False
    """The cursor is the instant of a page's oldest row. It may lose the other rows of that instant,
    so it only tells that there is more: what is left of the window is requested instead."""
    floor: datetime | None = None
    """The earliest ``from`` that the exchange accepts, aware UTC; None where none is documented."""


@dataclass(frozen=True, kw_only=True)
class History(Stream):
    """Facts that happened at an instant, read newest first, window by window."""

    paging: Paging
    instant: str
    """The column that orders the rows, an aware UTC instant."""
    max_window: timedelta
    """The longest window that the exchange accepts; a longer one is a 400."""
    allowed_lateness: timedelta
    """How long after an instant its rows may still appear; nothing newer is proven until then."""
    overlap: timedelta
    """How much proven history each pass reads again, for what appeared even later."""
    settles: bool = False
    """Whether a row goes on changing until it is settled; what is not yet is left out."""
    partition_by: Literal["", "instrument", "setting"] = ""
    """What a request must name besides the window: nothing, one futures instrument, or one of the
    scopes that a setting names."""
    scoped: Callable[[History, str], History] | None = None
    """The declaration with what differs for one of those scopes."""
    common: Mapping[str, str] = field(default_factory=dict)
    """Columns that all rows of one of those scopes have in common, with their values."""
    settled: ClassVar[Mapping[str, str]] = {}
    """Columns of a row that no longer changes, with their values, where others go on changing:
    windows need not show those."""
    totals: tuple[Sum, ...] = ()
    """What new rows add to counters."""
    events: Table | None = None
    """The table that keeps each state of a changing fact as first seen; its columns are among those
    of ``table``."""
    latest: Callable[[Sequence[Any]], Iterable[Sample]] | None = None
    """Gauges of which the greatest value of all rows is exported; may yield a series repeatedly."""
    kind: ClassVar[Literal["history", "closings"]] = "history"
    requires_database = True
    backfilled = True
    may_gain_facts: ClassVar[bool] = False
    """Whether a proven range may show more facts when it is read again, without a fault."""
    ordered: ClassVar[bool] = True
    """Whether each row tells its instant, so that single pages show how far a walk has come."""

    @property
    def partitioned(self) -> bool:
        """Each instrument, or each scope of a setting, has coverage of its own."""
        return bool(self.partition_by)

    @property
    def needs_scopes(self) -> bool:
        """Nothing is read unless the setting names it."""
        return self.partition_by == "setting"

    def columns_of(self, scope: str) -> Mapping[str, str]:
        """The columns that all rows of a scope have in common, with their values."""
        if self.partition_by == "instrument":
            return {"instrument_code": scope}
        return self.of(scope).common

    def of(self, scope: str) -> History:
        """The declaration as it holds for one scope."""
        return self if self.scoped is None else self.scoped(self, scope)

    @property
    def requires(self) -> tuple[str, ...]:
        """The list of instruments, when each is requested by itself."""
        return ("instruments",) if self.partition_by == "instrument" else ()

    @property
    def smallest_request(self) -> Mapping[str, str]:
        """One row of the default window."""
        size = {self.paging.size_param: "1"} if self.paging.size_param else {}
        return {**self.parameters, **size}

    @property
    def requests_per_pass(self) -> int:
        """One, or one for each futures instrument: about a dozen."""
        return _TYPICAL_FUTURES if self.partition_by == "instrument" else 1

    def order(self, rows: Sequence[Any], tags: Sequence[str]) -> Order:
        """Judged within each list of the page: it may hold one list for each instrument."""
        if not self.ordered:
            return "unknown"
        instants: defaultdict[str, list[datetime]] = defaultdict(list)
        for tag, at in zip(tags, map(attrgetter(self.instant), rows), strict=True):
            instants[tag].append(at)
        lists = instants.values()
        if any(any(map(lt, one_list, one_list[1:])) for one_list in lists):
            return "mixed"
        return "newest_first" if any(at[0] > at[-1] for at in lists) else "unknown"


_TYPICAL_FUTURES = 12


class Reject(NamedTuple):
    """A record that could not be read. The rest of its page loads; it is kept for inspection."""

    raw: str
    """The record as sent; bytes that are not UTF-8 are replaced."""
    reason: str
    """Names the field and the value."""
    key: Mapping[str, str] | None = None
    """The columns of the table's key as text, where all of them can be read."""
    happened_at: datetime | None = None
    """The instant of a fact of history, aware UTC, where it can be read."""


class Drift(NamedTuple):
    """A deviation of the exchange from its documentation. The data load all the same."""

    kind: Literal["unknown_field", "unknown_value", "page"]
    """A new field, a new value of a `Stream.enums` column, or a page of odd order or size."""
    path: str
    """The field (``fee.rate``), the column, or ``order`` or ``size`` of a page."""
    sample: str
    """An example of the value; '' for a field."""


Order = Literal["newest_first", "unknown", "mixed"]
"""``unknown``: all rows share their instant, or there are fewer than two. ``mixed``: some row is
newer than the one before it, so that the end of the page proves nothing."""


class Page(NamedTuple):
    """A response, read: its good rows and its rejects, and what was not as documented."""

    rows: list[Any]
    """Rows of the stream's table, in the order sent."""
    rejects: list[Reject]
    drift: list[Drift]
    cursor: str | None
    """Requests the next page; None on the last one, or where the endpoint has no cursors."""
    header: Mapping[str, msgspec.Raw]
    """The members beside the list of records, not decoded."""
    account_id: str | None
    """The account that the response names, if it names one."""
    records: int
    """How many records the response held, rejects included."""
    order: Order
    """The order of the rows in time; ``unknown`` for streams without an instant."""
    tags: Sequence[str] = ()
    """Which list of the response each row came from."""
    outside: Sequence[Any] = ()
    """Rows that the page of a window holds although they lie outside of it: see `confined`."""


class Partition(NamedTuple):
    """The unit of coverage: one stream of one account, or one instrument of it."""

    account: str
    """The configured name, which is the ``account`` label."""
    account_id: str
    """The exchange's UUID of the account."""
    stream: str
    instrument: str = ""
    """An instrument code, a scope of a setting (``BTC_EUR:1h``), or '' for streams that are
    requested as a whole; column ``scope``."""
