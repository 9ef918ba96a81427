"""Open lots are carried to the ends of finished months, and never stale, whoever writes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from exporter.housekeeping import Housekeeping
from exporter.store import lots
from tests.support.lots import CHANGED_AT, SECOND, Trade, put_markets, put_trades
from tests.support.postgres import wait_for_a_lock
from tests.support.reporting import DAY, MAIN, Connection, put
from tests.support.stored_snapshots import ask
from tests.support.world import World, two_writers

MONTHS = [datetime(2026, month, 1, tzinfo=UTC) for month in (2, 3, 4, 5)]
FEBRUARY, MARCH, APRIL, MAY = MONTHS


NEW_VERSION = """
UPDATE onetrading.instruments SET valid_to = '2026-04-15 00:00Z'
WHERE instrument_code = 'BTC_EUR_P';
INSERT INTO onetrading.instruments
SELECT (jsonb_populate_record(
    old, '{{"valid_from": "2026-04-15 00:00Z", "valid_to": null}}'::jsonb || '{version}')).*
FROM onetrading.instruments AS old WHERE instrument_code = 'BTC_EUR_P'
"""


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    """Markets, and one trade a month."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        put(connection, "onetrading.accounts (account_id, name)", [(MAIN, "main")])
        put_markets(connection)
        put_trades(connection, [trade(at) for at in MONTHS])
        put_trades(connection, [trade(MARCH, account=SECOND)])
        yield connection


def trade(at: datetime, code: str = "BTC_EUR", account: UUID = MAIN) -> Trade:
    """A BUY an hour after an instant."""
    nanos = int((at + timedelta(hours=1)).timestamp()) * 10**9
    one = Decimal(1)
    return Trade(uuid4(), account, code, "BUY", one, one, None, None, None, nanos)


def carry(connection: Connection, *instants: datetime, account: UUID = MAIN) -> list[bool]:
    query = "SELECT onetrading.carry(%s, %s)"
    return [connection.execute(query, [account, at]).fetchall()[0][0] for at in instants]


def carried(connection: Connection, account: UUID = MAIN) -> list[datetime]:
    query = "SELECT at FROM onetrading_sync.carried WHERE account_id = %s ORDER BY at"
    return [at for (at,) in connection.execute(query, [account])]


def quantities(connection: Connection) -> list[tuple[int, int]]:
    """How many lots and pools are carried at each instant."""
    return connection.execute(
        "SELECT (SELECT count(*)::integer FROM onetrading_sync.carried_lots AS lots"
        " WHERE lots.account_id = carried.account_id AND lots.at = carried.at),"
        " (SELECT sum(quantity)::integer FROM onetrading_sync.carried_pools AS pools"
        " WHERE pools.account_id = carried.account_id AND pools.at = carried.at)"
        " FROM onetrading_sync.carried ORDER BY at"
    ).fetchall()


def test_a_state_is_carried_once(database: Connection) -> None:
    assert carry(database, MAY, MARCH, MAY) == [True, True, False]
    assert quantities(database) == [(1, 1), (3, 3)]


