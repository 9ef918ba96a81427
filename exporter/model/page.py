"""Read one response of a stream: every good record becomes a row, every bad one a reject."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from exporter.model.envelope import (
    Envelope,
    RawRecord,
    check_header,
    holds_nothing,
    start_of,
    text_member,
)
from exporter.model.errors import BadRecord, EmptyPayload, UnexpectedPayload
from exporter.model.fields import uuid
from exporter.model.limits import LONGEST_SAMPLE
from exporter.model.mending import LARGEST_MENDED, SHOWN, Fault, Odd, allot, mend
from exporter.model.rejects import rejected
from exporter.model.storable import storable
from exporter.model.stream import (
    Drift,
    History,
    Json,
    Page,
    Reject,
    Source,
    Sources,
    Stream,
)
from exporter.model.texts import Unusual
from exporter.model.tuples import named
from exporter.model.window import Window

_FEWEST = 4
"""Records that are read at once: fewer take longer so, such as the trades inside of an order."""
_MOST_UNKNOWN = 50
"""Unknown fields that are reported of one record."""


def read(stream: Stream, body: bytes, account_id: str) -> Page:
    """Read ``body``, the response to a request of ``stream``, for the account ``account_id``.

    A record that cannot be read, or that Postgres could not hold, becomes a Reject; unknown fields
    and values load, and become Drift. Raises UnexpectedPayload, and nothing else, when the response
    as a whole is not of the documented shape.
    """
    if stream.requires_futures and stream.stands_alone and holds_nothing(body):
        raise EmptyPayload(f"{stream.path}: nothing in the response: {start_of(body)}")
    envelope, odd = _take_apart(stream, body)
    check_header(envelope.header)
    echoed = _echoed(envelope.header)
    account_id = echoed or account_id
    found = None if odd else _usual(stream, envelope.records, account_id)
    if found is None:
        found = _one_by_one(stream, envelope.records, account_id, odd)
    return Page(
        rows=found.rows,
        rejects=found.rejects,
        drift=[*found.drift, *_unknown_values(stream, found.rows)],
        cursor=envelope.cursor,
        header=envelope.header,
        account_id=echoed,
        records=len(envelope.records),
        order=stream.order(found.rows, found.tags),
        tags=found.tags,
    )


class _Found(NamedTuple):
    """What the records of a response are: parts of a `Page`."""

    rows: list[Any]
    tags: list[str]
    rejects: list[Reject]
    drift: list[Drift]


def _usual(stream: Stream, records: Sequence[RawRecord], account_id: str) -> _Found | None:
    """All records at once; None unless there are some, and each of them is as nearly all are."""
    if stream.columns is None or len(records) < _FEWEST:
        return None
    sent, tags = zip(*records, strict=True)
    decoded = stream.decoder.decode_all(sent)
    if decoded is None:
        return None
    try:
        columns = stream.columns(decoded, Sources(account_id, tags, Json.sent(sent)))
    except (BadRecord, Unusual, UnicodeDecodeError):
        return None
    if not stream.table.row_check.passes(columns, max(map(len, sent)) + max(map(len, tags))):
        return None
    return _Found(named(stream.table.row, zip(*columns, strict=True)), list(tags), [], [])


def _one_by_one(
    stream: Stream, records: Sequence[RawRecord], account_id: str, odd: Mapping[int, Odd]
) -> _Found:
    found = _Found([], [], [], [])
    for number, record in enumerate(records):
        try:
            row, unknown = _row(stream, record, account_id, odd.get(number))
        except BadRecord as error:
            sent = odd[number].sent if number in odd else record.json
            found.rejects.append(rejected(stream, record, sent, account_id, str(error)))
            continue
        found.rows.append(row)
        found.tags.append(record.tag)
        if unknown:
            found.drift.extend(_unknown_fields(unknown))
    return found


def confined(stream: History, page: Page, asked: Window) -> Page:
    """``page`` with the rows that lie outside of the window ``asked`` for moved to ``outside``.

    They say nothing about the order of the others, nor about how far a walk has come.
    """
    if not stream.ordered:
        return page
    instant = attrgetter(stream.instant)
    instants = list(map(instant, page.rows))
    if not instants or (asked.start <= min(instants) and max(instants) < asked.end):
        return page
    inside = [
        (row, tag)
        for row, tag in zip(page.rows, page.tags, strict=True)
        if asked.holds(instant(row))
    ]
    rows, tags = [row for row, _ in inside], [tag for _, tag in inside]
    outside = [row for row in page.rows if not asked.holds(instant(row))]
    return page._replace(rows=rows, tags=tags, order=stream.order(rows, tags), outside=outside)


def _take_apart(stream: Stream, body: bytes) -> tuple[Envelope, Mapping[int, Odd]]:
    """The response taken apart, and the records, by number, of which something was replaced."""
    # There may be escapes of what no text of Postgres can hold. (A single byte is found sooner.)
    if b"\\" not in body or b"\\u" not in body:
        try:
            return stream.unwrap(body), {}
        except UnexpectedPayload:
            if len(body) > LARGEST_MENDED:
                raise
    elif len(body) > LARGEST_MENDED:
        raise UnexpectedPayload(f"{stream.path}: {len(body)} bytes with escapes are too many")
    mended, faults = mend(body)
    if not faults:
        return stream.unwrap(body), {}
    envelope = stream.unwrap(mended)
    odd, outside = allot(body, mended, [record.json for record in envelope.records], faults)
    return envelope, odd | _oddly_listed(stream, envelope, outside)


def _oddly_listed(stream: Stream, envelope: Envelope, outside: Sequence[Fault]) -> dict[int, Odd]:
    """The records whose list is under a name that something was replaced in.

    Raises UnexpectedPayload when something else of the response cannot be read.
    """
    odd = {
        number: Odd(record.json, f"its list is under {record.tag!r}")
        for number, record in enumerate(envelope.records)
        if outside and not SHOWN.isdisjoint(record.tag)
    }
    why = next((fault.why for fault in outside if fault.why), "")
    if why and not odd:
        raise UnexpectedPayload(f"{stream.path}: {why}")
    return odd


def _echoed(header: Mapping[str, Any]) -> str | None:
    text = text_member(header, "account_id")
    try:
        return None if text is None else uuid(text, "account_id")
    except BadRecord as error:
        raise UnexpectedPayload(str(error)) from error


def _row(
    stream: Stream, record: RawRecord, account_id: str, odd: Odd | None
) -> tuple[Any, tuple[str, ...]]:
    if odd is not None and odd.why:
        raise BadRecord(odd.why)
    parsed, unknown = stream.decoder.decode(record.json)
    try:
        [raw] = Json.sent([record.json])
    except UnicodeDecodeError as error:
        raise BadRecord(f"not UTF-8: {error.reason}") from error
    row = stream.row(parsed, Source(account_id, record.tag, raw))
    check = stream.table.row_check
    check.check(row, len(record.json) + len(record.tag))
    if odd is not None:
        check.refuse(row, SHOWN)
    return row, unknown


def _unknown_fields(paths: Sequence[str]) -> Iterator[Drift]:
    for path in paths[:_MOST_UNKNOWN]:
        yield Drift("unknown_field", storable(path)[:LONGEST_SAMPLE], "")


def _unknown_values(stream: Stream, rows: Sequence[Any]) -> Iterator[Drift]:
    """Values that are not documented, each once."""
    for column, known in stream.enums.items():
        values = set(map(attrgetter(column), rows))
        for value in sorted(values - known - {None}):
            yield Drift("unknown_value", column, storable(str(value))[:LONGEST_SAMPLE])
