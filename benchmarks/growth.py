"""What observed state takes: a day of one account as it is, and thinned; by calculation, years."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import LiteralString

import psycopg

from benchmarks import kept_year
from benchmarks.measure import Finding, Say
from benchmarks.postgres import server
from exporter import housekeeping
from exporter.model.retention import DEFAULT
from exporter.store import partitions, retention
from exporter.store.database import Connection
from exporter.store.retention import Rule

_DAYS = 4
_START = datetime(2027, 1, 10, tzinfo=UTC)
_SUFFIX = "_2027_01"
_MARKET = ("tickers", "funding_rates")
_ACCOUNT = ("balances", "positions", "portfolio")
# 155,520 rows a day, as an account with futures makes at the default intervals: every 15 s 20
# tickers, 4 balances, a position and a portfolio; every 30 s 2 funding rates.
_HEADERS: LiteralString = """
INSERT INTO onetrading.snapshots (snapshot_id, account_id, stream, first_observed_at,
    last_observed_at, row_count, content_hash, header)
SELECT extract(epoch FROM at)::bigint * 1024000000 + place, CASE WHEN place < 2
        THEN '00000000-0000-0000-0000-000000000000'::uuid
        ELSE '00000000-0000-4000-8000-000000000001' END,
    stream, at, at, rows, hashint8extended(place, extract(epoch FROM at)::bigint), '{}'
FROM (VALUES (0, 'tickers', 20, 15), (1, 'funding_rates', 2, 30), (2, 'balances', 4, 15),
    (3, 'positions', 1, 15), (4, 'portfolio', 1, 15)) AS streams (place, stream, rows, seconds)
CROSS JOIN LATERAL generate_series(%(start)s, %(end)s - interval '1 second',
    make_interval(secs => seconds)) AS at
"""
_ROWS: tuple[LiteralString, ...] = (
    """
INSERT INTO onetrading.tickers (snapshot_id, instrument_code, state, last_price, bid_price,
    ask_price, base_volume, quote_volume, mark_price, funding_rate, next_funding_at, raw)
SELECT snapshot_id, 'C' || n || '_EUR', 'ACTIVE', price, price - 0.5, price + 0.5, 120.5 + n,
    8236175.25 + n, NULL, NULL, NULL,
    jsonb_build_object('instrument_code', 'C' || n || '_EUR', 'state', 'ACTIVE', 'type', 'SPOT',
        'last_price', price::text, 'high', '69012.00', 'low', '67100.50',
        'highest_bid', (price - 0.5)::text, 'lowest_ask', (price + 0.5)::text,
        'base_volume', (120.5 + n)::text, 'quote_volume', (8236175.25 + n)::text,
        'price_change', '-512.10', 'price_change_percentage', '-0.74', 'sequence', snapshot_id)
FROM onetrading.snapshots CROSS JOIN generate_series(1, 20) AS n
CROSS JOIN LATERAL (SELECT 68000 + (snapshot_id / 1024000000 * n % 9999) / 100.0 AS price) AS priced
WHERE stream = 'tickers'
""",
    """
INSERT INTO onetrading.funding_rate_samples (snapshot_id, instrument_code, funding_rate, mark_price,
    computed_at, raw)
SELECT snapshot_id, 'C' || n || '_USD_P', 0.000017903317919671466, 68350.5, first_observed_at,
    jsonb_build_object('instrument_code', 'C' || n || '_USD_P', 'funding_rate',
        '0.000017903317919671466', 'mark_price', '68350.5', 'time', snapshot_id)
FROM onetrading.snapshots CROSS JOIN generate_series(1, 2) AS n WHERE stream = 'funding_rates'
""",
    """
INSERT INTO onetrading.balances (snapshot_id, account_id, currency_code, available, locked,
    changed_at)
SELECT snapshot_id, account_id, 'C' || n, snapshot_id % 99991 / 100.0, 12.5, first_observed_at
FROM onetrading.snapshots CROSS JOIN generate_series(1, 4) AS n WHERE stream = 'balances'
""",
    """
