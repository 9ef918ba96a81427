"""One odd record: the others load, it is a reject, or loads with its characters made visible."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.model.closings import Follower
from exporter.model.errors import UnexpectedPayload
from exporter.model.mending import LARGEST_MENDED
from exporter.model.page import read
from exporter.model.stream import Page, Stream
from exporter.streams import STREAMS
from exporter.streams.account_fees import ACCOUNT_FEES
from exporter.streams.balances import BALANCES
from exporter.streams.fees import FEES
from exporter.streams.funding_history import FUNDING_HISTORY
from exporter.streams.funding_payments import FUNDING_PAYMENTS
from exporter.streams.instruments import INSTRUMENTS
from exporter.streams.portfolio import PORTFOLIO
from exporter.streams.positions import POSITIONS
from exporter.streams.trades import TRADES

PAGES = Path(__file__).parents[1] / "pages"
ACCOUNT = "0f0f0f0f-0000-4000-8000-000000000001"
DEEP = "[" * 200_000 + "]" * 200_000

TRADE = (
    '{"trade":{"trade_id":"0f0f0f0f-0000-4000-8000-0000000000%02d","instrument_code":"BTC_EUR",'
    '"side":"BUY","price":"65000.5","amount":"0.25","time":"2026-03-01T10:00:%02d.000Z"},"fee":{}}'
)


def trades(odd: str) -> Page:
    """Twenty trades of which one has a further member, or a member with another value."""
    records = [TRADE % (number, number) for number in range(20)]
    if odd.startswith('"price"'):
        records[7] = records[7].replace('"price":"65000.5"', odd)
    else:
        records[7] = records[7].replace('"side":', f'{odd},"side":')
    return read(TRADES, ('{"trade_history":[%s]}' % ",".join(records)).encode(), ACCOUNT)  # noqa: UP031


@pytest.mark.parametrize(
    ("odd", "shown"),
    [
        (r'"note":"a\u0000b"', "a␀b"),
        (r'"note":"x\ud83dy"', "x�y"),
        (r'"note":"\udc00\ud83d\ude00\ud83d"', "�😀�"),
        (r'"note":"\\u0000"', r"\u0000"),
        (r'"note":"\\\u0000"', "\\␀"),
        (r'"note":{"a\u0000b":["\u0000"]}', {"a␀b": ["␀"]}),
        (r'"note":{"\ud83d":1}', {"�": 1}),
    ],
)
def test_what_only_the_raw_record_holds_is_made_visible(odd: str, shown: object) -> None:
    page = trades(odd)
    assert [len(page.rows), page.rejects] == [20, []]
    assert json.loads(page.rows[7].raw)["trade"]["note"] == shown
    assert page.rows[7].raw == trades(odd).rows[7].raw  # else each pass would find it changed
    assert [d.path for d in page.drift] == ["trade.note"]


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (r'"order_type":"a\u0000b"', "order_source holds a character that cannot be stored"),
        (r'"order_type":"x\ud83dy"', "order_source holds a character that cannot be stored"),
        (r'"matched_as":"x\udc00"', "liquidity holds"),
        ('"sequence":"99999999999999999999"', "sequence is beyond 64 bits"),
        ('"sequence":99999999999999999999', "sequence is beyond 64 bits"),
        ('"sequence":1.5', "sequence is not a whole number"),
        ('"sequence":' + "9" * 5_000, "not JSON"),
        ('"note":1e99999999999999999999', "a number is beyond all limits"),
        ('"note":1e-16384', "a number is beyond what Postgres can hold"),
        ('"note":1e131072', "a number is beyond what Postgres can hold"),
        ('"note":NaN', "not JSON: 'NaN'"),
        ('"note":"a\x01b"', "not JSON: a control character"),
        ('"note":"a\\x41"', "not JSON: an escape"),
        (f'"note":{DEEP}', "nested deeper than 100"),
        ('"note":' + "[" * 150 + "]" * 150, "nested deeper than 100"),
        ('"order_type":"' + "k" * 2_000 + '"', "order_source is longer than 500 characters"),
        ('"price":"1_000"', "price is not a finite number: '1_000'"),
        ('"price":"+5"', "price is not a finite number"),
        ('"price":" 5"', "price is not a finite number"),
        ('"price":"1."', "price is not a finite number"),
        ('"price":".5"', "price is not a finite number"),
        ('"price":"007"', "price is not a finite number"),
        ('"price":"1.2.3"', "price is not a finite number"),
        ('"price":"1e999"', "price is too large"),
        ('"price":"\u0661\u0662"', "price is not a finite number"),
        ('"price":"Infinity"', "price is not a finite number"),
        ('"price":"1e99999999999999999999"', "price is not a finite number"),
        ('"price":"' + "9" * 9_000 + '"', "price is too large or too long"),
        ('"price":"0.' + "1" * 17_000 + '"', "price is too large or too long"),
        ('"time_nanos":"0001-01-01T00:00:00+14:00"', "not an instant"),
        ('"time_nanos":"9999-12-31T23:59:59.999999999-14:00"', "not an instant"),
        ('"time_nanos":"9999-12-31T23:59:59Z"', "traded_at_nanos is beyond 64 bits"),
        ('"time_nanos":"2026-12-31T23:59:60Z"', "not an instant"),
        ('"time_nanos":"2026-03-01x10:00:00Z"', "not an instant"),
        ('"time_nanos":1e99', "not an instant"),
    ],
)
def test_a_record_that_cannot_be_kept_costs_no_other(odd: str, reason: str) -> None:
    page = trades(odd)
    assert [len(page.rows), page.records] == [19, 20]
    [reject] = page.rejects
    assert reason in reject.reason
    assert len(reject.reason) <= 500
    assert reject.key is None or reject.key["trade_id"].endswith("07")


def test_a_byte_that_is_not_utf8_costs_no_other_record() -> None:
    good = [TRADE % (number, number) for number in range(3)]
    body = '{"trade_history":[%s]}' % ",".join(good)  # noqa: UP031
    for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80"):
        page = read(TRADES, body.encode().replace(b"BTC_EUR", b"BTC" + bad, 1), ACCOUNT)
        assert [len(page.rows), len(page.rejects)] == [2, 1]
        assert "not UTF-8" in page.rejects[0].reason


@pytest.mark.parametrize("code", [r"BTC\u0000", r"BTC\ud83d", "", "k" * 2_000])
def test_a_bad_key_of_a_map_costs_no_other_list(code: str) -> None:
    payment = '{"timestamp":"2026-03-01T12:00:01Z","funding_payment":1}'
    page = read(
        FUNDING_PAYMENTS,
        f'{{"funding_payments":{{"{code}":[{payment}],"ETH_USD_P":[{payment}]}}}}'.encode(),
        ACCOUNT,
    )
    assert [row.instrument_code for row in page.rows] == ["ETH_USD_P"]
    [reject] = page.rejects
    assert reject.reason
    assert reject.key is None or len(code) == 2_000
    assert reject.happened_at == datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "cursor",
    [r'"a\u0000"', r'"a\ud83d"', '"a\u0085"', "true", "{}", "[1]", '"' + "a" * 5_000 + '"', DEEP],
)
def test_a_cursor_that_cannot_be_sent_back_is_malformed(cursor: str) -> None:
    with pytest.raises(UnexpectedPayload):
        read(TRADES, f'{{"trade_history":[],"cursor":{cursor}}}'.encode(), ACCOUNT)


@pytest.mark.parametrize(
    ("cursor", "sent"), [("null", None), ('""', None), ("1731488541876570", "1731488541876570")]
)
def test_a_cursor_is_text_or_a_number(cursor: str, sent: str | None) -> None:
    page = read(TRADES, f'{{"trade_history":[],"cursor":{cursor}}}'.encode(), ACCOUNT)
    assert page.cursor == sent


@pytest.mark.parametrize(
    "header",
    [
        '"account_id":"***"',
        r'"account_id":"0f0f0f0f-0000-4000-8000-00000000000\u0000"',
        '"account_id":7',
        '"x":1e999999',
        '"x":NaN',
        f'"x":{DEEP}',
        '"x":"\\x"',
    ],
)
def test_a_header_that_cannot_be_kept_is_malformed(header: str) -> None:
    with pytest.raises(UnexpectedPayload):
        read(BALANCES, f'{{"balances":[],{header}}}'.encode(), ACCOUNT)


def test_a_character_in_an_unknown_header_is_made_visible() -> None:
    page = read(BALANCES, rb'{"balances":[],"x":"a\u0000","y":{"\ud83d":1}}', ACCOUNT)
    assert json.loads(bytes(page.header["x"])) == "a␀"
    assert json.loads(bytes(page.header["y"])) == {"�": 1}


@pytest.mark.parametrize("body", ["[]", "{}", "null", "5", '"text"', "[{}]", "", '{"x":[]}'])
@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_a_list_is_no_object_and_an_object_is_no_list(stream: Stream, body: str) -> None:
    bare = json.loads((PAGES / f"{stream.name}.json").read_bytes())
    documented = isinstance(bare, list) or stream is FUNDING_HISTORY or isinstance(stream, Follower)
    if stream is FEES and body == "[{}]":
        documented = False  # a group without its tiers
    if body in ("[]", "[{}]") and documented:
        page = read(stream, body.encode(), ACCOUNT)
        assert page.records == len(page.rejects) == len(json.loads(body))
        return
    with pytest.raises(UnexpectedPayload):
        read(stream, body.encode(), ACCOUNT)


@pytest.mark.parametrize(
    ("stream", "body"),
    [
        (BALANCES, '{"balances":null}'),
        (POSITIONS, '{"positions":{}}'),
        (PORTFOLIO, '{"equity":null}'),
        (TRADES, '{"trade_history":[],"trade_history":[]}'),
        (TRADES, r'{"trade_history":[],"trade\u005fhistory":[]}'),
        (TRADES, '{"trade_history":[],"cursor":"a","cursor":"b"}'),
        (FUNDING_PAYMENTS, '{"funding_payments":null}'),
        (FEES, '[{"fee_group_id":"SPOT"}]'),
        (FEES, '[{"fee_group_id":"SPOT","fee_tiers":null}]'),
        (FEES, '[{"fee_group_id":"SPOT","fee_group_id":"SPOT","fee_tiers":[]}]'),
        (FEES, "[5]"),
        (ACCOUNT_FEES, '{"running_volumes":[],"active_fee_tiers":null}'),
        (ACCOUNT_FEES, '{"active_fee_tiers":[]}'),
        (ACCOUNT_FEES, '{"running_volumes":null,"active_fee_tiers":[]}'),
        (FUNDING_PAYMENTS, '{"funding_payments":{"A":[],"A":[]}}'),
        (FUNDING_PAYMENTS, '{"funding_payments":{"A":{}}}'),
        (PORTFOLIO, '{"equity":"1","equity":"2"}'),
    ],
)
def test_a_response_of_another_shape_is_malformed(stream: Stream, body: str) -> None:
    with pytest.raises(UnexpectedPayload):
        read(stream, body.encode(), ACCOUNT)


def test_null_is_absent() -> None:
    trade = (TRADE % (1, 1)).replace('"fee":{}', '"fee":null')
    page = read(TRADES, f'{{"trade_history":[{trade}],"cursor":null}}'.encode(), ACCOUNT)
    assert [len(page.rows), page.rejects, page.rows[0].fee_amount] == [1, [], None]
    payment = '{"timestamp":"2026-03-01T12:00:01Z","funding_payment":1,"cash_balance":null}'
    body = f'{{"funding_payments":{{"BTC_USD_P":null,"ETH_USD_P":[{payment}]}}}}'
    page = read(FUNDING_PAYMENTS, body.encode(), ACCOUNT)
    assert [(row.instrument_code, row.cash_balance) for row in page.rows] == [("ETH_USD_P", None)]
    body = '{"balances":[{"currency_code":"EUR","available":"1","locked":null}]}'
    assert read(BALANCES, body.encode(), ACCOUNT).rows[0].locked == 0


def test_a_record_of_a_reference_list_costs_no_other() -> None:
    body = (PAGES / "instruments.json").read_bytes()
    listed = json.loads(body)
    listed[0]["min_price"] = "cheap"
    page = read(INSTRUMENTS, json.dumps(listed).encode(), ACCOUNT)
    assert [len(page.rows), len(page.rejects)] == [len(listed) - 1, 1]
    assert page.rejects[0].key == {"instrument_code": listed[0]["id"]}


@pytest.mark.parametrize("start", ["[", '{"a":', r'{"trade_history":[{"a":"\u0000"},'])
def test_what_is_huge_and_odd_is_refused_as_a_whole(start: str) -> None:
    body = (start + "[" * LARGEST_MENDED).encode()
    with pytest.raises(UnexpectedPayload):
        read(TRADES, body, ACCOUNT)


@pytest.mark.parametrize(("characters", "usable"), [(4_000, True), (4_001, False)])
def test_a_cursor_that_no_url_can_hold_is_malformed(characters: int, usable: bool) -> None:
    cursor = "c" * characters
    body = f'{{"account_id":"{ACCOUNT}","trade_history":[],"cursor":"{cursor}"}}'.encode()
    if usable:
        assert read(TRADES, body, ACCOUNT).cursor == cursor
    else:
        with pytest.raises(UnexpectedPayload, match="cursor is not a usable text"):
            read(TRADES, body, ACCOUNT)
