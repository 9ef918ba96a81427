"""The lock on a month: its figures stay, later knowledge is told, the next month stands on it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from exporter.model.errors import ChecksFailing, CloseRefused, SettingsError
from exporter.store import closes
from tests.support.closing import START, put_late_trade, put_months
from tests.support.reporting import MAIN, Connection

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
REPORTS = {
    "monthly_fees": "",
    "monthly_funding": "",
    "monthly_turnover": "",
    "balance_rollforward": "('{zone}')",
    "realised_pnl_monthly": "('{zone}')",
    "inventory_rollforward": "('{zone}')",
}


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        put_months(connection)
        yield connection


def close(
    connection: Connection, month: date, zone: str = "UTC", **acknowledged: str
) -> closes.Lock:
    lock = closes.close(connection, month, zone, version="1.2.3", acknowledged=acknowledged)
    connection.commit()
    return lock


def figures(connection: Connection, month: date, zone: str = "UTC") -> dict[str, list[Any]]:
    """Every monthly report of a month, row by row as JSON."""
    found = {}
    for view, arguments in REPORTS.items():
        query = f"SELECT to_jsonb(r)::text FROM reporting.{view}{arguments} AS r WHERE month = %s"  # noqa: S608
        rows = connection.execute(query.format(zone=zone).encode(), [month]).fetchall()
        found[view] = sorted(text for (text,) in rows)
    return found


def check_of(connection: Connection, name: str, month: date) -> tuple[Any, ...]:
    row = connection.execute(
        "SELECT state, difference, rows_to_look_at FROM reporting.month_close"
        " WHERE check_name = %s AND month = %s AND account = 'main'",
        [name, month],
    ).fetchone()
    assert row is not None
    return row


def test_a_lock_changes_no_figure_and_has_a_checksum_of_what_it_stores(
    connection: Connection,
) -> None:
    before = figures(connection, JANUARY)
    assert all(before[view] for view in ("monthly_fees", "realised_pnl_monthly"))
    lock = close(connection, JANUARY)
    assert figures(connection, JANUARY) == before
    stored = connection.execute(
        "SELECT report, number, row::text FROM onetrading.closed_rows ORDER BY report, number"
    ).fetchall()
    lines = "\n".join("\t".join(map(str, row)) for row in stored)
    assert lock.checksum == hashlib.sha256(lines.encode()).hexdigest()
    assert lock.rows == len(stored)
    listed = connection.execute("SELECT month, zone, checksum, in_force FROM reporting.closes")
    assert listed.fetchall() == [(JANUARY, "UTC", lock.checksum, True)]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Vienna"])
def test_a_late_trade_moves_nothing_until_the_month_is_reopened(
    connection: Connection, zone: str
) -> None:
    first = close(connection, JANUARY, zone)
    locked, following = figures(connection, JANUARY, zone), figures(connection, FEBRUARY, zone)
    put_late_trade(connection, 9, START + timedelta(days=15))
    assert figures(connection, JANUARY, zone) == locked
    assert figures(connection, FEBRUARY, zone) == following  # it begins with the locked lots

    late = connection.execute(
        "SELECT kind, fee_delta, quote_delta, locked_at FROM reporting.late_facts"
        " WHERE locked_at IS NOT NULL"
    ).fetchall()
    assert late == [("late", Decimal("0.7"), Decimal(360), first.closed_at)]
    state, difference, query = connection.execute(
        "SELECT state, difference, rows_to_look_at FROM reporting.month_close(%s)"
        " WHERE month = %s AND check_name = 'late_facts' AND account = 'main'",
        [zone, JANUARY],
    ).fetchone() or (None, None, "")
    assert (state, difference) == ("failing", 1)
    assert len(connection.execute(query.encode()).fetchall()) == 1

    closes.reopen(connection, JANUARY, zone, "a late trade")
    assert figures(connection, JANUARY, zone) != locked
    second = close(connection, JANUARY, zone)
    assert second.checksum != first.checksum
    assert not connection.execute(
        "SELECT FROM reporting.late_facts WHERE locked_at IS NOT NULL"
    ).fetchall()
    kept = connection.execute(
        "SELECT checksum, in_force, reopened_because FROM reporting.closes ORDER BY closed_at"
    ).fetchall()
    assert kept == [(first.checksum, False, "a late trade"), (second.checksum, True, None)]
    again = connection.execute(
        "SELECT closes.checksum = checksums.checksum FROM onetrading.closes"
        " JOIN onetrading.checksums USING (close_id)"
    ).fetchall()
    assert again == [(True,), (True,)]


def test_what_another_transaction_had_begun_to_write_is_late(
    connection: Connection, database_url: str
) -> None:
    """It is in no figure, though first_seen_at is before the moment of the lock."""
    with psycopg.connect(database_url) as writer:
        writer.execute(
            "INSERT INTO onetrading.external_movements"
            " (account_id, reference, moved_at, currency_code, amount, kind)"
            " VALUES (%s, 'wire', '2026-01-20', 'EUR', 500, 'deposit')",
            [MAIN],
        )
        close(connection, JANUARY)
        writer.commit()
    late = connection.execute(
        "SELECT stream, kind FROM reporting.late_facts WHERE locked_at IS NOT NULL"
    ).fetchall()
    assert late == [("movements", "late")]
    assert check_of(connection, "late_facts", JANUARY)[0] == "failing"


def test_months_are_locked_one_after_the_other(connection: Connection) -> None:
    close(connection, JANUARY)
    with pytest.raises(CloseRefused, match=r"2026-01 .* is locked already"):
        close(connection, JANUARY)
    with pytest.raises(CloseRefused, match="close 2026-02 first"):
        close(connection, MARCH)
    close(connection, FEBRUARY)
    with pytest.raises(CloseRefused, match="reopen 2026-02 first"):
        closes.reopen(connection, JANUARY, "UTC", "why not")
    closes.reopen(connection, FEBRUARY, "UTC", "in order")
    closes.reopen(connection, JANUARY, "UTC", "in order")
    with pytest.raises(CloseRefused, match="not locked"):
        closes.reopen(connection, JANUARY, "UTC", "again")
    close(connection, FEBRUARY)
    with pytest.raises(CloseRefused, match="before the newest lock"):
        close(connection, JANUARY)


def test_a_month_that_is_not_over_or_not_complete_is_refused(connection: Connection) -> None:
    row = connection.execute(
        "SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date"
    ).fetchone()
    assert row is not None
    with pytest.raises(CloseRefused, match="is not over"):
        close(connection, row[0])
    with pytest.raises(CloseRefused, match="nothing is known"):
        close(connection, date(2020, 1, 1))
    connection.execute(
        "UPDATE onetrading_sync.coverage SET range = tstzrange(lower(range), '2026-01-20')"
    )
    with pytest.raises(ChecksFailing, match="main coverage") as error:
        close(connection, JANUARY)
    assert [check["check_name"] for check in error.value.checks] == ["coverage"]
    with pytest.raises(SettingsError, match="no check"):
        close(connection, JANUARY, coverages="mistyped")
    with pytest.raises(ChecksFailing):
        close(connection, JANUARY, rejects="another check")
    close(connection, JANUARY, **{"main/coverage": "the exchange lost it"})
    assert check_of(connection, "coverage", JANUARY)[0] == "acknowledged"
    states = connection.execute(
        "SELECT DISTINCT state FROM reporting.month_close WHERE month = %s", [JANUARY]
    ).fetchall()
    assert ("failing",) not in states


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE onetrading.closed_rows SET row = '{}'",
        "DELETE FROM onetrading.closed_rows",
        "TRUNCATE onetrading.closed_rows",
        "DELETE FROM onetrading.closes",
        "UPDATE onetrading.closes SET checksum = ''",
        "UPDATE onetrading.closes SET reopened_at = now(), reopened_because = '', version = ''",
    ],
)
def test_what_is_locked_cannot_be_changed(connection: Connection, statement: str) -> None:
    close(connection, JANUARY)
    with pytest.raises(psycopg.errors.RestrictViolation, match="never changed"):
        connection.execute(statement.encode())


def test_the_next_month_begins_with_what_the_locked_one_ended_with(connection: Connection) -> None:
    close(connection, JANUARY)
    put_late_trade(connection, 9, START + timedelta(days=15))
    query = (
        "SELECT method, {} FROM reporting.inventory_rollforward"
        " WHERE month = %s AND asset = 'BTC' ORDER BY method"
    )
    ended = connection.execute(
        query.format("closing_quantity, closing_cost").encode(), [JANUARY]
    ).fetchall()
    begun = connection.execute(
        query.format("opening_quantity, opening_cost").encode(), [FEBRUARY]
    ).fetchall()
    assert len(ended) == 2
    assert ended == begun


def test_a_reader_sees_locked_figures_and_locks(connection: Connection) -> None:
    close(connection, JANUARY)
    before = figures(connection, JANUARY)
    connection.execute("SET ROLE onetrading_reader")
    assert figures(connection, JANUARY) == before
    assert connection.execute("SELECT FROM reporting.closes").fetchall()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT FROM onetrading.closed_rows")


def test_judging_remembers_since_when_a_check_fails(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO onetrading_sync.rejects (account_id, stream, scope, record, record_hash,"
        " reason, first_seen_at, happened_at)"
        " VALUES (%s, 'trades', '', '{}', 1, 'odd', '2026-02-10', '2026-02-10')",
        [MAIN],
    )
    closes.judge(connection, "UTC", FEBRUARY)
    connection.commit()
    stored = connection.execute(
        "SELECT check_name, state, failing_since FROM onetrading_sync.judgements"
        " WHERE state = 'failing'"
    ).fetchall()
    assert [(name, state) for name, state, _ in stored] == [("rejects", "failing")]
    months = closes.months(connection)
    assert months.differences["main", "rejects", "2026-02"] == 1
    assert months.unclosed == {"main": datetime(2026, 3, 1, tzinfo=UTC)}
    assert FEBRUARY not in closes.due_months(connection, "UTC")
    assert MARCH in closes.due_months(connection, "UTC")
    connection.execute("UPDATE onetrading_sync.rejects SET resolved_at = now()")
    closes.judge(connection, "UTC", FEBRUARY)
    assert closes.months(connection).unclosed == {}


def put_lot(connection: Connection, reference: str, acquired_at: str) -> None:
    connection.execute(
        "INSERT INTO onetrading.external_lots"
        " (account_id, reference, base_code, quote_code, acquired_at, quantity, cost)"
        " VALUES (%s, %s, 'BTC', 'EUR', %s, 5, 400)",
        [MAIN, reference, acquired_at],
    )
    connection.commit()


def late(connection: Connection) -> list[tuple[Any, ...]]:
    """What late_facts lists as missing in locked figures, and what the check counts."""
    facts = connection.execute(
        "SELECT stream, kind FROM reporting.late_facts WHERE locked_at IS NOT NULL"
        " ORDER BY stream, kind"
    ).fetchall()
    for zone, month in connection.execute("SELECT zone, month FROM reporting.closes").fetchall():
        query, counted = connection.execute(
            "SELECT rows_to_look_at, difference FROM reporting.month_close(%s)"
            " WHERE month = %s AND check_name = 'late_facts' AND account = 'main'",
            [zone, month],
        ).fetchone() or ("", 0)
        assert len(connection.execute(query.encode()).fetchall()) >= counted
    return facts


def test_what_was_first_seen_just_before_is_in_the_figures_and_not_late(
    connection: Connection, database_url: str
) -> None:
    """Also beside a session that has been in a transaction for longer."""
    with psycopg.connect(database_url) as idle:
        idle.execute("SELECT 1")
        put_late_trade(connection, 9, START + timedelta(days=15))
        close(connection, JANUARY)
    assert late(connection) == []


def test_lots_and_trades_from_before_the_first_lock_are_late_in_it(connection: Connection) -> None:
    close(connection, FEBRUARY)
    before = figures(connection, MARCH)
    put_lot(connection, "bought elsewhere", "2025-06-01")
    put_late_trade(connection, 9, START + timedelta(days=15))
    assert figures(connection, MARCH) == before
    assert late(connection) == [("lots", "late"), ("trades", "late")]


def test_the_monthly_views_of_utc_are_locked_with_a_month_of_another_zone(
    connection: Connection,
) -> None:
    close(connection, JANUARY, "Europe/Vienna")
    locked = figures(connection, JANUARY)["monthly_fees"]
    put_late_trade(connection, 9, datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
    assert figures(connection, JANUARY)["monthly_fees"] == locked
    assert late(connection) == [("trades", "late")]


def test_a_lock_of_another_zone_survives_the_reopening_of_one_that_ends_with_it(
    connection: Connection,
) -> None:
    close(connection, JANUARY)
    close(connection, JANUARY, "Europe/London")
    before = figures(connection, FEBRUARY)
    put_late_trade(connection, 9, START + timedelta(days=15))
    closes.reopen(connection, JANUARY, "Europe/London", "why not")
    assert figures(connection, FEBRUARY) == before
    closes.reopen(connection, JANUARY, "UTC", "the late trade")
    assert figures(connection, FEBRUARY) != before


def test_a_trade_of_an_unknown_instrument_keeps_a_month_open(connection: Connection) -> None:
    connection.execute("DELETE FROM onetrading.instruments WHERE instrument_code = 'BTC_EUR'")
    state, difference, query = check_of(connection, "instruments", JANUARY)
    assert (state, difference) == ("failing", 3)
    assert len(connection.execute(query.encode()).fetchall()) == 3
    with pytest.raises(ChecksFailing, match="main instruments"):
        close(connection, JANUARY)
    connection.rollback()


def test_an_older_trade_of_an_unknown_instrument_keeps_it_open_too(connection: Connection) -> None:
    connection.execute(
        "UPDATE onetrading.trades SET instrument_code = 'XRP_EUR' WHERE trade_id = %s",
        [UUID(int=1)],
    )
    with pytest.raises(CloseRefused, match=r"unknown instruments .XRP_EUR."):
        close(connection, FEBRUARY)
    connection.rollback()


def test_what_is_of_no_account_is_late_in_no_lock(connection: Connection) -> None:
    close(connection, JANUARY)
    connection.execute(
        "INSERT INTO onetrading_sync.issues (account_id, stream, kind, key, happened_at)"
        " VALUES (%s, 'rates', 'changed', '{}', '2026-01-05')",
        [UUID(int=0)],
    )
    assert closes.months(connection).late == {}


def test_a_locked_month_is_judged_again_and_a_reopened_one_anew(connection: Connection) -> None:
    close(connection, JANUARY)
    assert JANUARY in closes.due_months(connection, "UTC")
    closes.judge(connection, "UTC", JANUARY)
    connection.commit()
    assert JANUARY not in closes.due_months(connection, "UTC")
    put_late_trade(connection, 9, START + timedelta(days=15))
    closes.judge(connection, "UTC", JANUARY)
    connection.commit()
    query = (
        "SELECT failing_since FROM reporting.month_close"
        " WHERE month = %s AND check_name = 'late_facts' AND account = 'main'"
    )
    first = connection.execute(query, [JANUARY]).fetchone()
    connection.commit()
    assert connection.execute(query, [JANUARY]).fetchone() == first
    closes.reopen(connection, JANUARY, "UTC", "the late trade")
    assert JANUARY in closes.due_months(connection, "UTC")