@pytest.mark.parametrize(
    ("statement", "left"),
    [
        ("DELETE FROM onetrading.trades WHERE traded_at < '2026-02-02 00:00Z'", []),
        ("DELETE FROM onetrading.trades WHERE traded_at = '2026-03-01 01:00Z'", [MARCH]),
        ("DELETE FROM onetrading.trades WHERE traded_at > '2026-05-01 00:00Z'", MONTHS[1:]),
        ("UPDATE onetrading.trades SET traded_at = traded_at - interval '1 month'"
         " WHERE traded_at > '2026-04-01 00:00Z' AND traded_at < '2026-05-01 00:00Z'", [MARCH]),
        ("UPDATE onetrading.trades SET traded_at = traded_at + interval '1 month'"
         " WHERE traded_at < '2026-02-02 00:00Z'", []),
        ("TRUNCATE onetrading.trades", []),
        ("INSERT INTO onetrading.external_lots (account_id, reference, base_code, quote_code,"
         " acquired_at, quantity) SELECT account_id, 'a', 'BTC', 'EUR', '2026-04-01 00:00Z', 1"
         " FROM onetrading.accounts WHERE name = 'main'", [MARCH, APRIL]),
        ("TRUNCATE onetrading.external_lots", []),
        ("UPDATE onetrading.instruments SET base_code = 'XBT'", []),
        ("UPDATE onetrading.instruments SET state = 'POST_ONLY'", MONTHS[1:]),
        ("DELETE FROM onetrading.instruments WHERE kind <> 'SPOT'", []),
        (NEW_VERSION.format(version='{"state": "CLOSED"}'), MONTHS[1:]),
        (NEW_VERSION.format(version='{"kind": "SPOT"}'), [MARCH, APRIL]),
        (NEW_VERSION.format(version='{"instrument_code": "NEW_EUR"}'), MONTHS[1:]),
    ],
)  # fmt: skip
def test_a_write_drops_what_it_makes_stale(
    database: Connection, statement: str, left: list[datetime]
) -> None:
    """And nothing else: not of earlier instants, nor of another account unless it is touched."""
    database.execute("UPDATE onetrading.instruments SET valid_to = NULL WHERE valid_to IS NULL")
    carry(database, MARCH, APRIL, MAY)
    carry(database, APRIL, account=SECOND)
    database.execute(statement.encode())
    assert carried(database) == left
    mine = "account_id" in statement or "traded_at" in statement
    others = [APRIL] if mine or APRIL in left else []
    if "traded_at = '2026-03-01" in statement:
        others = []
    assert carried(database, SECOND) == others


def test_an_instrument_that_becomes_known_drops_what_lacks_its_trades(
    database: Connection,
) -> None:
    put_trades(database, [trade(APRIL, "NEW_EUR")])
    carry(database, MARCH, APRIL, MAY)
    carry(database, MAY, account=SECOND)
    put(
        database,
        "onetrading.instruments (instrument_code, base_code, quote_code, kind, state, raw,"
        " valid_from)",
        [("NEW_EUR", "NEW", "EUR", "SPOT", "ACTIVE", "{}", CHANGED_AT)],
    )
    assert carried(database) == [MARCH, APRIL]
    assert carried(database, SECOND) == [MAY]


def test_a_locked_state_stays_and_so_does_what_follows_from_it(database: Connection) -> None:
    carry(database, *MONTHS)
    database.execute("UPDATE onetrading_sync.carried SET locked_by = 1 WHERE at = %s", [APRIL])
    put_trades(database, [trade(FEBRUARY)])
    assert carried(database) == [FEBRUARY, APRIL, MAY]
    put_trades(database, [trade(APRIL)])
    assert carried(database) == [FEBRUARY, APRIL]
    # What is computed from it leaves out what came before the lock.
    carry(database, MARCH, MAY)
    assert quantities(database)[1:] == [(2, 2), (2, 2), (4, 4)]
    database.execute("TRUNCATE onetrading.trades")
    assert carried(database) == [APRIL, MAY]


def test_a_trade_that_is_written_meanwhile_is_not_missed(
    database: Connection, database_url: str
) -> None:
    """By a writer that knows no lock of the loader's, before and after the state is carried."""
    with (
        psycopg.connect(database_url) as writer,
        psycopg.connect(database_url) as other,
    ):
        put_trades(writer, [trade(MARCH)])
        thread = threading.Thread(target=carry, args=(other, APRIL))
        thread.start()
        wait_for_a_lock(database_url)
        writer.commit()
        thread.join()
        put_trades_later = threading.Thread(target=put_trades, args=(writer, [trade(FEBRUARY)]))
        put_trades_later.start()
        wait_for_a_lock(database_url)
        other.commit()
        assert quantities(database) == [(3, 3)]
        put_trades_later.join()
        writer.commit()
    assert carried(database) == []


def test_carrying_needs_to_see_what_was_committed_meanwhile(database: Connection) -> None:
    database.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    with pytest.raises(psycopg.errors.RaiseException, match="READ COMMITTED"):
        carry(database, APRIL)
    database.execute("ROLLBACK")


def prove(connection: Connection, start: datetime, end: datetime) -> None:
    connection.execute(
        "INSERT INTO onetrading_sync.coverage (account_id, stream, scope, range)"
        " VALUES (%s, 'trades', '', tstzrange(%s, %s))",
        [MAIN, start, end],
    )


