"""Read and update the state of the sync; each function runs in the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from exporter.model.errors import UnexpectedPayload
from exporter.model.retirement import NOT_CONFIGURED
from exporter.model.storable import storable
from exporter.model.stream import History, Partition
from exporter.model.window import Window
from exporter.store.database import Connection
from exporter.store.queries import QUERIES, identity_of


def account_id(connection: Connection, name: str) -> str | None:
    """The account id that is known under a configured name, or None."""
    row = connection.execute(QUERIES["account_by_name"], {"name": name}).fetchone()
    return None if row is None else str(row[0])


def remember_account(connection: Connection, name: str, identity: str) -> None:
    """Record which account a configured name stands for.

    Raises UnexpectedPayload when the name stood for another account before: the rows of the two
    must not be mixed.
    """
    known = account_id(connection, name)
    if known is not None and known != identity.lower():
        raise UnexpectedPayload(
            f"account {name!r} was {known} until now, but its token reads {identity}: "
            "configure the new account under another name"
        )
    connection.execute(QUERIES["remember_account"], {"account_id": identity, "name": name})


def note_configured(connection: Connection, names: Iterable[str]) -> None:
    """Record which accounts have left the configuration, given the ``names`` that are in ours.

    Processes with other accounts may share the database: what one of them reads has not left.
    """
    connection.execute(QUERIES["note_configured"], {"names": list(names)})


def covered(connection: Connection, partition: Partition, window: Window) -> list[Window]:
    """The proven ranges of a partition that overlap ``window``, oldest first; none overlaps
    one that ends before it begins, which Postgres would refuse."""
    if window.empty:
        return []
    parameters = identity_of(partition) | {"start": window.start, "end": window.end}
    return [Window(*row) for row in connection.execute(QUERIES["covered"], parameters)]


def covered_to(connection: Connection, partition: Partition) -> datetime | None:
    """The end of the newest proven range of a partition, or None."""
    row = connection.execute(QUERIES["covered_to"], identity_of(partition)).fetchone()
    return row[0] if row else None


class Progress(NamedTuple):
    """Where a scope of a stream stands."""

    retired_because: str | None = None
    """Why it is no longer read; None if it is, or was never to be read."""
    required_from: datetime | None = None
    """From when on its history must be complete."""
    asked_from: datetime | None = None
    settle: timedelta | None = None
    covered_to: datetime | None = None
    """The end of its newest proven range."""

    def required_as(self, stream: History, start: datetime, *, explicit: bool) -> datetime | None:
        """From when on it is required, if asking for it from ``start`` on (see `require`) would
        change nothing; else None."""
        as_asked = not explicit or self.asked_from == start
        unchanged = as_asked and self.settle == stream.allowed_lateness
        return self.required_from if unchanged else None


def ask_progress(connection: Connection, partition: Partition) -> Callable[[], dict[str, Progress]]:
    """Ask for the progress of each scope of a stream, by scope; ``partition`` may be any of them.

    The function returned reads the answer (`Database.run_at_once`).
    """
    found = connection.execute(QUERIES["progress"], identity_of(partition))
    return lambda: {scope: Progress(*known) for scope, *known in found}


def require(
    connection: Connection,
    stream: History,
    partition: Partition,
    start: datetime,
    *,
    explicit: bool,
) -> datetime:
    """Record from when on history must be complete; returns the start in force.

    A default start (not ``explicit``) only counts the first time: it must not move with the clock.
    """
    known = ask_progress(connection, partition)().get(partition.instrument, Progress())
    required = known.required_as(stream, start, explicit=explicit)
    if required is not None:
        # Even a statement that changes nothing would lock the row, and write that to the WAL.
        return required
    parameters = identity_of(partition) | {
        "required_from": start,
        "settle": stream.allowed_lateness,
        "explicit": explicit,
    }
    connection.execute(QUERIES["require"], parameters)
    return required_from(connection, partition) or start


def history_marks(
    connection: Connection, account_id: str, streams: Iterable[str]
) -> dict[str, str]:
    """By stream of an account, what its gaps follow from, as a short text: while it stays the same
    and passes succeed, no new gap has come up."""
    parameters = {"account_id": account_id, "streams": list(streams)}
    return dict(connection.execute(QUERIES["history_marks"], parameters).fetchall())


def required_from(connection: Connection, partition: Partition) -> datetime | None:
    """From when on the history of a partition must be complete; None where it never had to be."""
    row = connection.execute(QUERIES["required_from"], identity_of(partition)).fetchone()
    return row[0] if row else None


def reach(connection: Connection, partition: Partition) -> datetime | None:
    """From when on the exchange serves a history; None where it was not found to end."""
    row = connection.execute(QUERIES["served_from"], identity_of(partition)).fetchone()
    return row[0] if row else None


def remember_reach(connection: Connection, partition: Partition, start: datetime | None) -> None:
    """Record from when on the exchange serves a history, whose completeness is required from there
    at the earliest; None: nothing limits it any more."""
    connection.execute(QUERIES["remember_reach"], identity_of(partition) | {"reach": start})


def reach_to_ask_again(
    connection: Connection, partition: Partition, after: timedelta
) -> datetime | None:
    """The start that is asked for and was not served when the exchange was asked last, if that is
    longer ago than ``after``."""
    row = connection.execute(
        QUERIES["reach_to_ask_again"], identity_of(partition) | {"after": after}
    ).fetchone()
    return row[0] if row else None


def note_reach_asked(connection: Connection, partition: Partition) -> None:
    """Record that the exchange was asked again, and serves no more than before."""
    connection.execute(QUERIES["note_reach_asked"], identity_of(partition))


def retire(connection: Connection, partition: Partition, because: str | None) -> None:
    """Record why a partition is no longer read, or (None) that it is read again."""
    connection.execute(QUERIES["retire"], identity_of(partition) | {"because": because})


def refuse(
    connection: Connection, partition: Partition, because: str, error: str, pause_s: float
) -> bool:
    """Record that the exchange refuses a partition, and when it is asked for again.

    Returns whether that was recorded before, maybe with another reason.
    """
    row = connection.execute(QUERIES["retired_because"], identity_of(partition)).fetchone()
    note_attempt(connection, partition, timedelta(seconds=pause_s), error)
    retire(connection, partition, because)
    return row is not None and row[0] is not None


def oldest_required(connection: Connection, partition: Partition) -> datetime | None:
    """From when on any history of the account must be complete."""
    row = connection.execute(QUERIES["oldest_required"], identity_of(partition)).fetchone()
    return row[0] if row else None


def ever_succeeded(connection: Connection, account: str, stream: str) -> bool:
    """Whether a pass of a stream ever succeeded for the account that is known by this name."""
    row = connection.execute(
        QUERIES["ever_succeeded"], {"name": account, "stream": stream}
    ).fetchone()
    return row is not None and bool(row[0])


def choose_streams(connection: Connection, account: str, streams: Iterable[str]) -> None:
    """Record which streams are configured for an account: nothing is expected of the others."""
    parameters = {"name": account, "streams": sorted(streams), "because": NOT_CONFIGURED}
    connection.execute(QUERIES["choose_streams"], parameters)


def note_attempt(
    connection: Connection, partition: Partition, interval: timedelta, error: str | None
) -> None:
    """Record how a pass ended and when the next is due; ``error`` may quote the exchange."""
    kept = None if error is None else storable(error)
    connection.execute(
        QUERIES["note_attempt"], identity_of(partition) | {"interval": interval, "error": kept}
    )


def succeeded_after(connection: Connection, partition: Partition, at: datetime) -> bool:
    """Whether a pass of any process succeeded later than ``at``, by the clock of Postgres."""
    statement = QUERIES["succeeded_after"]
    row = connection.execute(statement, identity_of(partition) | {"at": at}).fetchone()
    return row is not None and bool(row[0])


class Listing(NamedTuple):
    """What the exchange's list says of an instrument, or said last."""

    code: str
    state: str
    gone_at: datetime | None
    """When the list no longer had it; None while it is listed."""


