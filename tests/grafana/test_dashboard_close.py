"""What the dashboards say of the close of a month and of results, from facts that are made up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from exporter.store import closes
from grafana.source.queries import STATEMENTS
from tests.support.bookings import put_accounts, put_trades, trade
from tests.support.closing import START, put_late_trade, put_months
from tests.support.dashboards import sql
from tests.support.reporting import MAIN, Connection, facts, put

JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)
VIENNA = ZoneInfo("Europe/Vienna")
MARKETS = ["BTC_EUR", "BTC_USD_P", "ETH_USD_P"]
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
Row = dict[str, Any]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


def rows(
    connection: Connection,
    statement: str,
    month: str = "2026-01",
    *,
    span: tuple[datetime, datetime] = (START, START),
    currency: tuple[str, ...] = ("EUR", "USD"),
) -> list[Row]:
    """As a reader sees them. ``span``: the range of the dashboard."""
    chosen = {"account": ["main"], "instrument": MARKETS, "month": [month], "currency": currency}
    connection.execute("SET ROLE onetrading_reader")
    found = connection.execute(sql(STATEMENTS[statement], chosen, *span).encode())
    assert found.description
    names = [column.name for column in found.description]
    listed = [dict(zip(names, row, strict=True)) for row in found]
    connection.execute("RESET ROLE")
    return listed


def verdict(connection: Connection, month: str = "2026-01") -> tuple[str, int]:
    (row,) = rows(connection, "month_at_a_glance", month)
    return row["the month"], row["checks failing"]


def test_a_month_is_closable_then_locked_and_then_a_fact_comes_late(
    connection: Connection,
) -> None:
    put_months(connection)
    assert verdict(connection) == ("closable", 0)
    assert rows(connection, "locks") == []
    lock = closes.close(connection, JANUARY, "UTC", version="1.2.3", acknowledged={})
    (glance,) = rows(connection, "month_at_a_glance")
    assert (glance["the month"], glance["locked since"]) == ("locked", lock.closed_at)
    assert glance["checksum"] == lock.checksum[:12]
    assert glance["time zone"] == "UTC"
    gains = rows(connection, "gains_of_month")
    connection.commit()
    put_late_trade(connection, 9, START + 5 * DAY)
    assert verdict(connection) == ("locked", 1)
    checks = rows(connection, "checks_of_month")
    assert [(row["check"], row["state"]) for row in checks[:2]] == [
        ("late_facts", "failing"),
        ("coverage", "ok"),
    ]
    late = [row for row in rows(connection, "late_facts_of_month") if row["locked"]]
    assert [(row["came"], row["fees by"], row["turnover by"]) for row in late] == [
        ("after the lock", Decimal("0.7"), 360)
    ]
    assert rows(connection, "gains_of_month") == gains
    (listed,) = rows(connection, "locks")
    assert (listed["month"], listed["state"]) == ("2026-01", "in force")
    assert (listed["checksum"], listed["acknowledged"]) == (lock.checksum, None)


def test_what_was_accepted_stays_readable_after_the_lock_is_taken_off(
    connection: Connection,
) -> None:
    put_months(connection)
    connection.execute("DELETE FROM onetrading_sync.coverage")
    assert verdict(connection) == ("not closable", 1)
    closes.close(
        connection, JANUARY, "UTC", version="1.2.3", acknowledged={"coverage": "not served"}
    )
    assert verdict(connection) == ("locked", 0)
    states = {row["check"]: row["state"] for row in rows(connection, "checks_of_month")}
    assert states["coverage"] == "acknowledged"
    closes.reopen(connection, JANUARY, "UTC", reason="a late trade")
    (listed,) = rows(connection, "locks")
    assert listed["state"] == "taken off"
    assert listed["because"] == "a late trade"
    assert listed["acknowledged"] == '{"coverage": "not served"}'


def test_a_month_that_runs_is_not_over_and_nothing_known_is_not_closable(
    connection: Connection,
) -> None:
    assert verdict(connection) == ("not over", 0)
    put_months(connection)
    row = connection.execute("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM')").fetchone()
    assert row
    running = str(row[0])
    assert verdict(connection, running) == ("not over", 0)
    connection.execute("DELETE FROM onetrading_sync.coverage")
    judged = connection.execute(
        "SELECT count(*) FILTER (WHERE state = 'failing'),"
        " count(*) FILTER (WHERE state IN ('failing', 'open')) FROM reporting.month_close"
        " WHERE month = to_date(%s, 'YYYY-MM') AND account IN ('main', 'public')",
        [running],
    ).fetchone()
    assert judged
    assert judged[0] > 0, "nothing fails, so nothing is shown by this test"
    (glance,) = rows(connection, "month_at_a_glance", running)
    assert (glance["the month"], glance["checks failing"]) == ("not over", 0)
    assert glance["checks open"] == judged[1]
    states = [check["state"] for check in rows(connection, "checks_of_month", running)]
    assert states.count("failing so far") == judged[0]
    assert "failing" not in states


def test_months_are_those_of_the_business_zone(connection: Connection) -> None:
    with facts(connection, "Asia/Tokyo"):
        put_accounts_in(connection, "Europe/Vienna")
        first = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
        put_trades(connection, [trade(1, at=first, fee=("0.5", "EUR"))])
        required = [(MAIN, "trades", "", first)]
        put(
            connection,
            "onetrading_sync.progress (account_id, stream, scope, required_from)",
            required,
        )
        # The query of the variable has one column.
        months = [next(iter(row.values())) for row in rows(connection, "months")]
        assert months[-2] == "2026-02"  # the running one is last
        assert [row["trades"] for row in rows(connection, "fees_against_tier", "2026-02")] == [1]


def put_accounts_in(connection: Connection, zone: str) -> None:
    connection.execute("DELETE FROM onetrading.accounts")
    put_accounts(connection)
    put(connection, "onetrading_sync.settings (name, value)", [("business_zone", zone)])


def test_fees_are_summed_against_what_they_can_be_compared_with(connection: Connection) -> None:
    with facts(connection, "UTC"):
        put_accounts_in(connection, "UTC")
        put(
            connection,
            "onetrading.account_fee_tiers (account_id, fee_group, min_volume, maker_ratio,"
            " taker_ratio, raw, valid_from)",
            [(MAIN, "SPOT", 0, "0.001", "0.002", "{}", START + 3 * DAY)],
        )
        put_trades(
            connection,
            [
                trade(1, at=START + DAY, fee=("0.2", "EUR")),  # before a tier was observed
                trade(2, at=START + 4 * DAY, fee=("0.2", "EUR")),
                trade(3, at=START + 5 * DAY, price="200", fee=("0.55", "EUR")),
                trade(4, at=START + 5 * DAY, fee=("3", "BEST")),
            ],
        )
        found = {
            (row["schedule"], row["currency"]): (
                *(row[name] for name in ("trades", "charged", "expected", "difference")),
                row["trades that differ"],
            )
            for row in rows(connection, "fees_against_tier")
        }
        assert found == {
            ("tier", "EUR"): (2, Decimal("0.75"), Decimal("0.6"), Decimal("0.15"), 1),
            (None, "EUR"): (1, Decimal("0.2"), None, None, 0),
            (None, "BEST"): (1, 3, None, None, 0),
        }


def put_results(connection: Connection) -> None:
    """Spot bought and sold, one sale without a cost; a position that was closed; funding of it."""
    fee = ("0.1", "EUR")
    charged = ("1", "USD")
    night = datetime(2026, 1, 9, 23, 30, tzinfo=UTC)  # the tenth in Vienna
    put_trades(
        connection,
        [
            trade(1, at=START + 2 * DAY, amount="2", fee=fee),
            trade(2, at=START + 5 * DAY, side="SELL", price="130", fee=fee),
            trade(3, at=night, side="SELL", price="90", fee=fee),
            trade(4, at=START + 20 * DAY, side="SELL", price="500", fee=fee),
            trade(5, at=START + 3 * DAY, price="1000", code="BTC_USD_P", fee=charged),
            trade(6, at=START + 8 * DAY, side="SELL", price="1040", code="BTC_USD_P", fee=charged),
        ],
    )
    put(
        connection,
        "onetrading.closed_positions (position_id, account_id, instrument_code, direction,"
        " opened_at, closed_at, closing_pnl, realised_pnl, total_funding_payments,"
        " total_trade_fees, raw, row_hash)",
        [
            (
                *("p", MAIN, "BTC_USD_P", "LONG", START + 3 * DAY - MINUTE),
                *(START + 8 * DAY + MINUTE, "40", "33", "-5", "2", "{}", 0),
            )
        ],
    )
    booked = START + 4 * DAY
    put(
        connection,
        "onetrading.funding_payments (account_id, instrument_code, booked_at, funding_time, amount,"
        " raw, row_hash)",
        [(MAIN, "BTC_USD_P", booked, booked, "-5", "{}", 0)],
    )


def last(listed: list[Row]) -> dict[str, Decimal]:
    """Where each line ends."""
    return {row["metric"]: row["value"] for row in listed}


def test_results_add_up_by_day_and_currency_to_what_the_month_says(
    connection: Connection,
) -> None:
    with facts(connection, "America/New_York"):
        put_accounts_in(connection, "Europe/Vienna")
        put_results(connection)
        span = (
            datetime(2026, 1, 1, 12, tzinfo=VIENNA),
            datetime(2026, 1, 31, 23, 59, tzinfo=VIENNA),
        )
        listed = rows(connection, "results_in_range", span=span)
        ends = last(listed)
        assert ends == {
            "main EUR gross": 20,
            "main EUR fees": Decimal("-0.3"),
            "main EUR funding": 0,
            "main EUR net": Decimal("19.7"),
            "main USD gross": 40,
            "main USD fees": -2,
            "main USD funding": -5,
            "main USD net": 33,
        }
        sums = connection.execute(
            "SELECT currency, gain_gross, -fees, funding, gain_net"
            " FROM reporting.realised_pnl_monthly WHERE account = 'main'"
            " AND month = '2026-01-01' AND method IN ('fifo', 'position')"
        )
        for code, *figures in sums:
            parts = ("gross", "fees", "funding", "net")
            assert figures == [ends[f"main {code} {part}"] for part in parts]
        gross = {row["time"]: row["value"] for row in listed if row["metric"] == "main EUR gross"}
        # To the end of each day in Vienna, where the second sale is after midnight, on the tenth.
        assert gross[datetime(2026, 1, 10, tzinfo=VIENNA)] == 30
        assert gross[datetime(2026, 1, 11, tzinfo=VIENNA)] == 20
        assert min(gross) == datetime(2026, 1, 7, tzinfo=VIENNA)  # nothing before the first result
        assert len(gross) == 26  # and a point each day from then on
        euros = rows(connection, "results_in_range", currency=("EUR",), span=span)
        assert {row["metric"].split()[1] for row in euros} == {"EUR"}


def test_results_begin_with_the_first_day_of_the_range(connection: Connection) -> None:
    with facts(connection, "UTC"):
        put_accounts_in(connection, "UTC")
        put_results(connection)
        begin = START + timedelta(days=8, hours=20)
        listed = rows(connection, "results_in_range", span=(begin, begin + 5 * DAY))
        ends = last(listed)
        # The whole day of its beginning counts; what was before is in no sum.
        assert ends["main EUR gross"] == -10
        assert ends["main USD gross"] == 40
        assert ends["main USD fees"] == -1
        assert max(row["time"] for row in listed) == begin + 5 * DAY


def test_drawdown_is_below_zero_and_ends_now(connection: Connection) -> None:
    with facts(connection, "UTC") as now:
        noon = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=12)
        seen = [(noon - 2 * DAY, 80), (noon - DAY, 100), (noon, 75)]
        put(
            connection,
            "onetrading.snapshots (snapshot_id, account_id, stream, first_observed_at,"
            " last_observed_at, row_count, content_hash, header)",
            [(n, MAIN, "portfolio", at, at, 1, 0, "{}") for n, (at, _) in enumerate(seen)],
        )
        put(
            connection,
            "onetrading.portfolios (snapshot_id, account_id, equity, raw)",
            [(n, MAIN, equity, "{}") for n, (_, equity) in enumerate(seen)],
        )
        span = (noon - DAY, now)
        found = [
            (row["metric"], row["value"])
            for row in rows(connection, "drawdown_in_range", span=span)
        ]
        assert found == [("main", 0), ("main", Decimal("-0.25")), ("main", Decimal("-0.25"))]
        listed = rows(connection, "equity_in_range", span=span)
        assert last(listed) == {"main equity": 75, "main highest so far": 100}
        assert max(row["time"] for row in listed) == now