def test_only_finished_months_that_are_proven_are_due(database: Connection) -> None:
    assert lots.states_to_carry(database, str(MAIN)) == []
    database.execute(
        "INSERT INTO onetrading_sync.progress (account_id, stream, scope, required_from)"
        " VALUES (%s, 'trades', '', %s)",
        [MAIN, FEBRUARY],
    )
    prove(database, MARCH, MAY)
    assert lots.states_to_carry(database, str(MAIN)) == []  # a backfill is on its way
    prove(database, FEBRUARY, MARCH - timedelta(days=1))
    assert lots.states_to_carry(database, str(MAIN)) == []
    database.execute("DELETE FROM onetrading_sync.coverage")
    prove(database, FEBRUARY, APRIL - timedelta(days=1))
    assert lots.states_to_carry(database, str(MAIN)) == [MARCH]
    database.execute("DELETE FROM onetrading_sync.coverage")
    prove(database, FEBRUARY, MAY)
    assert lots.states_to_carry(database, str(MAIN)) == [MARCH, APRIL, MAY]
    carry(database, MARCH)
    assert lots.states_to_carry(database, str(MAIN)) == [APRIL, MAY]
    database.execute(
        "INSERT INTO onetrading_sync.settings VALUES ('business_zone', 'Europe/Vienna')"
    )
    hour = timedelta(hours=1)
    expected = [MARCH - hour, APRIL - 2 * hour, MAY - 2 * hour]
    assert lots.states_to_carry(database, str(MAIN)) == expected


def test_days_are_due_for_their_sums_once_they_are_proven(database: Connection) -> None:
    """A month at a time, from the first trade on; a changed trade makes its day due again."""
    assert lots.days_to_sum(database, str(MAIN)) == []
    database.execute(
        "INSERT INTO onetrading_sync.progress (account_id, stream, scope, required_from)"
        " VALUES (%s, 'trades', '', %s)",
        [MAIN, FEBRUARY - timedelta(days=9)],
    )
    prove(database, FEBRUARY, APRIL)
    assert lots.days_to_sum(database, str(MAIN)) == []  # a backfill is on its way
    prove(database, FEBRUARY - timedelta(days=9), FEBRUARY)
    database.execute("DELETE FROM onetrading_sync.coverage WHERE lower(range) = %s", [FEBRUARY])
    prove(database, FEBRUARY, APRIL + timedelta(days=1, hours=23))
    assert due(database) == []
    database.execute("UPDATE onetrading_sync.progress SET required_from = %s", [FEBRUARY])
    months = [(FEBRUARY, MARCH - DAY), (MARCH, APRIL - DAY), (APRIL, APRIL)]
    assert due(database) == months
    assert lots.sum_days(database, None, str(MAIN), FEBRUARY.date(), MARCH.date()) == 29
    assert due(database) == [(MARCH + DAY, APRIL - DAY), (APRIL, APRIL)]
    put_trades(database, [trade(FEBRUARY + DAY)])
    assert due(database) == [(FEBRUARY + DAY,) * 2, (MARCH + DAY, APRIL - DAY), (APRIL, APRIL)]


def due(connection: Connection) -> list[tuple[datetime, datetime]]:
    """The first and last days that are to be summed, as instants."""
    found = lots.days_to_sum(connection, str(MAIN))
    return [(midnight(first), midnight(last)) for first, last in found]


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def housekeeping(live: World) -> Housekeeping:
    app = live.app
    return Housekeeping(app.metrics, app.storage, app.spool, app.clock, lambda: app.accounts)


def test_the_service_carries_what_it_has_read(tmp_path: Path, database_url: str) -> None:
    """The finished months of the accounts whose leases it holds; nothing of the running month."""
    with two_writers(tmp_path, database_url) as (live, standby):
        live.poll("main", "trades")
        live.tick(86_400)  # into April
        live.poll("public", "instruments")
        live.poll("main", "trades")
        identities = live.app.account_ids()
        assert identities["main"] is not None
        states = "SELECT at FROM onetrading_sync.carried"
        assert housekeeping(live).carry_lots(identities)
        assert ask(database_url, states) == []  # its history is not read yet
        assert live.fill("main", "trades")
        assert housekeeping(standby).carry_lots(identities)
        assert ask(database_url, states) == []
        assert housekeeping(live).carry_lots({"main": None})
        assert housekeeping(live).carry_lots(identities)
        assert ask(database_url, states) == [(APRIL,)]
