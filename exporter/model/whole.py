"""Judge a response that shows a whole: a state (`Snapshot`) or a list (`Reference`).

A state with a record that cannot be read is no state. A list goes on without the record. With a key
that stands twice neither can be used: nothing tells which of the two is meant.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import suppress
from operator import attrgetter
from typing import Any

from exporter.model.errors import BadRecord, UnexpectedPayload
from exporter.model.stream import Json, Page, Reference, Reject, Snapshot, Source


def unusable(stream: Snapshot | Reference, page: Page, body: bytes) -> list[Reject]:
    """What makes a response as a whole malformed; nothing: it is good.

    One reject for each record that cannot be read, or for the records of each key that repeats.
    ``page`` is what was read from ``body``.
    """
    if page.rejects and (not stream.tolerates_rejects or not page.rows):
        return page.rejects
    key = attrgetter(*stream.table.key)
    keys = list(map(key, page.rows))
    if len(set(keys)) == len(keys):
        return []
    repeated = {at: count for at, count in Counter(keys).items() if count > 1}
    sent = _as_sent(stream, body)
    return [
        Reject(
            sent.get(at) or body.decode("utf-8", "replace"),
            f"{' '.join(map(str, identity.values()))} stands {count} times in one response",
            identity,
        )
        for at, count in repeated.items()
        for identity in [stream.table.key_of(page.rows[keys.index(at)])]
    ]


def _as_sent(stream: Snapshot | Reference, body: bytes) -> dict[Any, str]:
    """The records of a response by their key, one a line: rows may not keep them."""
    key = attrgetter(*stream.table.key)
    sent: defaultdict[Any, list[str]] = defaultdict(list)
    with suppress(UnexpectedPayload):
        for record in stream.unwrap(body).records:
            with suppress(BadRecord):
                parsed, _ = stream.decoder.decode(record.json)
                raw = Json(record.json, "utf-8", "replace")
                row = stream.row(parsed, Source("", record.tag, raw))
                sent[key(row)].append(record.json.decode("utf-8", "replace"))
    return {at: "\n".join(records) for at, records in sent.items()}
