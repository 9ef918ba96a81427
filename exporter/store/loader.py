"""Load a batch of history: rows, counters, quarantine, run record and coverage in one transaction.

What coverage claims is true because it commits with the rows that make it true, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from exporter.model.errors import LeaseLost
from exporter.model.stream import Drift, History, Reject, Scope
from exporter.model.window import Window
from exporter.store import table as tables
from exporter.store import totals
from exporter.store.database import Connection
from exporter.store.queries import QUERIES

Lane = Literal["tail", "backfill", "verify"]


class Lease(NamedTuple):
    """The right to write an account; each transaction checks that it still holds."""

    holder: str
    epoch: int


@dataclass
class Run:
    """The record of one walk through a window.

    ``run_id`` is drawn beforehand, or known after the first batch; the record is there with that.
    """

    lane: Lane
    wanted: Window
    run_id: int | None = None


@dataclass
class Batch:
    """Some pages of a walk: what they held, and what they prove."""

    rows: list[Any] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    drift: set[Drift] = field(default_factory=set)
    pages: int = 0
    proven: Window | None = None
    """The part of the walk's window that is complete once these rows are in."""
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
    scope: Scope,
    run: Run,
    batch: Batch,
    lease: Lease | None,
) -> Loaded:
    """Write a batch in the caller's transaction. Raises LeaseLost when the account is not ours.

    ``run.run_id`` is left to the caller to set, after the commit: a transaction that is tried
    again must write the record again.
    """
    identity = {"account_id": scope.account_id, "stream": scope.stream}
    connection.execute(QUERIES["lock_stream"], identity)
    check(connection, scope.account_id, lease)
    written = tables.write(connection, stream.table, batch.rows)
    tables.note_changes(connection, scope.account_id, scope.stream, stream.table, written.changed)
    totals.add(connection, stream, scope, written)
    rejected = set_aside(connection, scope, batch.rejects, batch.drift)
    if batch.proven is not None and not batch.proven.empty:
        claim(connection, scope, batch.proven)
    counts = {
        "pages": batch.pages,
        "inserted": len(written.inserted),
        "updated": len(written.changed),
        "rejected": rejected,
        "complete": batch.complete,
    }
    run_id = _record(connection, scope, run, counts)
    return Loaded(len(written.inserted), len(written.changed), rejected, run_id)


def check(connection: Connection, account_id: str, lease: Lease | None) -> None:
    """Hold the lease until the transaction ends. Without one, only the stream's lock orders us."""
    if lease is None:
        return
    held = connection.execute(
        QUERIES["check_lease"],
        {"account_id": account_id, "holder": lease.holder, "epoch": lease.epoch},
    ).fetchone()
    if held is None:
        raise LeaseLost("another process writes this account now")


def claim(connection: Connection, scope: Scope, proven: Window) -> None:
    """Add a window to the proven ranges of a scope."""
    connection.execute(
        QUERIES["claim"],
        {
            "account_id": scope.account_id,
            "stream": scope.stream,
            "scope": scope.scope,
            "start": proven.start,
            "end": proven.end,
        },
    )


def set_aside(
    connection: Connection, scope: Scope, rejects: Iterable[Reject], drift: Iterable[Drift]
) -> int:
    """Keep records that could not be read and what was odd; how many records are new."""
    where = {"account_id": scope.account_id, "stream": scope.stream}
    new = 0
    for reject in rejects:
        found = connection.execute(
            QUERIES["quarantine"],
            where
            | {
                "scope": scope.scope,
                "record": _storable(reject.raw),
                "record_hash": tables.hash_of(_storable(reject.raw)),
                "reason": _storable(reject.reason),
            },
        )
        new += found.rowcount
    for item in sorted(set(drift)):
        parameters = where | {
            name: _storable(value)[:200] for name, value in item._asdict().items()
        }
        connection.execute(QUERIES["note_drift"], parameters)
    return new


def resolve(connection: Connection, scope: Scope) -> None:
    """The newest answer holds the whole state: what could not be read of those before is moot.

    Not for history, where a record that could not be read is missing until it is.
    """
    identity = {"account_id": scope.account_id, "stream": scope.stream}
    connection.execute(QUERIES["resolve_rejects"], identity)


def _storable(text: str) -> str:
    """Postgres keeps no NUL in a text; a visible sign stands for it."""
    return text.replace("\0", "\N{SYMBOL FOR NULL}")


def _record(connection: Connection, scope: Scope, run: Run, counts: dict[str, int | bool]) -> int:
    record = counts | {
        "account_id": scope.account_id,
        "stream": scope.stream,
        "scope": scope.scope,
        "lane": run.lane,
        "start": run.wanted.start,
        "end": run.wanted.end,
    }
    if run.run_id is not None:
        connection.execute(QUERIES["continue_run"], record | {"run_id": run.run_id})
        return run.run_id
    row = connection.execute(QUERIES["start_run"], record).fetchone()
    return int(row[0]) if row else 0
