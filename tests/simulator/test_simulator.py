"""Laws of the simulated market: ledgers reconcile, and the steps of time make no difference."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, localcontext
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.bulk import BulkTrades
from exporter.simulator import AccountSpec, Market
from exporter.simulator.endpoints.records import encoded_trade_rows, trade_row
from exporter.simulator.endpoints.times import iso_nanos, parse_instant
from exporter.simulator.endpoints.truth import truth
from exporter.simulator.endpoints.wire import encode
from exporter.simulator.market.instruments import INSTRUMENTS
from exporter.simulator.market.market import to_nanos
from exporter.simulator.market.prices import DAY, HOUR, Prices, settled_at, slots

START = datetime(2026, 3, 27, 9, 13, tzinfo=UTC)
EXACT = Context(prec=200, traps=[Inexact])
SEEDS = st.integers(0, 2**64 - 1)


def _market(seed: int, hours: float, per_day: float = 60.0, moving: float = 0) -> Market:
    accounts = tuple(
        AccountSpec(
            name,
            name == "main",
            per_day,
            movements_per_month=moving,
            liquidation_fees_per_year=12 * moving,
        )
        for name in ("main", "spot")
    )
    return Market(seed, START, START + timedelta(hours=hours), accounts)


def _expected_balances(market: Market, account: str) -> dict[str, Decimal]:
    """Add up the wire records, independently of how the ledger computes balances."""
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    volumes: dict[str, Decimal] = defaultdict(Decimal)
    for currency, opening in truth(market, "opening", account).items():
        amounts[currency] += Decimal(opening)
    for row in truth(market, "trades", account):
        trade = row["trade"]
        instrument = INSTRUMENTS[trade["instrument_code"]]
        signed = Decimal(trade["amount"]) * (1 if trade["side"] == "BUY" else -1)
        amounts[row["fee"]["fee_currency"]] -= Decimal(row["fee"]["fee_amount"])
        if not instrument.futures:
            amounts[instrument.base] += signed
            amounts[instrument.quote] -= signed * Decimal(trade["price"])
        elif parse_instant(trade["time_nanos"]) <= settled_at(instrument, market.instant):
            amounts[instrument.quote] -= signed * Decimal(trade["price"])
            volumes[instrument.code] += signed
    for code, volume in volumes.items():
        mark = market.prices.mark(INSTRUMENTS[code], market.instant)
        amounts[INSTRUMENTS[code].quote] += volume * mark
    for payment in truth(market, "funding_payments", account) if account == "main" else ():
        currency = INSTRUMENTS[payment["instrument_code"]].quote
        amounts[currency] += payment["funding_payment"]
    for movement in truth(market, "movements", account):
        amounts[movement["currency_code"]] += Decimal(movement["amount"])
    return amounts


@given(SEEDS, st.integers(0, 9 * 86_400), st.sampled_from([1, 12, 1_000]), st.booleans())
@settings(max_examples=25, deadline=None)
def test_balances_are_what_the_records_add_up_to(
    seed: int, seconds: int, speedup: int, moving: bool
) -> None:
    market = _market(seed, seconds / speedup / 3_600, 20.0 * speedup, 20.0 * moving)
    for account in market.accounts:
        with localcontext(EXACT):
            expected = _expected_balances(market, account)
            served = {
                row["currency_code"]: Decimal(row["available"]) + Decimal(row["locked"])
                for row in truth(market, "balances", account)["balances"]
            }
            assert served == {currency: expected[currency] for currency in served}
            assert all(not expected[currency] for currency in expected.keys() - served.keys())


@given(SEEDS, st.lists(st.integers(0, 10**15), min_size=1, max_size=6))
@settings(max_examples=10, deadline=None)
def test_the_steps_of_time_make_no_difference(seed: int, steps: list[int]) -> None:
    stepped = _market(seed, 0, moving=25)
    for step in steps:
        stepped.advance_nanos(stepped.instant + step)
    at_once = _market(seed, 0, moving=25)
    at_once.advance_nanos(stepped.instant)
    histories = ("trades", "orders", "funding_payments", "closed_positions", "movements")
    for stream in (*histories, "balances"):
        assert truth(stepped, stream, "main") == truth(at_once, stream, "main")


def test_cash_balance_of_a_payment_is_the_balance_at_that_instant() -> None:
    market = _market(7, 200)
    payment = market.accounts["main"].ledger.payments[-1]
    before = Market(7, START, START, (AccountSpec("main"), AccountSpec("spot", False)))
    before.advance_nanos(payment.instant)
    row = truth(before, "funding_payments", "main")[0]
    usd = truth(before, "balances", "main")["balances"][0]
    assert usd["currency_code"] == "USD"
    assert Decimal(usd["available"]) == row["cash_balance"]


def test_movements_are_of_every_kind_and_leave_the_trades_alone() -> None:
    """As many as specified; what is taken out was brought before; fees only while a position is
    open, 3 % of it."""
    market, days = _market(11, 24 * 120, 10, moving=10), 120
    rows = truth(market, "movements", "main")
    kinds = [row["kind"] for row in rows]
    assert set(kinds) == {"deposit", "withdrawal", "fee"}
    assert days / 30 * 10 / 2 < len(rows) - kinds.count("fee") < days / 30 * 10 * 2
    assert len({row["reference"] for row in rows}) == len(rows)
    assert [row["moved_at"] for row in rows] == sorted((r["moved_at"] for r in rows), reverse=True)
    brought: dict[str, Decimal] = defaultdict(Decimal)
    for row in reversed(rows):
        amount = Decimal(row["amount"])
        assert (amount > 0) == (row["kind"] == "deposit")
        if row["kind"] == "fee":
            code, instant = row["note"].rsplit(" ", 1)[1], parse_instant(row["moved_at"])
            volume = market.accounts["main"].ledger.books[code].volume.at(instant)
            notional = abs(volume) * market.prices.mark(INSTRUMENTS[code], instant)
            assert abs(amount + notional * Decimal("0.03")) < Decimal("0.00000001")
        else:
            brought[row["currency_code"]] += amount
            assert brought[row["currency_code"]] >= 0
    assert all(row["kind"] != "fee" for row in truth(market, "movements", "spot"))
    still = _market(11, 24 * 120, 10)
    assert truth(market, "trades", "main") == truth(still, "trades", "main")
    assert truth(still, "movements", "main") == []


def test_an_account_may_open_with_other_balances() -> None:
    opening = {"EUR": Decimal("12.5")}
    market = Market(3, START, START, [AccountSpec("main", trades_per_day=0, opening=opening)])
    assert truth(market, "opening", "main") == {"EUR": "12.5"}
    [row] = truth(market, "balances", "main")["balances"]
    assert (row["currency_code"], Decimal(row["available"]) + Decimal(row["locked"])) == (
        "EUR",
        opening["EUR"],
    )


@given(SEEDS)
@settings(max_examples=5, deadline=None)
def test_funding_is_received_when_short_and_the_rate_is_positive(seed: int) -> None:
    market = _market(seed, 24 * 5)
    account = market.accounts["main"]
    signs = set()
    for payment in account.ledger.payments:
        instrument = INSTRUMENTS[payment.code]
        volume = account.ledger.books[payment.code].volume.at(payment.instant)
        due = -payment.rate * payment.mark * volume
        assert abs(due - payment.amount) <= Decimal("0.000000005")
        late = payment.instant - payment.slot - instrument.offset * 10**9
        assert 10**9 <= late < 1_100_000_000
        assert payment.slot % (4 * HOUR) == 0
        signs.add(payment.amount > 0)
    assert signs == {True, False}


def test_history_has_every_kind_of_trade() -> None:
    trades = [row for row in truth(_market(3, 24 * 30), "trades", "main")]
    kinds = {
        (row["trade"]["matched_as"], row["trade"]["side"], row["trade"]["instrument_code"][-2:])
        for row in trades
    }
    assert {
        (m, s, k) for m in ("MAKER", "TAKER") for s in ("BUY", "SELL") for k in ("_P", "DC")
    } <= (kinds)
    instants = [row["trade"]["time_nanos"] for row in trades]
    assert len(set(instants)) < len(instants)
    assert any(not instant.endswith("000Z") for instant in instants)
    assert any(row["fee"]["fee_amount"].startswith("-") for row in trades)
    assert any(len(row["trade"]["price"].partition(".")[2]) >= 18 for row in trades)
    assert len({row["trade"]["trade_id"] for row in trades}) == len(trades)
    sequences = [int(row["trade"]["sequence"]) for row in trades]
    assert sequences == sorted(set(sequences), reverse=True)


def test_closed_positions_carry_their_funding_and_fees() -> None:
    market = _market(5, 24 * 30)
    rows = truth(market, "closed_positions", "main")
    funding: dict[str, Decimal] = defaultdict(Decimal)
    for payment in market.accounts["main"].ledger.payments:
        funding[str(payment.position)] += payment.amount
    assert len({row["position_id"] for row in rows}) == len(rows) > 20
    for row in rows:
        assert Decimal(row["total_funding_payments"]) == funding[row["position_id"]]
        with localcontext(EXACT):
            realised = Decimal(row["closing_pnl"]) + Decimal(row["total_funding_payments"])
            assert Decimal(row["realised_pnl"]) == realised - Decimal(row["total_trade_fees"])


@given(SEEDS, st.integers(1, 60_000))
@settings(max_examples=20, deadline=None)
def test_bulk_trades_are_ordered_found_and_composed_alike(seed: int, count: int) -> None:
    end = to_nanos(START)
    trades = BulkTrades(count, end - 30 * DAY, end, seed)
    picked = range(0, count, max(1, count // 50))
    instants = [trades.instants[k] for k in picked]
    assert instants == sorted(instants)
    assert bisect_right(trades.instants, end) == count
    market = Market(seed, START, START, [AccountSpec("bulk", trade_history=trades)])
    account = market.accounts["bulk"]
    rows = encoded_trade_rows(account)
    for k in picked:
        assert bytes(rows(k)) == encode(trade_row(account, k))
        assert account.trade_ids.find(account.trade_ids.make(k)) == k


def test_price_moves_by_little_in_a_minute_and_by_more_in_a_day() -> None:
    prices, bitcoin = Prices(11), INSTRUMENTS["BTC_USD_P"]
    start = to_nanos(START)
    minutes = [prices.mid(bitcoin, start + n * 60 * 10**9) for n in range(3_000)]
    steps = [abs(b - a) for a, b in pairwise(minutes)]
    assert 0 < max(steps) < bitcoin.price / 500
    assert max(minutes) - min(minutes) > bitcoin.price / 500
    assert all(abs(prices.rate(bitcoin, start + n * HOUR)) <= Decimal("0.001") for n in range(500))


def test_equity_futures_are_funded_on_weekdays_only() -> None:
    week = to_nanos(datetime(2026, 3, 23, tzinfo=UTC))
    funding_slots = slots(INSTRUMENTS["SPCX_USD_P"], week, week + 7 * DAY)
    assert [iso_nanos(slot)[8:16] for slot in funding_slots[:3]] == [
        "23T16:45",
        "23T20:00",
        "24T16:45",
    ]
    assert len(funding_slots) == 10


@pytest.mark.parametrize("per_day", [67.0, 300.0, 20_000.0])
def test_an_account_trades_about_as_often_as_specified(per_day: float) -> None:
    days = 2_000 / per_day
    market = _market(1, 24 * days, per_day)
    assert all(1_600 < len(truth(market, "trades", name)) < 2_500 for name in market.accounts)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Market(1, START, START, [AccountSpec("a"), AccountSpec("a")]), "share a name"),
        (lambda: Market(1, START, START - timedelta(days=1)), "cannot go back"),
        (lambda: truth(_market(1, 0), "nope", "main"), "unknown stream"),
        (lambda: truth(_market(1, 0), "trades", "nope"), "unknown account"),
    ],
)
def test_misuse_is_rejected(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