INSERT INTO onetrading.positions (snapshot_id, account_id, instrument_code, direction, open_volume,
    open_notional, maintenance_margin, last_settlement, mark_price, raw)
SELECT snapshot_id, account_id, 'BTC_USD_P', 'LONG', 0.01, 683.505, 13.6701, 0.0461466, 68350.5,
    jsonb_build_object('instrument_code', 'BTC_USD_P', 'direction', 'LONG', 'open_volume', '0.01',
        'open_position', '683.505', 'maintenance_margin', '13.6701', 'last_settlement', '0.0461466',
        'mark_price', '68350.5')
FROM onetrading.snapshots WHERE stream = 'positions'
""",
    """
INSERT INTO onetrading.portfolios (snapshot_id, account_id, equity, margin_used, margin_available,
    account_ratio, maintenance_margin, raw)
SELECT snapshot_id, account_id, 98378.71, 6621.295, 91757.415, 14.85795783986582, 3310.6475,
    jsonb_build_object('equity', '98378.71', 'margin_used', '6621.295', 'margin_available',
        '91757.415', 'account_ratio', '14.857957839965820', 'maintenance_margin', '3310.6475')
FROM onetrading.snapshots WHERE stream = 'portfolio'
""",
)


def run(say: Say) -> None:
    """Four days of an account, thinned to the last of each minute, hour and day."""
    with server() as url, psycopg.connect(url) as connection:
        partitions.make(connection, _START)
        end = _START + timedelta(days=_DAYS)
        connection.execute(_HEADERS, {"start": _START, "end": end})
        for statement in _ROWS:
            connection.execute(statement.encode())
        connection.commit()
        full = _bytes(connection)
        say(_size("a day, every change", full))
        market, account = {}, {}
        for unit in ("minute", "hour", "day"):
            market[unit] = _thin(connection, say, _MARKET, unit)
        account["hour"] = _thin(connection, say, _ACCOUNT, "hour")
        _calculate(say, full, market, account["hour"])


def run_full(say: Say) -> None:
    """Also a simulated year that is thinned as it goes, compared with one that keeps all."""
    run(say)
    kept_year.compare(say)


def _thin(connection: Connection, say: Say, streams: tuple[str, ...], unit: str) -> float:
    """Thin these streams; MB a day of the rest."""
    began = time.monotonic()
    rules = [Rule(stream, _START + timedelta(days=_DAYS), unit) for stream in streams]
    done = retention.thin(connection, _SUFFIX, rules, time.sleep)
    connection.commit()
    if done is None:
        raise RuntimeError("somebody else thins")
    left = _bytes(connection)
    what = f"the same, {' and '.join(streams)}: the last of each {unit}"
    say(_size(what, left, f"thinned in {time.monotonic() - began:.1f} s"))
    return left


def _calculate(say: Say, full: float, market: dict[str, float], rest: float) -> None:
    """Sizes just before what is due is thinned, and just after."""
    of_market, of_account = full - market["day"], market["day"] - rest
    minutes, hours = market["minute"] - market["day"], market["hour"] - market["day"]
    first, second, third = (tier.older.days for tier in DEFAULT["market"])
    (kept,) = (tier.older.days for tier in DEFAULT["account"])
    for years in (1, 3):
        days = 365 * years
        settled = (
            of_market * first
            + minutes * (second - first)
            + hours * (min(days, third) - second)
            + of_account * kept
            + rest * days
        )
        before = settled + housekeeping.THINNED_EVERY.days * (of_market + of_account)
        say(
            Finding(
                f"by calculation, after {years} years: kept as the setting says",
                f"{settled / 1000:.2f} GB",
                f"to {before / 1000:.2f} GB just before it is thinned",
            )
        )


def _bytes(connection: Connection) -> float:
    """MB a day of all tables of snapshots."""
    sizes = retention.table_sizes(connection)
    names = ("snapshots", "tickers", "funding_rate_samples", "balances", "positions", "portfolios")
    return sum(sizes[f"onetrading.{name}"] for name in names) / 1e6 / _DAYS


def _size(what: str, megabytes: float, spread: str = "") -> Finding:
    return Finding(what, f"{megabytes:.2f} MB", spread)
