"""Make a reject of a record: its text, why it cannot be read, and what identifies it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from exporter.model.envelope import RawRecord
from exporter.model.limits import LONGEST_REASON
from exporter.model.members import Member, decoded, value_of
from exporter.model.storable import storable
from exporter.model.stream import History, Reject, Stream, key_text


def rejected(
    stream: Stream, record: RawRecord, sent: bytes, account_id: str, reason: str
) -> Reject:
    """The reject of a record that cannot be read for ``reason``; ``sent`` are its own bytes.

    Its key and its instant are added where they can be read although the record cannot.
    """
    content = decoded(record.json)
    return Reject(
        raw=storable(sent.decode("utf-8", "replace")),
        reason=storable(reason)[:LONGEST_REASON],
        key=_key(stream, content, record.tag, account_id),
        happened_at=_happened_at(stream, content),
    )


def _key(stream: Stream, content: Any, tag: str, account_id: str) -> Mapping[str, str] | None:
    group, _, _ = tag.partition("/")
    defaults = {"account_id": account_id, "instrument_code": tag, "fee_group": group}
    key = {
        name: _column(stream, content, name, defaults.get(name, "")) for name in stream.table.key
    }
    if None in key.values():
        return None
    return {name: key_text(value) for name, value in key.items()}


def _happened_at(stream: Stream, content: Any) -> datetime | None:
    if not isinstance(stream, History):
        return None
    at: datetime | None = _column(stream, content, stream.instant)
    return at


def _column(stream: Stream, content: Any, name: str, default: str = "") -> Any:
    member = stream.members.get(name, Member((name,)))
    return value_of(content, member, stream.table.columns[name], default)
