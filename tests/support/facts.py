"""The true history of the exchange, the stored one, and whether the two agree.

The exchange's truth is read here without any of the exporter's own parsing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg

from exporter.simulator import Faults, Simulator
from tests.support.simulator_client import NOW, SimulatorClient

Connection = psycopg.Connection[tuple[Any, ...]]


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


PUBLIC_ID = "00000000-0000-0000-0000-000000000000"


HISTORIES = ("trades", "funding_payments", "funding_history")


class Fact(NamedTuple):
    """What must be stored of one record: when it happened, and its values."""

    micros: int
    values: tuple[Any, ...]


Facts = dict[tuple[str, ...], Fact]
"""By (account id, stream, scope, the record's own key)."""


def micros(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 instant in UTC, rounded down."""
    return nanos(text) // 1_000


def nanos(text: str) -> int:
    """Nanoseconds since 1970 of an ISO 8601 instant in UTC."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    at = datetime.fromisoformat(f"{whole}+00:00")  # without a fraction: that would be rounded
    return (at - EPOCH) // timedelta(seconds=1) * 10**9 + int(fraction.ljust(9, "0") or 0)


def micros_of(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - EPOCH) // timedelta(microseconds=1)


def _trade(account_id: str, row: Any) -> tuple[tuple[str, ...], Fact]:
    trade, fee = row["trade"], row["fee"]
    at = nanos(trade["time_nanos"])
    values = (
        trade["instrument_code"],
        trade["side"],
        Decimal(trade["price"]),
        Decimal(trade["amount"]),
        Decimal(fee["fee_amount"]),
        fee["fee_currency"],
        trade["matched_as"],
        int(trade["sequence"]),
        at,
    )
    key = (account_id, "trades", "", trade["trade_id"])
    return key, Fact(at // 1_000, values)


def _payment(account_id: str, code: str, row: Any) -> tuple[tuple[str, ...], Fact]:
    values = (Decimal(row["funding_payment"]), Decimal(row["cash_balance"]))
    at = micros(row["timestamp"])
    return (account_id, "funding_payments", "", f"{code} {at}"), Fact(at, values)


def _rate(row: Any) -> tuple[tuple[str, ...], Fact]:
    values = (Decimal(row["funding_rate"]), Decimal(row["mark_price"]))
    at = int(row["time"]) * 1_000
    code = row["instrument_code"]
    return (PUBLIC_ID, "funding_history", code, f"{code} {at}"), Fact(at, values)


def truth(simulator: Simulator, streams: tuple[str, ...] = HISTORIES) -> Facts:
    """Every fact of the exchange, visible or not."""
    facts: Facts = {}
    for name, account_id in simulator.account_ids.items():
        if "trades" in streams:
            facts |= dict(_trade(account_id, row) for row in simulator.truth("trades", name))
        if "funding_payments" in streams:
            rows = simulator.truth("funding_payments", name)
            facts |= dict(_payment(account_id, row["instrument_code"], row) for row in rows)
    if "funding_history" in streams:
        facts |= dict(_rate(row) for row in simulator.truth("funding_history"))
    return facts


def visible(simulator: Simulator) -> Facts:
    """Every fact of an account that the exchange shows now, read without other faults."""
    faults, window = simulator.faults, {"from": (NOW - timedelta(days=20)).isoformat()[:10]}
    simulator.set_faults(Faults(late_rate=faults.late_rate, late_seconds=faults.late_seconds))
    facts: Facts = {}
    try:
        window["to"] = f"{simulator.now:%Y-%m-%dT%H:%M:%SZ}"
        for name, account_id in simulator.account_ids.items():
            with SimulatorClient(simulator, name) as reader:
                trades = reader.trades(**window)
                facts |= dict(_trade(account_id, row) for row in trades)
                path = "/account/futures/funding-payments"
                for page in reader.pages(path, max_page_size=10, **window):
                    for code, rows in page["funding_payments"].items():
                        facts |= dict(_payment(account_id, code, row) for row in rows)
    finally:
        simulator.set_faults(faults)
    return facts


_STORED = {
    "trades": "SELECT account_id::text, 'trades', '', trade_id::text, traded_at, instrument_code,"
    " side, price, amount, fee_amount, fee_currency, liquidity, sequence, traded_at_nanos"
    " FROM onetrading.trades",
    "funding_payments": "SELECT account_id::text, 'funding_payments', '', instrument_code,"
    " booked_at, amount, cash_balance FROM onetrading.funding_payments",
    "funding_history": f"SELECT '{PUBLIC_ID}', 'funding_history', instrument_code,"  # noqa: S608
    " instrument_code, funding_time, funding_rate, mark_price FROM onetrading.funding_rates",
}


def stored(connection: Connection, streams: tuple[str, ...] = HISTORIES) -> Facts:
    """Every fact in the tables."""
    facts: Facts = {}
    for stream in streams:
        for account_id, _, scope, key, at, *values in connection.execute(_STORED[stream].encode()):
            if stream != "trades":
                key = f"{key} {micros_of(at)}"
            facts[account_id, stream, scope, key] = Fact(micros_of(at), tuple(values))
    return facts


def coverage(connection: Connection) -> list[tuple[str, str, str, int, int]]:
    """Every proven range: account id, stream, scope, and its ends in microseconds."""
    found = connection.execute(
        "SELECT account_id::text, stream, scope, lower(range), upper(range)"
        " FROM onetrading_sync.coverage"
    )
    return [(*place, micros_of(start), micros_of(end)) for *place, start, end in found]


def broken_claims(connection: Connection, facts: Facts, now: datetime) -> list[Any]:
    """Facts inside proven ranges that are not stored correctly, and claims about the future.

    Rows are read after claims: a claim must never be visible before its rows.
    """
    claims = coverage(connection)
    connection.commit()
    kept = stored(connection)
    connection.commit()
    present = micros_of(now) + 1_000_000  # an HTTP date has a resolution of a second
    broken: list[Any] = [("future", claim) for claim in claims if claim[4] > present]
    for account_id, stream, scope, start, end in claims:
        broken += [
            (key, fact, kept.get(key))
            for key, fact in facts.items()
            if key[:3] == (account_id, stream, scope)
            and start <= fact.micros < end
            and kept.get(key) != fact
        ]
    return broken


def unproven(connection: Connection, start: datetime, end: datetime) -> list[Any]:
    """Scopes whose history between the two instants is not completely proven."""
    found = connection.execute(
        "SELECT account_id::text, stream, scope FROM onetrading_sync.progress"
        " WHERE required_from IS NOT NULL AND retired_because IS NULL"
    ).fetchall()
    whole = {
        tuple(place)
        for *place, first, last in coverage(connection)
        if first <= micros_of(start) and last >= micros_of(end)
    }
    return [place for place in found if tuple(place) not in whole]


_COUNTED = """
WITH counted AS (
    SELECT t.*, c.since FROM onetrading.trades t
    JOIN onetrading_sync.counting c ON c.account_id = t.account_id AND c.stream = 'trades'
    WHERE t.traded_at >= c.since
), paid AS (
    SELECT p.* FROM onetrading.funding_payments p
    JOIN onetrading_sync.counting c ON c.account_id = p.account_id
        AND c.stream = 'funding_payments'
    WHERE p.booked_at >= c.since
)
SELECT account_id::text, 'onetrading_trades_total', ARRAY[instrument_code, side, liquidity],
       count(*)::numeric FROM counted GROUP BY 1, 3
UNION ALL
SELECT account_id::text, 'onetrading_traded_base_total', ARRAY[instrument_code, side, liquidity],
       sum(amount) FROM counted GROUP BY 1, 3
UNION ALL
SELECT account_id::text, 'onetrading_traded_quote_total', ARRAY[instrument_code, side, liquidity],
       sum(price * amount) FROM counted GROUP BY 1, 3
UNION ALL
SELECT account_id::text, 'onetrading_trade_fees_paid_total', ARRAY[instrument_code, fee_currency],
       sum(fee_amount) FROM counted WHERE fee_amount > 0 GROUP BY 1, 3
UNION ALL
SELECT account_id::text, 'onetrading_trade_rebates_received_total',
       ARRAY[instrument_code, fee_currency],
       sum(-fee_amount) FROM counted WHERE fee_amount < 0 GROUP BY 1, 3
UNION ALL
SELECT account_id::text, 'onetrading_last_trade_timestamp_seconds', ARRAY[instrument_code],
       max(extract(epoch FROM traded_at)) FROM onetrading.trades GROUP BY 1, 3
UNION ALL
SELECT account_id::text, 'onetrading_funding_paid_total', ARRAY[instrument_code],
       sum(-amount) FROM paid WHERE amount < 0 GROUP BY 1, 3
UNION ALL
SELECT account_id::text, 'onetrading_funding_received_total', ARRAY[instrument_code],
       sum(amount) FROM paid WHERE amount >= 0 GROUP BY 1, 3
"""


Totals = dict[tuple[str, str, tuple[str, ...]], Decimal]


def recounted(connection: Connection) -> Totals:
    """The values that the counters must have, summed from the facts by Postgres."""
    rows = connection.execute(_COUNTED.encode())
    return {(account, metric, tuple(labels)): value for account, metric, labels, value in rows}


def totals(connection: Connection) -> Totals:
    """The values of the counters."""
    rows = connection.execute(
        "SELECT account_id::text, metric, labels, value FROM onetrading_sync.totals"
    )
    return {(account, metric, tuple(labels)): value for account, metric, labels, value in rows}


def count(connection: Connection, query: str) -> int:
    """The single number that a query returns."""
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])
