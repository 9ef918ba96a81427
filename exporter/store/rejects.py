"""Keep what could not be read, and know when it is no longer missing.

A reject of history is resolved when a record of its key loads, or when it can lie nowhere any
more: at first it can lie at its own instant or, where that cannot be read, anywhere in the window
that was asked for; each complete walk that does not show it takes its window away. A reject of a
snapshot or a list is resolved by the next response that does not show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb
from psycopg.types.multirange import TimestamptzMultirange
from psycopg.types.range import TimestamptzRange

from exporter.model.hashes import hash64
from exporter.model.limits import LONGEST_REASON, LONGEST_SAMPLE
from exporter.model.storable import storable
from exporter.model.stream import Drift, History, Partition, Reject, Table
from exporter.model.window import EPOCH, Window
from exporter.store.database import Connection
from exporter.store.queries import QUERIES, identity_of

_LATEST = datetime(9999, 1, 1, tzinfo=UTC)
LONGEST_RECORD = 1_000_000
"""Characters that are kept of a record; a whole response may be one."""


class Asked(NamedTuple):
    """The window of a walk."""

    wanted: Window
    edges: timedelta
    """How much more is asked for on both sides, so that records from there may come."""

    @property
    def wider(self) -> Window:
        """What was really asked for."""
        return Window(self.wanted.start - self.edges, self.wanted.end + self.edges)


class Walked(NamedTuple):
    """What a complete walk has read of a partition."""

    window: Window
    """Every record of it was read."""
    asked: Asked
    shown: frozenset[int]
    """The identities (`identity`) of the records that it has shown, and that could not be read."""


def identity(reject: Reject) -> int:
    """By what a rejected record is known again.

    Its key is a part of it: the exchange may list equal records under several instruments.
    """
    key = "" if reject.key is None else repr(sorted(_storable_key(reject.key).items()))
    return hash64((_kept(reject.raw) + key).encode())


def keep(
    connection: Connection,
    partition: Partition,
    rejects: Iterable[Reject],
    asked: Asked | None = None,
) -> int:
    """Store records that could not be read; how many of them are new or reopened.

    ``asked``: the window of history in which they were met.
    """
    return sum(
        _keep(
            connection,
            partition,
            reject._replace(raw=_kept(reject.raw)),
            identity(reject),
            _times(asked, reject.happened_at),
        )
        for reject in rejects
    )


def keep_response(connection: Connection, partition: Partition, body: str, reason: str) -> bool:
    """Store a response that Postgres refuses as a whole; False when one waits for that reason.

    Responses differ each time, so they are known again by the reason.
    """
    reject = Reject(_kept(body), reason)
    return bool(_keep(connection, partition, reject, hash64(storable(reason).encode()), None))


def _keep(
    connection: Connection,
    partition: Partition,
    reject: Reject,
    record_hash: int,
    times: TimestamptzMultirange | None,
) -> int:
    parameters = identity_of(partition) | {
        "record": reject.raw,
        "record_hash": record_hash,
        "reason": storable(reject.reason)[:LONGEST_REASON],
        "key": None if reject.key is None else Jsonb(_storable_key(reject.key)),
        "happened_at": reject.happened_at,
        "times": times,
    }
    counted = connection.execute(QUERIES["keep_reject"], parameters).fetchone()
    return int(counted is not None and counted[0])


def _storable_key(key: Mapping[str, str]) -> dict[str, str]:
    return {name: storable(value) for name, value in key.items()}


def _kept(record: str) -> str:
    return storable(record[:LONGEST_RECORD])


def note_drift(connection: Connection, partition: Partition, drift: Iterable[Drift]) -> None:
    """Store what the exchange does not document, each thing once."""
    for item in sorted(set(drift)):
        parameters = identity_of(partition) | {
            name: storable(value[:LONGEST_SAMPLE]) for name, value in item._asdict().items()
        }
        connection.execute(QUERIES["note_drift"], parameters)


def resolve_unseen(
    connection: Connection, partition: Partition, shown: Iterable[Reject] = ()
) -> None:
    """Resolve the open rejects of a snapshot or list: the newest response holds the whole state.

    ``shown``: what it holds and what could not be read this time, either.
    """
    hashes = [identity(reject) for reject in shown]
    connection.execute(QUERIES["resolve_rejects"], identity_of(partition) | {"shown": hashes})


def resolve_loaded(
    connection: Connection,
    partition: Partition,
    stream: History,
    rows: Sequence[Any],
    shown: Iterable[int],
) -> None:
    """Resolve the open rejects whose keys are among the stored ``rows``.

    ``shown``: what this walk has shown and what could not be read, which is no past matter.
    """
    statement = QUERIES["open_reject_keys"]
    waiting = connection.execute(statement, identity_of(partition)).fetchall()
    if not waiting:
        return
    loaded = {tuple(stream.table.key_of(row).items()) for row in rows}
    still = frozenset(shown)
    ids = [
        reject_id
        for reject_id, record_hash, key in waiting
        if record_hash not in still and _in_order(stream.table, key) in loaded
    ]
    if ids:
        connection.execute(QUERIES["resolve_loaded"], {"ids": ids})


def narrow(connection: Connection, partition: Partition, walked: Walked) -> None:
    """Take what a complete walk has read from where its open rejects can lie."""
    parameters = identity_of(partition) | {
        "shown": list(walked.shown),
        "wanted": _multirange(walked.asked.wanted),
        "asked": _multirange(walked.asked.wider),
        "walked": _multirange(walked.window),
    }
    connection.execute(QUERIES["narrow_rejects"], parameters)


def rejected_times(connection: Connection, partition: Partition) -> list[tuple[Partition, Window]]:
    """Where in time the open rejects of a stream can lie: only reading that again ends them."""
    found = connection.execute(QUERIES["rejected_times"], identity_of(partition)).fetchall()
    return [
        (partition._replace(instrument=scope), Window(start or EPOCH, end or _LATEST))
        for scope, start, end in found
    ]


def _in_order(table: Table, key: dict[str, str]) -> tuple[tuple[str, str | None], ...]:
    """A stored key with its columns in the table's order; jsonb keeps none."""
    return tuple((name, key.get(name)) for name in table.key)


