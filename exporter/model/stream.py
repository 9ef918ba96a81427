"""What a stream is: one thing that the exchange tells, declared once, interpreted everywhere.

A stream says where it is read, how an answer is taken apart, what a row of its table holds, which
metrics it shows and how often it is asked. It does nothing itself: `page` reads answers with it,
`sync` runs it, `store` keeps its rows, `metrics` shows its samples.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from operator import attrgetter
from types import UnionType
from typing import Any, ClassVar, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from exporter.model.envelope import Envelope
from exporter.model.fields import RecordDecoder, Uuid

Row = tuple[Any, ...]
"""A NamedTuple whose fields are the table's columns, in order."""

PUBLIC_ACCOUNT = "public"
"""The ``account`` label of what is read without a token."""

PUBLIC_ACCOUNT_ID = "00000000-0000-0000-0000-000000000000"


class Json(str):
    """A JSON text exactly as sent; its column is ``jsonb``."""

    __slots__ = ()


class Metric(NamedTuple):
    """A metric family of the domain. ``help`` names the endpoint, the field and the unit."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter"] = "gauge"

    def __call__(self, value: Decimal | int, *labels: str) -> Sample:
        """One sample; ``labels`` in the order of the family's labels."""
        return Sample(self, labels, value)


class Sample(NamedTuple):
    """A value of a family, exact until it is rendered."""

    metric: Metric
    labels: tuple[str, ...]
    value: Decimal | int


def epoch_seconds(at: datetime) -> Decimal:
    """Seconds since 1970, exact to the microsecond."""
    return Decimal(int(at.timestamp())) + Decimal(at.microsecond).scaleb(-6)


class Source(NamedTuple):
    """Where a record came from: what a row needs beside the record itself."""

    account_id: str
    """The account asked; a record that names its own account wins."""
    tag: str
    """What the record's place in the answer says (an instrument code), else ''."""
    raw: Json


_COLUMN_TYPES: Mapping[Any, str] = {
    str: "text",
    Uuid: "uuid",
    int: "bigint",
    bool: "boolean",
    Decimal: "numeric",
    datetime: "timestamptz",
    Json: "jsonb",
}


@dataclass(frozen=True)
class Table:
    """A table of schema ``onetrading``: the row's fields are its columns, ``key`` identifies."""

    name: str
    row: type[Row]
    key: tuple[str, ...]
    columns: Mapping[str, str] = field(init=False, compare=False)
    """Column name to Postgres type, in the order of the row's fields."""

    def __post_init__(self) -> None:
        hints = get_type_hints(self.row, include_extras=True)
        columns = {name: _COLUMN_TYPES[_bare(hint)] for name, hint in hints.items()}
        if not set(self.key) < set(columns):
            raise ValueError(f"{self.name}: the key must be some, not all, of the columns")
        object.__setattr__(self, "columns", columns)


def _bare(hint: Any) -> Any:
    """The type behind ``X | None``."""
    if get_origin(hint) in (Union, UnionType):
        return next(choice for choice in get_args(hint) if choice is not type(None))
    return hint


class SnapshotResponse(NamedTuple):
    """A whole, good answer of a snapshot stream."""

    rows: Sequence[Any]
    header: Mapping[str, msgspec.Raw]


