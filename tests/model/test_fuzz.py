"""Ten thousand bodies that nobody documented: each is refused in one way, or can be stored."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exporter.api.clock import http_date
from exporter.api.response import error_of, retry_after_s
from exporter.model.errors import ExchangeError, UnexpectedPayload
from exporter.model.page import read
from exporter.model.stream import Page, Reference, Snapshot, SnapshotResponse, Stream
from exporter.streams import STREAMS
from tests.support.mutations import NASTY, mutated

PAGES = Path(__file__).parents[1] / "pages"
ACCOUNT = "0f0f0f0f-0000-4000-8000-000000000001"
BODIES = 10_000
_SEED = 20_261_130

every_stream = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)


def bodies(stream: Stream, number: int) -> Iterable[bytes]:
    """So many mutated pages of a stream, always the same ones."""
    page = (PAGES / f"{stream.name}.json").read_bytes()
    chance = random.Random(f"{stream.name} {_SEED}")  # noqa: S311  not for secrets
    return (mutated(page, chance) for _ in range(number))


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


@every_stream
def test_a_mutated_body_is_refused_or_can_be_stored(stream: Stream) -> None:
    outcomes = {"refused": 0, "rejects": 0, "good": 0}
    for body in bodies(stream, BODIES // len(STREAMS)):
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
    assert min(outcomes.values()) > 20, outcomes


def test_a_mutated_body_is_one_error_of_the_exchange_or_none() -> None:
    chance = random.Random(_SEED)  # noqa: S311  not for secrets
    pages = [(PAGES / f"{stream.name}.json").read_bytes() for stream in STREAMS]
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