def _times(asked: Asked | None, happened_at: datetime | None) -> TimestamptzMultirange | None:
    """Where in time a record can lie that was met in a window.

    An instant outside of it is not believed: the exchange would not have sent the record.
    """
    if asked is None:
        return None
    if happened_at is not None and asked.wider.holds(happened_at):
        return TimestamptzMultirange([TimestamptzRange(happened_at, happened_at, "[]")])
    return _multirange(asked.wanted)


def _multirange(window: Window) -> TimestamptzMultirange:
    return TimestamptzMultirange([TimestamptzRange(window.start, window.end)])


class OpenReject(NamedTuple):
    """A record that could not be read and is missing since."""

    reject_id: int
    stream: str
    account: str
    """Configured name; the id as text where there is none."""
    account_id: str
    scope: str
    since: datetime
    reason: str
    key: Mapping[str, str] | None
    happened_at: datetime | None
    record: str
    """As sent; cut at `LONGEST_RECORD` characters."""


def open_rejects(
    connection: Connection, stream: str | None, accounts: Sequence[str]
) -> list[OpenReject]:
    """The open rejects of a stream, or of all, and of accounts by their names; none: of all."""
    parameters = {"stream": stream, "accounts": list(accounts)}
    return [OpenReject(*row) for row in connection.execute(QUERIES["open_rejects"], parameters)]


def resolve(connection: Connection, reject_id: int) -> None:
    """The record of a reject was loaded."""
    connection.execute(QUERIES["resolve_loaded"], {"ids": [reject_id]})


def still_rejected(connection: Connection, reject_id: int, reason: str) -> None:
    """The record of a reject cannot be read by this version either, for this reason."""
    parameters = {"reject_id": reject_id, "reason": storable(reason)[:LONGEST_REASON]}
    connection.execute(QUERIES["still_rejected"], parameters)


def reach_of_history(connection: Connection, partition: Partition) -> datetime | None:
    """From when on facts of a stream are kept; None while that is not known."""
    row = connection.execute(QUERIES["reach_of_history"], identity_of(partition)).fetchone()
    return row[0] if row else None