def futures(connection: Connection) -> list[Listing]:
    """Every instrument that is not SPOT and was ever listed, by code."""
    return [Listing(*row) for row in connection.execute(QUERIES["futures"])]


def retired(connection: Connection, partition: Partition) -> dict[str, str | None]:
    """Why each scope of a stream is no longer read, None for one that is; ``partition`` may be any
    of them."""
    return dict(connection.execute(QUERIES["retired"], identity_of(partition)).fetchall())


def ask_scopes(
    connection: Connection, partition: Partition
) -> Callable[[], tuple[list[Listing], dict[str, Progress]]]:
    """As `futures` and `ask_progress`."""
    listed, progress = connection.execute(QUERIES["futures"]), ask_progress(connection, partition)
    return lambda: ([Listing(*row) for row in listed], progress())


Total = tuple[str, tuple[str, ...], Decimal]
"""Metric name, label values and value of a counter."""


def totals(connection: Connection, partition: Partition) -> list[Total]:
    """Each counter of a stream."""
    return _totals(connection.execute(QUERIES["totals"], identity_of(partition)))


def _totals(rows: Iterable[Any]) -> list[Total]:
    return [(metric, tuple(labels), value) for metric, labels, value in rows]


class Concluded(NamedTuple):
    """What a stream has come to."""

    progress: dict[str, Progress]
    """By scope."""
    covered: dict[str, list[Window]]
    """By scope, the proven ranges, oldest first."""
    totals: list[Total]


