"""Load a batch of history: rows, counters, rejects, run record and coverage in one transaction.

Coverage is true because it commits with the rows that make it true, or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from operator import attrgetter
from typing import Any, Literal, NamedTuple

from psycopg.errors import UniqueViolation

from exporter.model.closings import Closings
from exporter.model.stream import Drift, History, Partition, Reject
from exporter.model.window import Window
from exporter.store import (
    counted_positions,
    digest,
    events,
    fact_counts,
    issues,
    rejects,
    totals,
)
from exporter.store import table as tables
from exporter.store.database import Connection
from exporter.store.lease import Lease, ask, demand
from exporter.store.queries import QUERIES, identity_of
from exporter.store.salvage import Salvaged, reject_of, write_all_but_the_refused
from exporter.store.session import catch_up, run_ahead

Lane = Literal["tail", "backfill", "verify", "retry"]
"""``verify``: what is proven is read again. ``retry``: rejected records, which no walk brought."""
Found = Literal["late", "changed", "returned"]
"""``returned``: it had vanished, and is shown again."""
_NO_EDGES = timedelta(0)


@dataclass
class Run:
    """The record of one walk through a window, written with its first batch.

    ``run_id`` is drawn from the sequence beforehand, or known after the first batch.
    """

    lane: Lane
    wanted: Window
    run_id: int | None = None
    recent: Mapping[Any, Any] = field(default_factory=dict)
    """The rows of the batch before, by key: twins may come on two pages."""
    shown: set[int] = field(default_factory=set)
    """The identities of all records so far that could not be read."""
    found: dict[Found, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The keys, as JSON, of facts that were not as stored; late and changed ones if it verifies."""
    at_end: Callable[[Connection, Batch], None] | None = None
    """What else commits with the last batch of a complete walk."""


@dataclass
class Batch:
    """Some pages of a walk: their records, and what they prove."""

    rows: list[Any] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    drift: set[Drift] = field(default_factory=set)
    pages: int = 0
    proven: Window | None = None
    """The part of the walk's window that is complete once these rows are stored."""
    complete: bool = False
    """The walk reached its explicit end."""
    walked: Window | None = None
    """What the complete walk has read; None before its end."""
    keys_looked_up: bool = False
    """Whether each key must be looked up: one was stored, although nothing of its time is."""

    @property
    def empty(self) -> bool:
        """Whether it has no records."""
        return not self.rows and not self.rejects


class Loaded(NamedTuple):
    """What a batch changed."""

    inserted: int
    updated: int
    rejected: int
    run_id: int


def remember(run: Run, stream: History, batch: Batch) -> None:
    """After the commit: what the next batch of the walk is compared with beside the table."""
    if batch.complete:
        return
    key, rows = attrgetter(*stream.table.key), batch.rows
    if run.shown:
        refused = (rejects.identity(reject_of(stream, row, "")) for row in rows)
        rows = [row for row, at in zip(rows, refused, strict=True) if at not in run.shown]
    run.recent = dict(zip(map(key, rows), rows, strict=True))


class Step(NamedTuple):
    """A batch of a walk, to be loaded."""

    partition: Partition
    run: Run
    batch: Batch


def load(
    connection: Connection,
    stream: History,
    partition: Partition,
    run: Run,
    batch: Batch,
    lease: Lease | None,
    *,
    salvaging: bool = False,
) -> Loaded:
    """Write a batch in the caller's transaction.

    ``salvaging``: after Postgres refused the batch for a value (DataRefused), load all rows but
    those that it refuses, which become rejects.

    The caller sets ``run.run_id`` after the commit, and calls `remember`, because a repeated
    transaction must write the same again. Raises LeaseLost when another process writes the account.
    """
    steps = [Step(partition, run, batch)]
    (loaded,) = load_all(connection, stream, steps, lease, salvaging=salvaging)
    return loaded


