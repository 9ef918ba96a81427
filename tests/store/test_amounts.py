"""Amounts are numbers, and prices and sizes are above zero: in the decoder, and in Postgres."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import errors

from exporter.model.page import read
from exporter.streams.funding_history import FUNDING_HISTORY
from tests.support.raw_responses import ACCOUNT_ID, Scripted, history, scripted, trade, trade_id

TRADE: LiteralString = (
    "INSERT INTO onetrading.trades (trade_id, account_id, instrument_code, side, price, amount,"
    " quote_amount, fee_amount, traded_at, traded_at_nanos, raw, row_hash)"
    " VALUES (gen_random_uuid(), gen_random_uuid(), 'A', 'BUY', %s, %s, %s, %s, now(), 0, '{}', 0)"
)
PAYMENT: LiteralString = (
    "INSERT INTO onetrading.funding_payments (account_id, instrument_code, booked_at, funding_time,"
    " amount, cash_balance, raw, row_hash)"
    " VALUES (gen_random_uuid(), 'A', now(), now(), %s, %s, '{}', 0)"
)
RATE: LiteralString = (
    "INSERT INTO onetrading.funding_rates (instrument_code, funding_time, funding_rate, mark_price,"
    " raw, row_hash) VALUES ('A', now(), %s, %s, '{}', 0)"
)
FEE_TIER: LiteralString = (
    "INSERT INTO onetrading.fee_tiers (fee_group, min_volume, maker_ratio, taker_ratio, raw,"
    " valid_from) VALUES ('SPOT', %s, %s, %s, '{}', now())"
)
ACCOUNT_TIER: LiteralString = (
    "INSERT INTO onetrading.account_fee_tiers (account_id, fee_group, min_volume, maker_ratio,"
    " taker_ratio, raw, valid_from) VALUES (gen_random_uuid(), 'SPOT', %s, %s, %s, '{}', now())"
)
FUNDING_SETTING: LiteralString = (
    "INSERT INTO onetrading.funding_settings (instrument_code, clamp_threshold,"
    " annual_interest_rate, cap, raw, valid_from) VALUES ('A', %s, %s, %s, '{}', now())"
)
INSTRUMENT: LiteralString = (
    "INSERT INTO onetrading.instruments (instrument_code, base_code, quote_code, kind, state,"
    " min_price, max_price, price_collar_percentage, raw, valid_from)"
    " VALUES ('A', 'A', 'B', 'SPOT', 'ACTIVE', %s, %s, %s, '{}', now())"
)
ACCEPTED: list[tuple[LiteralString, list[Any]]] = [
    (TRADE, ["0.00000001", 1, 1, None]),
    (TRADE, [1, 1, 1, "-0.5"]),
    (TRADE, [1, 1, 1, 0]),
    (PAYMENT, [0, None]),
    (PAYMENT, ["-1", "-2"]),
    (RATE, ["-0.001", None]),
    (FEE_TIER, [0, "-0.00005", "0.001"]),
    (ACCOUNT_TIER, [0, "-0.00005", "0.001"]),
    (FUNDING_SETTING, [None, None, None]),
    (INSTRUMENT, [None, 1, None]),
]
REFUSED: list[tuple[LiteralString, list[Any]]] = [
    *((TRADE, [bad, 1, 1, 1]) for bad in ("0", "-1", "NaN", "Infinity", "-Infinity")),
    *((TRADE, [1, bad, 1, 1]) for bad in ("0", "-1", "NaN", "Infinity")),
    *((TRADE, [1, 1, bad, 1]) for bad in ("0", "NaN", "Infinity")),
    *((TRADE, [1, 1, 1, bad]) for bad in ("NaN", "Infinity", "-Infinity")),
    *((PAYMENT, [bad, 1]) for bad in ("NaN", "Infinity", "-Infinity")),
    *((PAYMENT, [1, bad]) for bad in ("NaN", "Infinity", "-Infinity")),
    *((RATE, [bad, 1]) for bad in ("NaN", "Infinity", "-Infinity")),
    *((RATE, [1, bad]) for bad in ("0", "-1", "NaN", "Infinity")),
    *(
        (statement, [*[1] * before, bad, *[1] * (2 - before)])
        for statement in (FEE_TIER, ACCOUNT_TIER, FUNDING_SETTING, INSTRUMENT)
        for before in range(3)
        for bad in ("NaN", "Infinity", "-Infinity")
    ),
]


@pytest.fixture
def scenario(database_url: str, tmp_path: Path) -> Iterator[Scripted]:
    with scripted(database_url, tmp_path) as opened:
        yield opened


def test_postgres_refuses_what_is_no_amount(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        for statement, values in ACCEPTED:
            with connection.transaction(force_rollback=True):
                connection.execute(statement, values)
        for statement, values in REFUSED:
            with pytest.raises(errors.CheckViolation), connection.transaction():
                connection.execute(statement, values)


def test_every_rule_is_validated(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rules = connection.execute(
            "SELECT conname, convalidated FROM pg_constraint"
            " WHERE contype = 'c' AND conname LIKE '%\\_amounts' AND coninhcount = 0"
        ).fetchall()
    assert len(rules) == 19
    assert all(validated for _, validated in rules)


def test_a_trade_of_nothing_is_a_reject_and_the_others_load(scenario: Scripted) -> None:
    broken = [
        trade(number).replace(given, f'"{field}":{bad}')
        for number, (field, given, bad) in enumerate(
            (field, given, bad)
            for field, given in (("price", '"price":"100.50"'), ("amount", '"amount":"2"'))
            for bad in ('"0"', '"-1"', "0.0", "-3", '"0E-20"')
        )
    ]
    assert scenario.poll("trades", history(*broken, trade(99))) == "ok"
    found = scenario.rows("SELECT trade_id::text FROM onetrading.trades")
    assert found == [(trade_id(99),)]
    reasons = scenario.rows("SELECT reason FROM onetrading_sync.rejects ORDER BY reject_id")
    assert len(reasons) == len(broken)
    assert [reason.split(" is ")[0] for (reason,) in reasons] == ["price"] * 5 + ["amount"] * 5


@pytest.mark.parametrize("sent", ["0", "0.00", "-1"])
def test_a_settled_rate_without_a_mark_price_loads_without_one(sent: str) -> None:
    """The exchange sends 0 where there is no price; the rate counts all the same."""
    rate = {
        "instrument_code": "BTC_USD_P",
        "funding_rate": "0.0001",
        "timestamp": "2026-03-01T04:00:00Z",
        "mark_price": sent,
    }
    body = json.dumps({"funding_rates": [rate]}).encode()
    [row] = read(FUNDING_HISTORY, body, ACCOUNT_ID).rows
    assert (row.funding_rate, row.mark_price) == (Decimal("0.0001"), None)