@dataclass(frozen=True, kw_only=True)
class Stream:
    """What all kinds of stream declare: one endpoint of the exchange, and what becomes of it.

    A kind (`Snapshot`, `Reference`, `History`) answers here for itself what differs between kinds;
    `exporter.sync` has one class for each, which does the work.
    """

    name: str
    """Snake case; the ``stream`` label, and part of ``ONETRADING_INTERVAL_<STREAM>``."""
    path: str
    """Relative to the base URL, without a slash in front: ``account/balances``."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Query parameters that every request carries, beside those of paging."""
    public: bool = False
    """Read once and without a token, under the account `public`; else once for each account."""
    requires_futures: bool = False
    """An account without futures is refused, which is then as it should be."""
    interval: timedelta
    """How often it is read, unless the settings say otherwise."""
    unwrap: Callable[[bytes], Envelope]
    """Takes a response apart into records. Raises UnexpectedPayload."""
    decoder: RecordDecoder[Any]
    """Reads one record into the struct that describes it."""
    row: Callable[[Any, Source], Any]
    """Makes a row of ``table`` from a decoded record. Raises BadRecord."""
    table: Table
    metrics: tuple[Metric, ...] = ()
    """Every family that the stream may show."""
    enums: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Column to its documented values; others load, and are counted as drift."""
    summary: str
    """One sentence for the table of streams in the README."""
    kind: ClassVar[Literal["snapshot", "reference", "history"]]
    requires_database: ClassVar[bool] = False
    """Nothing of it can be shown without Postgres."""
    backfilled: ClassVar[bool] = False
    """It has a past that can be read, with proven coverage."""
    counted_by: ClassVar[Literal["rows", "snapshots"]] = "rows"
    """What ``status`` counts of it."""

    @property
    def requires(self) -> tuple[str, ...]:
        """Names of the streams that must be read before this one."""
        return ()

    @property
    def smallest_request(self) -> Mapping[str, str]:
        """Query parameters of the cheapest request that shows whether a token may read it."""
        return self.parameters

    @property
    def requests_per_pass(self) -> int:
        """About how many requests a pass takes while nothing new has happened."""
        return 1

    def order(self, rows: Sequence[Any], tags: Sequence[str]) -> Order:
        """How the instants of a page run; ``tags`` says which list of the page each row is of."""
        del rows, tags
        return "unknown"


@dataclass(frozen=True, kw_only=True)
class Snapshot(Stream):
    """The response is the whole present state; its history is what we observed.

    Rows of its table carry the ``snapshot_id`` of a header row, which the store adds.
    """

    samples: Callable[[SnapshotResponse], Iterable[Sample]]
    """What /metrics shows of a response."""
    kind = "snapshot"
    counted_by = "snapshots"


@dataclass(frozen=True, kw_only=True)
class Reference(Stream):
    """The response is a list of slowly changing facts, kept with ``valid_from`` and ``valid_to``.

    Rows have no such columns; the store adds them.
    """

    samples: Callable[[SnapshotResponse], Iterable[Sample]]
    """What /metrics shows of a response."""
    kind = "reference"


@dataclass(frozen=True, kw_only=True)
class Paging:
    """How a window of history is requested, page by page."""

    size_param: str
    """Query parameter of the page size."""
    size: int
    """Rows to a page: the most that the exchange gives."""
    cursor: str | None = "cursor"
    """Query parameter of the cursor; None where the exchange offers none: a full page then proves
    nothing, and the window is split."""
    time: Literal["iso_ms", "epoch_ms"] = "iso_ms"
    """Notation of ``from`` and ``to``."""
    unit: timedelta = timedelta(milliseconds=1)
    """Precision of ``from`` and ``to``; windows are requested one unit wider on both sides."""


@dataclass(frozen=True, kw_only=True)
class History(Stream):
    """Facts that happened at an instant, read newest first, window by window."""

    paging: Paging
    instant: str
    """The column that orders the rows, an aware UTC instant."""
    max_window: timedelta
    """The longest window that the exchange accepts."""
    allowed_lateness: timedelta
    """How long after an instant its rows may still appear; coverage stops this far before now."""
    overlap: timedelta
    """How much proven history each pass reads again."""
    partition_by: Literal["", "instrument"] = ""
    """What else a request must name: nothing, or one futures instrument at a time."""
    totals: Callable[[Sequence[Any]], Iterable[Sample]] | None = None
    """What rows add to counters; may yield a series more than once."""
    latest: Callable[[Sequence[Any]], Iterable[Sample]] | None = None
    """Gauges of which the greatest value of all rows is shown; as ``totals``."""
    kind = "history"
    requires_database = True
    backfilled = True

    @property
    def requires(self) -> tuple[str, ...]:
        """The list of instruments, where each is requested by itself."""
        return ("instruments",) if self.partition_by else ()

    @property
    def smallest_request(self) -> Mapping[str, str]:
        """One row."""
        return {**self.parameters, self.paging.size_param: "1"}

    @property
    def requests_per_pass(self) -> int:
        """One, or one for each futures instrument, of which there are about a dozen."""
        return _TYPICAL_FUTURES if self.partition_by else 1

    def order(self, rows: Sequence[Any], tags: Sequence[str]) -> Order:
        """Of each list of the page: a page may hold one list for each instrument."""
        instants: defaultdict[str, list[datetime]] = defaultdict(list)
        for tag, at in zip(tags, map(attrgetter(self.instant), rows), strict=True):
            instants[tag].append(at)
        found: Order = "unknown"
        for of_tag in instants.values():
            for earlier, later in pairwise(of_tag):
                if earlier < later:
                    return "mixed"
                if earlier > later:
                    found = "newest_first"
        return found


_TYPICAL_FUTURES = 12


class Reject(NamedTuple):
    """A record that could not be read, as sent, and why."""

    raw: str
    reason: str


class Drift(NamedTuple):
    """Something that the documentation does not know, with an example."""

    kind: Literal["unknown_field", "unknown_value", "page"]
    path: str
    sample: str


Order = Literal["newest_first", "unknown", "mixed"]
"""``unknown``: all rows share their instant, or there are fewer than two. ``mixed``: some row is
newer than the one before it, so that nothing follows from where the page ends."""


class Page(NamedTuple):
    """An answer, read: good rows in the order sent, and all that was odd about it."""

    rows: list[Any]
    rejects: list[Reject]
    drift: list[Drift]
    cursor: str | None
    header: Mapping[str, msgspec.Raw]
    account_id: str | None
    """The account that the answer says it is of, when it says so."""
    records: int
    """How many records the page held, good or bad."""
    order: Order
    """How the instants of a history page run."""


class Partition(NamedTuple):
    """What one walk of a stream is about."""

    account: str
    """Configured name, the ``account`` label."""
    account_id: str
    stream: str
    instrument: str = ""
    """An instrument code, or '' for streams that are asked as a whole."""
