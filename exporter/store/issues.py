"""Note what a reader of the facts has to know: what changed, came twice, came late or vanished."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

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
    *,
    found_by: Literal["verify"] | None = None,
) -> set[str]:
    """Keep both records of each fact that changed, and of each record that was left out.

    What was left out is kept once, because every pass that reads its page meets it again.
    ``found_by``: what the walk was for, unless it was to read what is new or missing. Returns the
    keys, as JSON, of those of which a column changed, or a state contradicts the one before.
    """
    changed = set()
    for stored, read, _ in comparison.changed:
        kind = _kind(stream.table, stored, read)
        if kind:
            noted = issue(partition, stream, kind, stored, read) | {"found_by": found_by}
            connection.execute(QUERIES["note_issue"], noted)
        if kind and kind != "raw_changed":
            changed.add(key_text(stream.table.key_of(read)))
    left_out = (("older", comparison.older), (stream.table.twins, comparison.twins))
    for kind, pairs in left_out:
        for counts, read in pairs:
            connection.execute(QUERIES["note_once"], issue(partition, stream, kind, counts, read))
    return changed


def note_late(
    connection: Connection, partition: Partition, stream: History, rows: Sequence[Any]
) -> set[str]:
    """Keep the records of facts that were missing in history that was proven complete; their keys,
    as JSON."""
    issues = [
        identity_of(partition)
        | {
            "key": Jsonb(stream.table.key_of(row)),
            "new": row.raw,
            "happened_at": getattr(row, stream.instant),
        }
        for row in rows
    ]
    if issues:
        with connection.cursor() as cursor:
            cursor.executemany(QUERIES["note_late"], issues)
    return {key_text(stream.table.key_of(row)) for row in rows}


def note_vanished(
    connection: Connection, partition: Partition, stream: History, rows: Iterable[Any]
) -> int:
    """Keep the records of stored facts that the exchange no longer shows; how many are new."""
    found = [
        connection.execute(
            QUERIES["note_vanished"],
            identity_of(partition)
            | {
                "key": Jsonb(stream.table.key_of(row)),
                "old": row.raw,
                "happened_at": getattr(row, stream.instant),
            },
        ).fetchone()
        for row in rows
    ]
    return sum(row is not None for row in found)


def resolve_vanished(
    connection: Connection, partition: Partition, stream: History, rows: Sequence[Any]
) -> set[str]:
    """Note that facts which had vanished are shown again, by ``rows``; their keys, as JSON."""
    waiting = connection.execute(QUERIES["vanished"], identity_of(partition)).fetchall()
    shown = {key_text(stream.table.key_of(row)) for row in rows} if waiting else set()
    back = {issue: text for issue, key in waiting if (text := key_text(key)) in shown}
    if back:
        connection.execute(QUERIES["resolve_vanished"], {"ids": list(back)})
    return set(back.values())


def key_text(key: Mapping[str, str]) -> str:
    """A key as text; jsonb keeps no order."""
    return json.dumps(key, sort_keys=True)


def _kind(table: Table, stored: Any, read: Any) -> str:
    """What kind of issue it is that ``read`` replaced ``stored``; '': none."""
    if table.changes is not None:
        return table.changes.contradiction(stored, read)
    return "raw_changed" if _same_columns(table, stored, read) else "changed"


def _same_columns(table: Table, stored: Any, read: Any) -> bool:
    return all(
        getattr(stored, name) == getattr(read, name) for name in table.columns if name != "raw"
    )


def issue(
    partition: Partition, stream: History | Follower, kind: str, old: Any, new: Any
) -> dict[str, Any]:
    """The parameters of `note_issue` and `note_once` for two rows of a stream."""
    return identity_of(partition) | {
        "kind": kind,
        "key": Jsonb(stream.table.key_of(new)),
        "happened_at": getattr(old, stream.instant),
        "old": old.raw,
        "new": new.raw,
    }
