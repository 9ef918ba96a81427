"""Read one answer of a stream: every good record becomes a row, every bad one is kept aside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from operator import attrgetter
from typing import Any

from exporter.errors import BadRecord
from exporter.fields import RawRecord, text_member
from exporter.stream import Drift, History, Json, Order, Page, Reject, Source, Stream


def read(stream: Stream, body: bytes, account_id: str) -> Page:
    """Read ``body``, an answer to a request of ``stream``, for the account ``account_id``.

    Raises UnexpectedPayload when the answer as a whole is not of the documented shape. A record
    that cannot be read becomes a Reject; unknown fields and values become Drift, and load.
    """
    envelope = stream.unwrap(body)
    echoed = text_member(envelope.header, "account_id")
    rows: list[Any] = []
    rejects: list[Reject] = []
    drift: list[Drift] = []
    instants: defaultdict[str, list[datetime]] = defaultdict(list)
    when = attrgetter(stream.instant) if isinstance(stream, History) else None
    for record in envelope.records:
        try:
            row, unknown = _row(stream, record, echoed or account_id)
        except BadRecord as error:
            rejects.append(Reject(record.json.decode("utf-8", "replace"), str(error)))
            continue
        rows.append(row)
        if when is not None:
            instants[record.tag].append(when(row))
        if unknown:
            drift.extend(Drift("unknown_field", path, "") for path in unknown)
        for column, known in stream.enums.items():
            value = getattr(row, column)
            if value is not None and value not in known:
                drift.append(Drift("unknown_value", column, str(value)))
    return Page(
        rows=rows,
        rejects=rejects,
        drift=drift,
        cursor=envelope.cursor,
        header=envelope.header,
        account_id=echoed,
        records=len(envelope.records),
        order=_order(instants),
    )


def _order(instants: Mapping[str, list[datetime]]) -> Order:
    """The order of each list of an answer; an answer may hold one list per instrument."""
    found: Order = "unknown"
    for of_tag in instants.values():
        for earlier, later in pairwise(of_tag):
            if earlier < later:
                return "mixed"
            if earlier > later:
                found = "newest_first"
    return found


def _row(stream: Stream, record: RawRecord, account_id: str) -> tuple[Any, tuple[str, ...]]:
    parsed, unknown = stream.shape.read(record.json)
    try:
        raw = Json(record.json, "utf-8")
    except UnicodeDecodeError as error:
        raise BadRecord(f"not UTF-8: {error}") from error
    return stream.row(parsed, Source(account_id, record.tag, raw)), unknown
