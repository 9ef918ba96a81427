"""Ten thousand bodies that nobody documented: each is refused in one way, or can be stored.

Of every endpoint that is read: those of the streams, a single order by its id, the details of one
position in each shape that they may have, and what names the time and the account.
`FUZZ_BODIES=100000` reads more of them.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from exporter.api.clock import http_date
from exporter.api.response import error_of, retry_after_s, stated_time
from exporter.model.closings import Follower
from exporter.model.envelope import bare_list, members_of_any, text_member
from exporter.model.errors import BadRecord, ExchangeError, UnexpectedPayload
from exporter.model.live_history import LiveHistory
from exporter.model.page import read
from exporter.model.stream import Page, Reference, Snapshot, SnapshotResponse, Stream
from exporter.streams import STREAMS
from tests.support.mutations import NASTY, mutated

PAGES = Path(__file__).parents[1] / "pages"
ACCOUNT = "0f0f0f0f-0000-4000-8000-000000000001"
BODIES = int(os.environ.get("FUZZ_BODIES", "10000"))
POSITION = "2111199765938682"
ECHOING = ("balances", "portfolio", "account_fees")
"""Streams whose response names the account."""
_SEED = 20_261_130


class Response(NamedTuple):
    """What an endpoint sends: the stream that reads it, and a good body."""

    name: str
    stream: Stream
    page: bytes


def page_of(stream: Stream) -> bytes:
    """The sample page of a stream."""
    return (PAGES / f"{stream.name}.json").read_bytes()


def responses() -> Iterator[Response]:
    """Every response that is read as records, in each documented or expected shape."""
    for stream in STREAMS:
        page = page_of(stream)
        if isinstance(stream, LiveHistory):
            order = json.loads(page)["order_history"][0]
            yield Response("order_by_id", stream.single, json.dumps(order).encode())
        if isinstance(stream, Follower):
            stream = stream.of(POSITION)
            records = next(iter(json.loads(page).values()))
            for shape, body in shapes(records):
                yield Response(f"{stream.name}_{shape}", stream, json.dumps(body).encode())
        yield Response(stream.name, stream, page)


def shapes(records: list[Any]) -> Iterator[tuple[str, Any]]:
    """The details of a position as they may be sent, too: no page of theirs was ever seen whole."""
    yield "bare", records
    if "trade" in records[0]:
        yield "flat", {"trade_history": [record["trade"] | record["fee"] for record in records]}


RESPONSES = list(responses())
every_response = pytest.mark.parametrize("response", RESPONSES, ids=lambda response: response.name)


def bodies(response: Response, number: int) -> Iterable[bytes]:
    """So many mutated pages, always the same ones."""
    chance = random.Random(f"{response.name} {_SEED}")  # noqa: S311  not for secrets
    return (mutated(response.page, chance) for _ in range(number))


def assert_text(text: str) -> None:
    """Postgres can store it."""
    assert "\0" not in text
    text.encode()  # no lone surrogate


def assert_json(raw: str | bytes) -> None:
    """Postgres can store it as jsonb."""

    def number(text: str) -> Decimal:
        value = Decimal(text)
        _, digits, exponent = value.as_tuple()
        assert isinstance(exponent, int)
        assert exponent >= -16_383
        assert len(digits) + exponent <= 131_072
        return value

    def constant(text: str) -> None:
        raise AssertionError(f"{text} is not JSON")

    def walk(node: Any) -> None:
        if isinstance(node, str):
            assert_text(node)
        for item in node if isinstance(node, list) else []:
            walk(item)
        for name, item in node.items() if isinstance(node, dict) else ():
            assert_text(name)
            walk(item)

    walk(json.loads(raw, parse_float=number, parse_int=number, parse_constant=constant))


def assert_value(kind: str, value: Any) -> None:
    """Postgres can store it in a column of this type."""
    if kind == "bigint":
        assert -(2**63) <= value < 2**63
    elif kind == "numeric":
        assert value.is_finite()
        assert value.as_tuple().exponent >= -16_383
        assert abs(value.adjusted()) <= 1_000
    elif kind == "timestamptz":
        assert value.utcoffset() is not None
    elif kind == "jsonb":
        assert_json(value)
    elif kind == "boolean":
        assert isinstance(value, bool)
    else:
        assert_text(value)
        assert len(value) <= 1_500


def assert_storable(stream: Stream, page: Page) -> None:
    """Nothing of a page is refused by Postgres, by another reading of its limits."""
    for row in page.rows:
        for (name, kind), value in zip(stream.table.columns.items(), row, strict=True):
            assert name not in stream.table.key or value not in (None, "")
            if value is not None:
                assert_value(kind, value)
    for reject in page.rejects:
        assert 0 < len(reject.reason) <= 500
        assert set(reject.key or {}) <= set(stream.table.key)
        for text in (reject.raw, reject.reason, *(reject.key or {}).values()):
            assert_text(text)
    for drift in page.drift:
        assert_text(drift.path + drift.sample)
    for name, raw in page.header.items():
        assert_text(name)
        assert_json(bytes(raw))
    assert_text(page.cursor or "")
    assert page.records == len(page.rows) + len(page.rejects)


@every_response
def test_a_mutated_body_is_refused_or_can_be_stored(response: Response) -> None:
    outcomes, stream = {"refused": 0, "rejects": 0, "good": 0}, response.stream
    for body in bodies(response, BODIES // len(RESPONSES)):
        try:
            page = read(stream, body, ACCOUNT)
        except UnexpectedPayload as error:
            assert "\n" not in str(error)
            assert len(str(error)) <= 1_000
            outcomes["refused"] += 1
            continue
        assert_storable(stream, page)
        outcomes["rejects" if page.rejects else "good"] += 1
        if isinstance(stream, Snapshot | Reference):
            with suppress(UnexpectedPayload):
                for sample in stream.samples(SnapshotResponse(page.rows, page.header)):
                    assert Decimal(sample.value).is_finite()
        if isinstance(stream, LiveHistory):
            for row in page.rows:
                assert_embedded_are_storable(stream, row.raw)
    assert min(outcomes.values()) > 20, outcomes


def assert_embedded_are_storable(stream: LiveHistory, raw: str) -> None:
    """The records inside of a good one are read as its own list would be, or refused as a whole."""
    embedded = stream.embedded
    try:
        body = b"[" + b",".join(embedded.records(raw)) + b"]"
        page = read(replace(embedded.stream, unwrap=bare_list), body, ACCOUNT)
    except (BadRecord, UnexpectedPayload):
        return
    assert_storable(embedded.stream, page)


def test_a_mutated_time_is_an_instant_or_refused() -> None:
    chance = random.Random(_SEED)  # noqa: S311  not for secrets
    page = b'{"iso":"2026-03-01T10:00:00.123Z","epoch_millis":1772359200123}'
    told = 0
    for _ in range(BODIES // len(RESPONSES)):
        try:
            at = stated_time(mutated(page, chance))
        except UnexpectedPayload:
            continue
        assert at.utcoffset() is not None
        told += 1
    assert told > 20


def test_a_mutated_body_names_an_account_or_is_refused() -> None:
    chance = random.Random(_SEED)  # noqa: S311  not for secrets
    pages = [page_of(stream) for stream in STREAMS if stream.name in ECHOING]
    assert len(pages) == len(ECHOING)
    for number in range(BODIES // len(RESPONSES)):
        body = mutated(pages[number % len(pages)], chance)
        with suppress(UnexpectedPayload):
            assert_text(text_member(members_of_any(body), "account_id") or "")


def test_a_mutated_body_is_one_error_of_the_exchange_or_none() -> None:
    chance = random.Random(_SEED)  # noqa: S311  not for secrets
    pages = [page_of(stream) for stream in STREAMS]
    pages += [b'{"error":"INVALID_CURSOR","error_message":"no"}', b'{"message":"Forbidden"}']
    for number in range(2_000):
        body = mutated(pages[number % len(pages)], chance)
        error = error_of("some/path", chance.choice([200, 200, 400, 401, 403, 429, 500]), body)
        assert error is None or isinstance(error, ExchangeError)
        assert error is None or len(str(error)) < 1_000


def test_a_mutated_date_is_an_instant_or_none() -> None:
    chance = random.Random(_SEED)  # noqa: S311  not for secrets
    dates = [b"Sun, 01 Mar 2026 10:00:00 GMT", b"Sunday, 01-Mar-26 10:00:00 GMT"]
    dates += [b"Sun Mar  1 10:00:00 2026", *(token.encode("latin-1", "replace") for token in NASTY)]
    for _ in range(20_000):
        date = bytearray(chance.choice(dates))
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(date) + 1)
            date[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        text = date.decode("latin-1")
        at_instant = http_date(text)
        assert at_instant is None or at_instant.utcoffset() is not None
        after = retry_after_s(text, lambda: datetime(2026, 3, 1, tzinfo=UTC))
        assert after is None or 0 <= after < float("inf")