def conclude(
    connection: Connection, partition: Partition, scopes: Sequence[str], interval: timedelta
) -> Callable[[], Concluded]:
    """Record that a pass over ``scopes`` of a stream succeeded, when the next is due, and ask what
    it has come to.

    The function returned reads the answer (`Database.run_at_once`).
    """
    identity = identity_of(partition)
    if scopes:
        noted = identity | {"scopes": sorted(scopes), "interval": interval}
        connection.execute(QUERIES["note_successes"], noted)
    progress = ask_progress(connection, partition)
    ranges = connection.execute(QUERIES["covered_scopes"], identity)
    counters = connection.execute(QUERIES["totals"], identity)

    def read() -> Concluded:
        covered: defaultdict[str, list[Window]] = defaultdict(list)
        for scope, start, end in ranges:
            covered[scope].append(Window(start, end))
        return Concluded(progress(), covered, _totals(counters))

    return read


class DataQualityCounts(NamedTuple):
    """How many records of a stream could not be read, or were not as expected."""

    rejects: int = 0
    """Open now: unreadable records that were not resolved."""
    drift: int = 0
    """Ever seen: fields, values and page shapes that the documentation does not describe."""
    changed: int = 0
    """Ever seen: facts that came back different. Older versions of a fact do not count."""
    newest_drift: float | None = None
    """When the newest drift was met first, in Unix seconds; None without any."""


def data_quality_counts(connection: Connection) -> dict[tuple[str, str], DataQualityCounts]:
    """By account name and stream; streams without any are left out."""
    rows = connection.execute(QUERIES["data_quality_counts"])
    return {(account, stream): DataQualityCounts(*counts) for account, stream, *counts in rows}


def number_runs(connection: Connection, count: int) -> Callable[[], list[int]]:
    """Draw the ``run_id`` of each of so many walks that begin; none where our role may not use the
    sequence. The function returned reads the answer (`Database.run_at_once`)."""
    rows = connection.execute(QUERIES["number_runs"], {"count": count})
    return lambda: [int(number) for (number,) in rows]


class Begun(NamedTuple):
    """What a walk through the newest part of a scope needs to know."""

    progress: Progress
    run_id: int | None
    """As `number_runs`."""


def begin_walk(connection: Connection, partition: Partition) -> Callable[[], Begun]:
    """Ask where a partition stands, and draw the number of a walk. The function returned reads the
    answer (`Database.run_at_once`)."""
    progress = ask_progress(connection, partition)
    numbers = number_runs(connection, 1)

    def read() -> Begun:
        known = progress().get(partition.instrument, Progress())
        return Begun(known, next(iter(numbers()), None))

    return read


def prune(connection: Connection) -> None:
    """Delete the records of walks that are older than 90 days; what they proved stays."""
    connection.execute(QUERIES["prune_runs"])


def may_write(connection: Connection) -> bool:
    """Whether the role may create the schema, or use the existing one."""
    row = connection.execute(QUERIES["may_write"]).fetchone()
    return bool(row and row[0])


def not_writable(connection: Connection) -> list[str]:
    """The existing tables that the role may not write, leases among them."""
    return [name for (name,) in connection.execute(QUERIES["not_writable"])]