def load_all(
    connection: Connection,
    stream: History,
    steps: Sequence[Step],
    lease: Lease | None,
    *,
    salvaging: bool = False,
) -> list[Loaded]:
    """As `load`, for batches of several walks through scopes of one stream of one account.

    In a transaction that may run ahead, what is known takes two round trips, and empty batches one.
    DataRefused may then mean that the lease is lost as well, which only ``salvaging`` tells.
    """
    partition = steps[0].partition
    ahead = run_ahead(connection)
    connection.execute(QUERIES["lock_stream"], identity_of(partition))
    if ahead and not salvaging and all(step.batch.empty for step in steps):
        demand(connection, partition.account_id, lease)
        matters, known = _Matters(rejects=True, vanished=False), [_not_asked] * len(steps)
    else:
        held = ask(connection, partition.account_id, lease)
        matters_asked = connection.execute(QUERIES["open_matters"], identity_of(partition))
        known = [
            _not_asked if salvaging else _ask_known(connection, stream, *step) for step in steps
        ]
        catch_up(connection)
        held()
        matters = _Matters(*(matters_asked.fetchone() or (True, True)))
    return [
        _load(connection, stream, step, stored(), matters, salvaging=salvaging)
        for step, stored in zip(steps, known, strict=True)
    ]


class _Matters(NamedTuple):
    """What a stream has, or may have."""

    rejects: bool
    """Open ones."""
    vanished: bool
    """Facts that the exchange does not show any more."""


def _load(
    connection: Connection,
    stream: History,
    step: Step,
    known: digest.Stored,
    matters: _Matters,
    *,
    salvaging: bool,
) -> Loaded:
    """Write a batch under the stream's lock, which is held."""
    partition, run, batch = step
    done = _write(connection, stream, partition, run, batch, known, salvaging=salvaging)
    run_ahead(connection)
    refused = [reject_of(stream, row, reason) for row, reason in done.refused]
    found = [*batch.rejects, *refused]
    rejected = _keep_rejects(connection, stream, partition, run, found)
    rejects.note_drift(connection, partition, batch.drift)
    _claim(connection, partition, run, batch)
    counts = {
        "pages": batch.pages,
        "inserted": sum(len(written.inserted) for written in done.results),
        "updated": sum(len(written.changed) for written in done.results),
        "rejected": rejected,
        "complete": batch.complete,
    }
    run_id = _record(connection, partition, run, counts)
    if matters.rejects or found:
        _resolve_rejects(connection, stream, partition, run, done.loaded, batch.walked)
    if matters.vanished:
        run.found["returned"] |= issues.resolve_vanished(connection, partition, stream, done.loaded)
    return Loaded(counts["inserted"], counts["updated"], rejected, run_id)


def _claim(connection: Connection, partition: Partition, run: Run, batch: Batch) -> None:
    """Claim what the batch proves, and what else its walk proves at its end."""
    if batch.proven is not None and not batch.proven.empty:
        claim(connection, partition, batch.proven)
    if batch.complete and run.at_end is not None:
        run.at_end(connection, batch)


def load_present(
    connection: Connection,
    stream: History,
    partition: Partition,
    batch: Batch,
    lease: Lease | None,
    history: Window,
    *,
    salvaging: bool = False,
) -> Loaded:
    """Write records that were not requested by a window, in the caller's transaction.

    They prove nothing of the history, and no walk is recorded. ``history``: where a record can lie
    whose instant cannot be read. Raises LeaseLost.
    """
    run_ahead(connection)
    connection.execute(QUERIES["lock_stream"], identity_of(partition))
    held = ask(connection, partition.account_id, lease)
    known = _not_asked if salvaging else _ask_known(connection, stream, partition, None, batch)
    catch_up(connection)
    held()
    done = _write(connection, stream, partition, None, batch, known(), salvaging=salvaging)
    run_ahead(connection)
    refused = [reject_of(stream, row, reason) for row, reason in done.refused]
    found = [*batch.rejects, *refused]
    rejected = 0
    for reject in found:
        life = Window(min(history.start, reject.happened_at or history.start), history.end)
        asked = rejects.Asked(life, _NO_EDGES)
        rejected += rejects.keep(connection, partition, [reject], asked)
    rejects.note_drift(connection, partition, batch.drift)
    shown = map(rejects.identity, found)
    rejects.resolve_loaded(connection, partition, stream, done.loaded, shown)
    inserted = sum(len(written.inserted) for written in done.results)
    updated = sum(len(written.changed) for written in done.results)
    return Loaded(inserted, updated, rejected, 0)


