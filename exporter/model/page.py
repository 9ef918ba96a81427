"""Read one response of a stream: every good record becomes a row, every bad one a reject."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from exporter.model.envelope import RawRecord, holds_nothing, text_member
from exporter.model.errors import BadRecord, EmptyPayload
from exporter.model.stream import Drift, Json, Page, Reject, Source, Stream


def read(stream: Stream, body: bytes, account_id: str) -> Page:
    """Read ``body``, the response to a request of ``stream``, for the account ``account_id``.

    A record that cannot be read becomes a Reject; unknown fields and values load, and become
    Drift. Raises UnexpectedPayload when the response as a whole is not of the documented shape.
    """
    if stream.requires_futures and holds_nothing(body):
        raise EmptyPayload(f"{stream.path}: nothing in the response: {body[:60]!r}")
    envelope = stream.unwrap(body)
    echoed = text_member(envelope.header, "account_id")
    account_id = echoed or account_id
    rows: list[Any] = []
    tags: list[str] = []
    rejects: list[Reject] = []
    drift: list[Drift] = []
    for record in envelope.records:
        try:
            row, unknown = _row(stream, record, account_id)
        except BadRecord as error:
            rejects.append(Reject(record.json.decode("utf-8", "replace"), str(error)))
            continue
        rows.append(row)
        tags.append(record.tag)
        if unknown:
            drift.extend(Drift("unknown_field", path, "") for path in unknown)
    drift.extend(_unknown_values(stream, rows))
    return Page(
        rows=rows,
        rejects=rejects,
        drift=drift,
        cursor=envelope.cursor,
        header=envelope.header,
        account_id=echoed,
        records=len(envelope.records),
        order=stream.order(rows, tags),
    )


def _unknown_values(stream: Stream, rows: Sequence[Any]) -> Iterator[Drift]:
    """Values that are not documented, each once."""
    for column, known in stream.enums.items():
        values = set(map(attrgetter(column), rows))
        for value in sorted(values - known - {None}):
            yield Drift("unknown_value", column, str(value))


def _row(stream: Stream, record: RawRecord, account_id: str) -> tuple[Any, tuple[str, ...]]:
    parsed, unknown = stream.decoder.decode(record.json)
    try:
        raw = Json(record.json, "utf-8")
    except UnicodeDecodeError as error:
        raise BadRecord(f"not UTF-8: {error}") from error
    return stream.row(parsed, Source(account_id, record.tag, raw)), unknown
