"""A simulated year closes to the last digit, in UTC and in Vienna, and each fault is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg
import pytest

from exporter.simulator.endpoints.truth import truth
from exporter.simulator.market.exact import exact
from exporter.simulator.market.market import Market, to_nanos
from exporter.store import closes
from tests.support.account_books import first_instant
from tests.support.reporting import Connection, in_order
from tests.support.simulated_year import MONTHS, ZONES, Year, load

Row = tuple[Any, ...]
CHECKS = (
    *("coverage", "rejects", "roll_forward", "order_fills", "positions", "funding", "futures_pnl"),
    *("instruments", "rates"),
)
FIGURES = {
    "monthly_fees": "",
    "monthly_funding": "",
    "monthly_turnover": "",
    "balance_rollforward": "(%(zone)s)",
    "realised_pnl_monthly": "(%(zone)s)",
    "inventory_rollforward": "(%(zone)s)",
}


@pytest.fixture(scope="module")
def url(year: Year) -> Iterator[str]:
    """A copy for tests that roll back what they change."""
    with year.copy() as url:
        yield url


@pytest.fixture
def facts(url: str) -> Iterator[Connection]:
    """The year, in a transaction that is rolled back."""
    with psycopg.connect(url) as connection:
        connection.execute("SET LOCAL jit = off")
        yield connection
        connection.rollback()


def one(connection: Connection, query: str, *parameters: Any) -> Row:
    row = connection.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize("zone", ZONES)
def test_every_month_can_be_closed(year: Year, facts: Connection, zone: str) -> None:
    """And ends with what the exchange truly held."""
    facts.execute("SET LOCAL ROLE onetrading_reader")
    found = facts.execute(
        "SELECT check_name, state, count(DISTINCT month) FROM reporting.month_close(%s)"
        " WHERE month = ANY(%s) GROUP BY 1, 2",
        [zone, MONTHS],
    ).fetchall()
    assert {state for _, state, _ in found} == {"ok", "not_applicable"}
    assert {check: months for check, state, months in found if state == "ok"} == dict.fromkeys(
        CHECKS, len(MONTHS)
    )
    rolled = facts.execute(
        "SELECT account, month, currency, opening, actual, difference"
        " FROM reporting.balance_rollforward(%s) WHERE month = ANY(%s)",
        [zone, MONTHS],
    ).fetchall()
    assert len(rolled) == len(MONTHS) * (5 + 4)
    for account, month, currency, opening, actual, difference in rolled:
        assert difference == 0
        if currency != "USD":  # settled each minute, between what was observed and the month's end
            held = [true_total(year.market, account, currency, at) for at in ends(month, zone)]
            assert [opening, actual] == held


def ends(month: date, zone: str) -> tuple[datetime, datetime]:
    following = (month + timedelta(days=31)).replace(day=1)
    return first_instant(month, zone), first_instant(following, zone)


@exact
def true_total(market: Market, account: str, currency: str, before: datetime) -> Decimal:
    return market.accounts[account].ledger.total(currency, to_nanos(before) - 1)


class Fault(NamedTuple):
    """A fault in a row of the year, each query over that row as it was."""

    row: str
    """Its key, when it happened, what identifies it in the rows to look at, and the differences of
    ``checks`` that follow."""
    change: str
    """What is done to it."""
    checks: tuple[str, ...]
    """Check and currency, as in month_close, that must fail in its month: these and no others."""


TRADE = "FROM onetrading.trades WHERE traded_at >= '2025-05-10' AND"
DELETED = "DELETE FROM onetrading.trades WHERE trade_id = %s"
TURNED = "UPDATE onetrading.trades SET fee_amount = -fee_amount WHERE trade_id = %s"
PAYMENT = (
    "SELECT ctid, booked_at, ARRAY[instrument_code], 1, -amount FROM onetrading.funding_payments"
    " WHERE booked_at >= '2025-05-10' AND abs(amount) > 0.01 ORDER BY booked_at LIMIT 1"
)
MOVED = (
    "SELECT ctid, moved_at, ARRAY[]::text[], amount FROM onetrading.external_movements"
    " WHERE moved_at >= '2025-05-10' AND {} ORDER BY moved_at LIMIT 1"
)
NOT_IMPORTED = "DELETE FROM onetrading.external_movements WHERE ctid = %s"
FAULTS = {
    "a trade of spot is missing": Fault(
        "SELECT trade_id, traded_at, ARRAY[order_id::text], amount - fee_amount, -price * amount,"
        f" 1 {TRADE} instrument_code = 'BTC_USDC' AND side = 'BUY' ORDER BY traded_at LIMIT 1",
        DELETED,
        ("roll_forward BTC", "roll_forward USDC", "order_fills"),
    ),
    "a trade of futures is missing": Fault(
        f"SELECT trade_id, traded_at, ARRAY[order_id::text, instrument_code], 1, 1,"
        f" price * amount - fee_amount"
        f" {TRADE} instrument_code = 'ETH_USD_P' AND side = 'SELL' ORDER BY traded_at LIMIT 1",
        DELETED,
        ("order_fills", "positions", "roll_forward USD"),
    ),
    "a payment is doubled": Fault(
        PAYMENT,
        "UPDATE onetrading.funding_payments SET amount = 2 * amount WHERE ctid = %s",
        ("funding", "roll_forward USD"),
    ),
    "a payment is booked twice": Fault(
        PAYMENT.replace("booked_at, ARRAY", "booked_at + interval '1 hour', ARRAY"),
        "INSERT INTO onetrading.funding_payments (account_id, instrument_code, booked_at,"
        " funding_time, amount, cash_balance, record_page, record_ordinal, row_hash)"
        " SELECT account_id, instrument_code, booked_at + interval '1 hour',"
        " funding_time + interval '1 hour', amount, cash_balance, record_page, record_ordinal,"
        " row_hash"
        " FROM onetrading.funding_payments WHERE ctid = %s",
        ("funding", "roll_forward USD"),
    ),
    "the sign of a fee of spot is turned": Fault(
        f"SELECT trade_id, traded_at, ARRAY[order_id::text], -2 * fee_amount"
        f" {TRADE} instrument_code = 'BTC_USDC' AND side = 'BUY' ORDER BY traded_at LIMIT 1",
        TURNED,
        ("roll_forward BTC",),
    ),
    "the sign of a fee of futures is turned": Fault(
        "SELECT trades.trade_id, traded_at, ARRAY[position_id], 2 * abs(fee_amount),"
        " -2 * fee_amount FROM onetrading.closed_positions"
        " JOIN onetrading.trades USING (account_id, instrument_code)"
        " WHERE traded_at BETWEEN opened_at AND closed_at"
        " AND traded_at >= '2025-05-10' AND closed_at < '2025-06-01' ORDER BY traded_at LIMIT 1",
        TURNED,
        ("futures_pnl", "roll_forward USD"),
    ),
    "a movement is missing": Fault(
        MOVED.format("currency_code = 'USDC'"), NOT_IMPORTED, ("roll_forward USDC",)
    ),
    "a deposit of what futures are settled in is missing": Fault(
        MOVED.format("currency_code = 'USD' AND kind = 'deposit'"),
        NOT_IMPORTED,
        ("roll_forward USD",),
    ),
    "the fee of a liquidation is missing": Fault(
        MOVED.format("kind = 'fee'"), NOT_IMPORTED, ("roll_forward USD",)
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_in_its_month(facts: Connection, fault: Fault) -> None:
    """With its difference, and a query that shows it or the time in which it lies."""
    key, at, names, *differences = one(facts, fault.row)
    facts.execute(fault.change.encode(), [key])
    month = at.date().replace(day=1)
    facts.execute("SET LOCAL ROLE onetrading_reader")
    found = facts.execute(
        "SELECT concat_ws(' ', check_name, currency), difference, rows_to_look_at"
        " FROM reporting.month_close WHERE month = %s AND state = 'failing'",
        [month],
    ).fetchall()
    assert {check: difference for check, difference, _ in found} == dict(
        zip(fault.checks, differences, strict=True)
    )
    for _, _, query in found:
        rows = facts.execute(query.encode()).fetchall()
        shown = {str(value) for row in rows for value in row}
        assert shown & set(names) or asked(query, at), query
    following = ends(month, "UTC")[1].date()
    for check, detail in failing_in(facts, following):
        # A position that differs goes on to differ: said is since when.
        assert (check, f"since {at:%Y-%m-%d}" in detail) == ("positions", True)


def failing_in(connection: Connection, month: date) -> list[Row]:
    return connection.execute(
        "SELECT check_name, detail FROM reporting.month_close"
        " WHERE month = %s AND state = 'failing'",
        [month],
    ).fetchall()


def asked(query: str, at: datetime) -> bool:
    """Whether a query asks for a time of a day or two that holds an instant."""
    found = re.findall(r"booked_at [<>]= '([^']*)'", query)
    bounds = [datetime.fromisoformat(text) for text in found]
    return len(bounds) == 2 and bounds[0] <= at <= bounds[1] <= bounds[0] + timedelta(days=2)


def test_marks_judge_nothing_where_they_are_not_what_is_settled_at(facts: Connection) -> None:
    """That the exchange settles at the marks of funding is seen, not documented."""
    facts.execute("UPDATE onetrading.funding_rates SET mark_price = mark_price * 1.01")
    facts.execute(
        "DELETE FROM onetrading.external_movements WHERE currency_code = 'USD'"
        " AND moved_at >= '2025-06-01' AND moved_at < '2025-07-01'"
    )
    judged = facts.execute(
        "SELECT currency, state FROM reporting.month_close WHERE month = '2025-06-01'"
        " AND account = 'main' AND check_name = 'roll_forward' ORDER BY currency"
    ).fetchall()
    assert judged == [(code, "ok") for code in ("BTC", "ETH", "EUR", "USD", "USDC")]


def close(connection: Connection, month: date, zone: str, **acknowledged: str) -> closes.Lock:
    lock = closes.close(connection, month, zone, version="1.2.3", acknowledged=acknowledged)
    connection.commit()
    return lock


def figures(connection: Connection, month: date, zone: str) -> dict[str, list[Row]]:
    """Every figure of a month; 1.50 is 1.5."""
    found: dict[str, list[Row]] = {}
    for view, arguments in FIGURES.items():
        query = f"SELECT * FROM reporting.{view}{arguments} WHERE month = %(month)s"  # noqa: S608
        rows = connection.execute(query.encode(), {"zone": zone, "month": month}).fetchall()
        found[view] = in_order(tuple(map(plain, row)) for row in rows)
    return found


def plain(value: Any) -> Any:
    if not isinstance(value, Decimal):
        return value
    return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"


def reopen(connection: Connection, month: date, zone: str) -> None:
    closes.reopen(connection, month, zone, "ticket 1")
    connection.commit()


def test_the_months_are_closed_one_after_the_other(year: Year) -> None:
    """To take a lock off and close again gives the same checksum."""
    with year.copy() as url, psycopg.connect(url) as connection:
        before = figures(connection, MONTHS[-1], "UTC")
        assert all(before[view] for view in FIGURES)
        locks = [close(connection, month, "UTC") for month in MONTHS]
        assert figures(connection, MONTHS[-1], "UTC") == before
        reopen(connection, MONTHS[-1], "UTC")
        assert close(connection, MONTHS[-1], "UTC").checksum == locks[-1].checksum
        listed = connection.execute(
            "SELECT month, closes.checksum, closes.checksum = checksums.checksum"
            " FROM onetrading.closes JOIN onetrading.checksums USING (close_id)"
            " WHERE reopened_at IS NULL ORDER BY month"
        ).fetchall()
        assert listed == [(lock.month, lock.checksum, True) for lock in locks]


def test_a_late_trade_changes_a_month_once_it_is_reopened(year: Year) -> None:
    """And then into what it would have been, had the trade been there from the start."""
    zone, month = "Europe/Vienna", date(2025, 6, 1)
    with year.copy() as url, psycopg.connect(url) as connection:
        true = figures(connection, month, zone)
        record = next(
            row
            for row in truth(year.market, "trades", "spot")
            if row["trade"]["time"].startswith("2025-06-1")
        )
        trade = record["trade"]
        gone = connection.execute(
            "DELETE FROM onetrading.trades WHERE trade_id = %s", [trade["trade_id"]]
        )
        assert gone.rowcount == 1
        connection.commit()
        lock = close(connection, month, zone, roll_forward="ticket 1", order_fills="ticket 1")
        locked = figures(connection, month, zone)
        assert locked != true

        account = year.market.accounts["spot"]
        assert load(connection, year.market, account, "trades", [record]).inserted == 1
        connection.commit()
        assert figures(connection, month, zone) == locked
        late = connection.execute(
            "SELECT key ->> 'trade_id', kind, quote_delta, fee_delta, locked_at"
            " FROM reporting.late_facts WHERE locked_at IS NOT NULL"
        ).fetchall()
        moved = Decimal(trade["price"]) * Decimal(trade["amount"])
        fee = Decimal(record["fee"]["fee_amount"])
        assert late == [(trade["trade_id"], "late", moved, fee, lock.closed_at)]
        assert [check for _, check in failing_of(connection, month, zone)] == ["late_facts"]

        reopen(connection, month, zone)
        assert figures(connection, month, zone) == true
        assert close(connection, month, zone).checksum != lock.checksum
        assert figures(connection, month, zone) == true
        assert failing_of(connection, month, zone) == []


def failing_of(connection: Connection, month: date, zone: str) -> list[Row]:
    return connection.execute(
        "SELECT account, check_name FROM reporting.month_close(%s)"
        " WHERE month = %s AND state = 'failing'",
        [zone, month],
    ).fetchall()
