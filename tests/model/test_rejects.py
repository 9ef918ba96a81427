"""What a record that cannot be read still tells: its key and its time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporter.model.closings import Follower
from exporter.model.limits import LONGEST_REASON
from exporter.model.page import read
from exporter.model.rejects import rejected
from exporter.model.storable import storable
from exporter.model.stream import History, Reject, Stream
from exporter.streams import STREAMS
from exporter.streams.funding_payments import FUNDING_PAYMENTS
from exporter.streams.trades import TRADES

PAGES = Path(__file__).parents[1] / "pages"
ACCOUNT = "0f0f0f0f-0000-4000-8000-000000000001"
TRADE = "0f0f0f0f-0000-4000-8000-0000000000aa"

every_stream = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)


@every_stream
def test_key_and_time_are_read_as_the_row_reads_them(stream: Stream) -> None:
    body = (PAGES / f"{stream.name}.json").read_bytes()
    if isinstance(stream, Follower):
        stream = stream.of("2111199765938682")
    page = read(stream, body, ACCOUNT)
    account_id = page.account_id or ACCOUNT
    for record, row in zip(stream.unwrap(body).records, page.rows, strict=True):
        reject = rejected(stream, record, record.json, account_id, "why")
        assert reject.key == {name: str(getattr(row, name)) for name in stream.table.key}
        happened = getattr(row, stream.instant) if isinstance(stream, History | Follower) else None
        assert reject.happened_at == happened


def trade(**changes: Any) -> Reject:
    """The reject of a trade without a usable price, with changed members."""
    members = {
        "trade_id": TRADE,
        "instrument_code": "BTC_EUR",
        "side": "BUY",
        "price": "much",
        "amount": "1",
        "time": "2026-03-01T10:00:00Z",
    }
    body = msgspec.json.encode({"trade_history": [{"trade": members | changes}]})
    [reject] = read(TRADES, body, ACCOUNT).rejects
    return reject


def test_a_bad_member_hides_neither_key_nor_time() -> None:
    reject = trade()
    assert reject.key == {"trade_id": TRADE}
    assert reject.happened_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("bad", [None, "", "no uuid", 7, True, [TRADE], {"a": TRADE}, "a\0b"])
def test_a_bad_key_leaves_the_time(bad: Any) -> None:
    reject = trade(trade_id=bad)
    assert reject.key is None
    assert reject.happened_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("bad", [None, "", "noon", 1e300, True, "0001-01-01T00:00:00+14:00"])
def test_a_bad_time_leaves_the_key(bad: Any) -> None:
    reject = trade(time=bad)
    assert reject.key == {"trade_id": TRADE}
    assert reject.happened_at is None


def test_a_payment_is_identified_by_its_place_and_its_account() -> None:
    body = b'{"funding_payments": {"BTC_USD_P": [{"timestamp": "2026-03-01T12:00:01Z"}]}}'
    [reject] = read(FUNDING_PAYMENTS, body, ACCOUNT).rejects
    assert reject.key is not None
    assert reject.key["account_id"] == ACCOUNT
    assert reject.key["instrument_code"] == "BTC_USD_P"
    assert reject.happened_at == datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("record", [b"7", b"null", b'"text"', b"[]", b"{}", b'{"trade": 5}'])
def test_a_record_that_is_no_trade_has_neither(record: bytes) -> None:
    [reject] = read(TRADES, b'{"trade_history": [%s]}' % record, ACCOUNT).rejects
    assert reject.key is None
    assert reject.happened_at is None


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("plain", "plain"),
        ("a\0b", "a␀b"),
        ("ä\0\ud83dy\U0001f600", "ä␀\N{REPLACEMENT CHARACTER}y\U0001f600"),
    ],
)
def test_what_postgres_cannot_store_is_made_visible(text: str, stored: str) -> None:
    assert storable(text) == stored


def test_a_reason_is_bounded() -> None:
    reject = trade(trade_id=TRADE, price="9" * 100_000)
    assert len(reject.reason) <= LONGEST_REASON
    assert len(reject.raw) > 100_000