def _write(
    connection: Connection,
    stream: History,
    partition: Partition,
    run: Run | None,
    batch: Batch,
    known: digest.Stored,
    *,
    salvaging: bool,
) -> Salvaged:
    """Write rows with their issues and counters: all, or all that Postgres does not refuse.

    ``run``: the walk that read them, if one did. ``known``: how much of all of them is stored.
    """
    recent = {} if run is None else run.recent
    verifying = run is not None and run.lane == "verify"
    found_by: Literal["verify"] | None = "verify" if verifying else None

    def write(some: Sequence[Any]) -> tables.WriteResult:
        comparison = tables.compare(connection, stream.table, some, recent, known)
        written = _apply(connection, stream, batch, comparison)
        if not salvaging:
            run_ahead(connection)
        fact_counts.add(connection, partition, len(written.inserted))
        changed = issues.note(connection, partition, stream, comparison, found_by=found_by)
        if run is not None and verifying:
            run.found["late"] |= _note_late(connection, stream, partition, run, written)
            run.found["changed"] |= changed
        if isinstance(stream, Closings):
            counted_positions.note_written(connection, stream, partition, written)
        else:
            totals.add(connection, stream, partition, written)
        if stream.events is not None:
            events.note(connection, stream.events, comparison)
        return written

    if salvaging:
        return write_all_but_the_refused(connection, stream.table, batch.rows, write)
    return Salvaged([write(batch.rows)], list(batch.rows), [])


def _ask_known(
    connection: Connection, stream: History, partition: Partition, run: Run | None, batch: Batch
) -> Callable[[], digest.Stored]:
    """Ask how much of a batch is stored; the function returned reads the answer."""
    if batch.keys_looked_up:
        return _not_asked
    recent = {} if run is None else run.recent
    return digest.ask(connection, stream, partition, batch.rows, recent)


def _not_asked() -> digest.Stored:
    return "some"


def _note_late(
    connection: Connection,
    stream: History,
    partition: Partition,
    run: Run,
    written: tables.WriteResult,
) -> set[str]:
    """Note what was missing in proven history; the keys."""
    instant = attrgetter(stream.instant)
    inserted = () if stream.may_gain_facts else written.inserted
    late = [row for row in inserted if run.wanted.holds(instant(row))]
    return issues.note_late(connection, partition, stream, late)


def _apply(
    connection: Connection, stream: History, batch: Batch, comparison: tables.Comparison
) -> tables.WriteResult:
    if comparison.new or comparison.changed:
        catch_up(connection)
    try:
        return tables.apply(connection, stream.table, comparison)
    except UniqueViolation:
        batch.keys_looked_up = True  # when the transaction is repeated
        raise


def claim(connection: Connection, partition: Partition, proven: Window) -> None:
    """Add a window to the proven ranges of a partition, and note the days that it completes."""
    window = identity_of(partition) | {"start": proven.start, "end": proven.end}
    connection.execute(QUERIES["claim"], window)
    connection.execute(QUERIES["note_proven_days"], window)


def _keep_rejects(
    connection: Connection,
    stream: History,
    partition: Partition,
    run: Run,
    found: Sequence[Reject],
) -> int:
    """Store what could not be read or stored; how many of it are new or reopened."""
    run.shown.update(rejects.identity(reject) for reject in found)
    return rejects.keep(connection, partition, found, _asked(stream, run))


def _resolve_rejects(
    connection: Connection,
    stream: History,
    partition: Partition,
    run: Run,
    loaded: Sequence[Any],
    walked: Window | None,
) -> None:
    """Resolve the rejects whose key has loaded, or that a complete walk no longer shows."""
    if loaded:
        rejects.resolve_loaded(connection, partition, stream, loaded, run.shown)
    if walked is not None and not walked.empty:
        asked = _asked(stream, run)
        rejects.narrow(connection, partition, rejects.Walked(walked, asked, frozenset(run.shown)))


def _asked(stream: History, run: Run) -> rejects.Asked:
    return rejects.Asked(run.wanted, 2 * stream.paging.unit)


def _record(connection: Connection, partition: Partition, run: Run, counts: dict[str, int]) -> int:
    """Write the record of the walk; its number."""
    walk = {"lane": run.lane, "start": run.wanted.start, "end": run.wanted.end}
    record = identity_of(partition) | counts | walk
    if run.run_id is not None:
        connection.execute(QUERIES["continue_run"], record | {"run_id": run.run_id})
        return run.run_id
    row = connection.execute(QUERIES["start_run"], record).fetchone()
    return int(row[0]) if row else 0
