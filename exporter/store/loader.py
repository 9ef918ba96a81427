"""Load a batch of history: rows, counters, rejects, run record and coverage in one transaction.

Coverage is true because it commits with the rows that make it true, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from psycopg.types.json import Jsonb

from exporter.model.errors import LeaseLost
from exporter.model.stream import Drift, History, Partition, Reject, Table
from exporter.model.window import Window
from exporter.store import table as tables
from exporter.store import totals
from exporter.store.database import Connection
from exporter.store.queries import QUERIES, identity_of

Lane = Literal["tail", "backfill"]


class Lease(NamedTuple):
    """The right to write an account; each writing transaction checks that it is still valid."""

    holder: str
    epoch: int


@dataclass
class Run:
    """The record of one walk through a window, written with its first batch.

    ``run_id`` is drawn from the sequence beforehand, or known after the first batch.
    """

    lane: Lane
    wanted: Window
    run_id: int | None = None


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


class Loaded(NamedTuple):
    """What a batch changed."""

    inserted: int
    updated: int
    rejected: int
    run_id: int


def load(
    connection: Connection,
    stream: History,
    partition: Partition,
    run: Run,
    batch: Batch,
    lease: Lease | None,
) -> Loaded:
    """Write a batch in the caller's transaction.

    The caller sets ``run.run_id`` after the commit, because a repeated transaction must write the
    run record again. Raises LeaseLost when another process writes the account.
    """
    connection.execute(QUERIES["lock_stream"], identity_of(partition))
    check(connection, partition.account_id, lease)
    comparison = tables.compare(connection, stream.table, batch.rows)
    written = tables.apply(connection, stream.table, comparison)
    note_issues(connection, partition, stream.table, comparison)
    totals.add(connection, stream, partition, written)
    rejected = keep_rejects(connection, partition, batch.rejects, batch.drift)
    if batch.proven is not None and not batch.proven.empty:
        claim(connection, partition, batch.proven)
    counts = {
        "pages": batch.pages,
        "inserted": len(written.inserted),
        "updated": len(written.changed),
        "rejected": rejected,
        "complete": batch.complete,
    }
    run_id = _record(connection, partition, run, counts)
    return Loaded(len(written.inserted), len(written.changed), rejected, run_id)


def check(connection: Connection, account_id: str, lease: Lease | None) -> None:
    """Check the lease and hold it until the transaction ends. Raises LeaseLost.

    Without a lease only the stream lock keeps writers apart.
    """
    if lease is None:
        return
    held = connection.execute(
        QUERIES["check_lease"],
        {"account_id": account_id, "holder": lease.holder, "epoch": lease.epoch},
    ).fetchone()
    if held is None:
        raise LeaseLost("another process took over the lease of this account")


def claim(connection: Connection, partition: Partition, proven: Window) -> None:
    """Add a window to the proven ranges of a partition."""
    window = {"start": proven.start, "end": proven.end}
    connection.execute(QUERIES["claim"], identity_of(partition) | window)


def note_issues(
    connection: Connection, partition: Partition, table: Table, comparison: tables.Comparison
) -> None:
    """Keep both records of each fact that changed, and of each older version that was read.

    An older version is kept once, because every pass that reads its page meets it again.
    """
    for stored, read, _ in comparison.changed:
        kind = "raw_changed" if _same_columns(table, stored, read) else "changed"
        parameters = _issue(partition, table, stored, read) | {"kind": kind}
        connection.execute(QUERIES["note_issue"], parameters)
    for newer, read in comparison.older:
        connection.execute(QUERIES["note_older"], _issue(partition, table, newer, read))


def _same_columns(table: Table, stored: Any, read: Any) -> bool:
    return all(
        getattr(stored, name) == getattr(read, name) for name in table.columns if name != "raw"
    )


def _issue(partition: Partition, table: Table, old: Any, new: Any) -> dict[str, Any]:
    return identity_of(partition) | {
        "key": Jsonb({name: str(getattr(new, name)) for name in table.key}),
        "old": old.raw,
        "new": new.raw,
    }


def keep_rejects(
    connection: Connection, partition: Partition, rejects: Iterable[Reject], drift: Iterable[Drift]
) -> int:
    """Store records that could not be read, and drift; the number of new or reopened rejects."""
    identity = identity_of(partition)
    new = 0
    for reject in rejects:
        result = connection.execute(
            QUERIES["keep_reject"],
            identity
            | {
                "record": _storable(reject.raw),
                "record_hash": tables.hash_of(_storable(reject.raw)),
                "reason": _storable(reject.reason),
            },
        )
        new += result.rowcount
    for item in sorted(set(drift)):
        parameters = identity | {
            name: _storable(value)[:200] for name, value in item._asdict().items()
        }
        connection.execute(QUERIES["note_drift"], parameters)
    return new


def resolve(connection: Connection, partition: Partition) -> None:
    """Resolve the open rejects of a snapshot stream: the newest response holds the whole state.

    Not for history, where a record that could not be read is missing until it is read.
    """
    connection.execute(QUERIES["resolve_rejects"], identity_of(partition))


def _storable(text: str) -> str:
    """Postgres cannot store NUL in text (Character Types); U+2400 replaces it."""
    return text.replace("\0", "\N{SYMBOL FOR NULL}")


def _record(
    connection: Connection, partition: Partition, run: Run, counts: dict[str, int | bool]
) -> int:
    walk = {"lane": run.lane, "start": run.wanted.start, "end": run.wanted.end}
    record = identity_of(partition) | counts | walk
    if run.run_id is not None:
        connection.execute(QUERIES["continue_run"], record | {"run_id": run.run_id})
        return run.run_id
    row = connection.execute(QUERIES["start_run"], record).fetchone()
    return int(row[0]) if row else 0
