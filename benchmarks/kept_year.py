"""A simulated year that is thinned as it goes, beside one that keeps every observation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import LiteralString

import psycopg

from benchmarks.measure import Finding, Say
from benchmarks.postgres import server
from exporter.housekeeping import THINNED_EVERY
from exporter.model.retention import DEFAULT
from exporter.store import retention
from exporter.store.database import Connection
from exporter.streams import STREAMS
from tests.support import simulated_year as simulated

_ZONES = ("UTC", "Europe/Vienna", "Asia/Kathmandu")
_LOOK_EVERY = timedelta(minutes=30)
_LOOK_OFTEN = timedelta(seconds=30)
"""While a month ends, and for ten minutes of each week."""
_TABLES = ("snapshots", "tickers", "balances", "positions", "portfolios")
_REPORTS: tuple[LiteralString, ...] = (
    "daily_closing_balances(%(zone)s)",
    "daily_equity(%(zone)s)",
    "drawdown(%(zone)s)",
    "balance_rollforward(%(zone)s)",
    "realised_pnl_monthly(%(zone)s)",
    "inventory_rollforward(%(zone)s)",
    "funding_check(%(zone)s)",
    "trade_slippage(%(zone)s)",
    "month_close(%(zone)s)",
    "monthly_fees",
    "monthly_funding",
    "monthly_turnover",
    "current_balances",
    "current_positions",
)


def compare(say: Say) -> None:
    """Sizes at the end of each month, and which reports say something else at the end."""
    with (
        server() as kept_url,
        server() as thinned_url,
        psycopg.connect(kept_url) as kept,
        psycopg.connect(thinned_url) as thinned,
    ):
        both = (kept, thinned)
        for connection in both:
            market = simulated.begin_year(connection)
        done, thinned_at = simulated.START, simulated.START
        for at in _looks():
            market.advance(at)
            for connection in both:
                simulated.observe(connection, market)
                simulated.observe_market(connection, market)
                connection.commit()
            if at.date() > done.date():
                if at.date().month != done.date().month:
                    say(_sizes(done, kept, thinned))
                done = at
            if at - thinned_at >= THINNED_EVERY:
                thinned_at = at
                simulated.load_histories(thinned, market)
                thinned.commit()
                _thin(thinned)
        for connection in both:
            simulated.end_year(connection, market)
            simulated.date_facts(connection)
            connection.commit()
            connection.execute("ANALYZE")
        _thin(thinned)
        _compare(say, kept, thinned)


def _looks() -> Iterator[datetime]:
    """When is looked: often while a month ends, and otherwise now and then."""
    at = simulated.START + timedelta(minutes=1)
    while at < simulated.END:
        yield at
        near = (at + timedelta(hours=1)).month != (at - timedelta(hours=1)).month
        often = near or (at.weekday(), at.hour, at.minute // 10) == (2, 14, 3)
        step = _LOOK_OFTEN if often else _LOOK_EVERY
        at = datetime.fromtimestamp((at.timestamp() // step.seconds + 1) * step.seconds, UTC)


def _thin(connection: Connection) -> None:
    wanted = retention.rules(connection, DEFAULT, STREAMS)
    for suffix in retention.due(connection, wanted):
        retention.thin(connection, suffix, wanted, time.sleep)
    connection.commit()


def _sizes(at: datetime, kept: Connection, thinned: Connection) -> Finding:
    """The sizes of what was observed, all of it and thinned."""
    ours, theirs = _bytes(thinned), _bytes(kept)
    return Finding(f"at the end of {at:%Y-%m}: thinned", f"{ours:.1f} MB", f"all {theirs:.1f} MB")


def _bytes(connection: Connection) -> float:
    sizes = retention.table_sizes(connection)
    connection.commit()
    return sum(sizes[f"onetrading.{table}"] for table in _TABLES) / 1e6


def _compare(say: Say, kept: Connection, thinned: Connection) -> None:
    """Every row of each report, in each zone, the two databases side by side."""
    rows, different = 0, []
    for report in _REPORTS:
        for zone in _ZONES if "zone" in report else _ZONES[:1]:
            found = [_rows(connection, report, zone) for connection in (kept, thinned)]
            rows += len(found[0])
            if found[0] != found[1]:
                different.append(f"{report.partition('(')[0]} in {zone}")
    say(
        Finding(
            f"rows of {len(_REPORTS)} reports that differ in the thinned year",
            ", ".join(different) or "none",
            f"of {rows:,}",
            "none",
        )
    )


def _rows(connection: Connection, report: LiteralString, zone: str) -> list[str]:
    # Without what depends on the time of the question.
    query = f"SELECT (to_jsonb(report) - 'age')::text FROM reporting.{report} AS report"  # noqa: S608  literals
    found = connection.execute(query, {"zone": zone} if "zone" in report else None).fetchall()
    connection.commit()
    return sorted(row for (row,) in found)
