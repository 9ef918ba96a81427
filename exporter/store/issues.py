"""Note what a reader of the facts has to know: a fact that changed, or came in several forms."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from exporter.model.closings import Follower
from exporter.model.stream import History, Partition, Table
from exporter.store.database import Connection
from exporter.store.queries import QUERIES, identity_of
from exporter.store.table import Comparison


def note(
    connection: Connection,
    partition: Partition,
    stream: History | Follower,
    comparison: Comparison,
) -> None:
    """Keep both records of each fact that changed, and of each record that was left out.

    What was left out is kept once, because every pass that reads its page meets it again.
    """
    for stored, read, _ in comparison.changed:
        kind = "raw_changed" if _same_columns(stream.table, stored, read) else "changed"
        connection.execute(QUERIES["note_issue"], _issue(partition, stream, kind, stored, read))
    left_out = (("older", comparison.older), (stream.table.twins, comparison.twins))
    for kind, pairs in left_out:
        for counts, read in pairs:
            issue = _issue(partition, stream, kind, counts, read)
            connection.execute(QUERIES["note_once"], issue)


def _same_columns(table: Table, stored: Any, read: Any) -> bool:
    return all(
        getattr(stored, name) == getattr(read, name) for name in table.columns if name != "raw"
    )


def _issue(
    partition: Partition, stream: History | Follower, kind: str, old: Any, new: Any
) -> dict[str, Any]:
    return identity_of(partition) | {
        "kind": kind,
        "key": Jsonb(stream.table.key_of(new)),
        "happened_at": getattr(old, stream.instant),
        "old": old.raw,
        "new": new.raw,
    }
