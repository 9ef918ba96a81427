"""Details of closed positions: each is read once, none stops another, and differences are told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.model.window import Window
from exporter.store import details, rejects
from exporter.streams import STREAMS as DECLARED
from exporter.sync import HistorySync, Verification
from exporter.sync.reject_retry import RejectRetry
from tests.support.positions_exchange import (
    BASE,
    PositionsExchange,
    PositionsServer,
    serving,
)
from tests.support.positions_rig import Rig, new_exchange, rig

STREAMS = "positions,trades,funding_payments,closed_positions,position_funding,position_trades"
FOLLOWERS = ("position_funding", "position_trades")


@pytest.fixture(scope="module")
def server() -> Iterator[PositionsServer]:
    with serving() as one:
        yield one


def closed(exchange: PositionsExchange, number: int) -> list[str]:
    """So many positions of one hour each, oldest first; the ids."""
    for hours in range(2 * number, 0, -2):
        position = exchange.open("BTC_USD_P", before=3_600.0 * (hours + 2))
        position.closed_at = position.opened_at + timedelta(hours=1)
    return [one.position_id for one in exchange.positions]


def ask(one: Rig, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(one.database_url) as connection:
        return connection.execute(query.encode()).fetchall()


def detail_requests(one: Rig) -> int:
    return sum(path.endswith("/trades") and path != "/account/trades" for path, _ in requests(one))


def requests(one: Rig) -> list[tuple[str, dict[str, str]]]:
    return one.exchange.requests


def test_one_position_stops_no_other(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    """What is refused for good is requested a few times; what is broken goes on being tried."""
    exchange = new_exchange()
    refused, broken, good = closed(exchange, 3)
    exchange.missing_details, exchange.broken_details = {refused}, {broken}
    with rig(server, exchange, database_url, tmp_path, streams=STREAMS) as one:
        one.read()
        assert one.run("position_trades") == ["failed"]
        assert ask(one, "SELECT DISTINCT position_id FROM onetrading.position_trades") == [(good,)]
        assert one.run("position_trades") == ["ok"]
        assert detail_requests(one) == 3
        for pause in (*details.PAUSES, *details.PAUSES, details.PAUSES[-1]):
            one.wait(pause.total_seconds() + 1)
            one.run("position_trades")
        tried = [path.split("/")[4] for path, _ in requests(one) if path.endswith("/trades")]
        assert tried.count(refused) == len(details.PAUSES) + 1
        assert tried.count(broken) > tried.count(refused)
        assert tried.count(good) == 1
        noted = ask(
            one,
            "SELECT position_id, next_try_at IS NULL, last_error LIKE '%404%'"
            " FROM onetrading_sync.position_details WHERE read_at IS NULL ORDER BY 1",
        )
        assert noted == [(refused, True, True), (broken, False, False)]
        # It is counted all the same, although nothing tells its instrument.
        (history,) = (s for s in one.app.histories() if s.stream.name == "closed_positions")
        history.open_counting()
        assert ask(
            one,
            "SELECT labels[1], value FROM onetrading_sync.totals"
            " WHERE metric = 'onetrading_positions_closed_total' ORDER BY 1",
        ) == [("", 1), ("BTC_USD_P", 1)]
        # The others come to be known, and are counted once, each under its first label.
        exchange.broken_details, exchange.missing_details = set(), set()
        exchange.positions[0].fees = "0.50"
        one.wait(31 * 86_400.0)
        one.read()
        one.run("position_trades")
        assert ask(
            one,
            "SELECT labels[1], value FROM onetrading_sync.totals"
            " WHERE metric = 'onetrading_positions_closed_total' ORDER BY 1",
        ) == [("", 1), ("BTC_USD_P", 2)]


def read_details(one: Rig) -> set[str]:
    """The positions whose trades were read."""
    query = "SELECT position_id FROM onetrading_sync.position_details WHERE read_at IS NOT NULL"
    return {position_id for (position_id,) in ask(one, query)}


def test_positions_that_fail_for_ever_hide_no_other(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    """They come first: each pass began with them, and ended after them."""
    exchange = new_exchange()
    first, second, third, *good = closed(exchange, 5)
    exchange.failing_details = dict.fromkeys((first, second, third), 500)
    with rig(server, exchange, database_url, tmp_path, streams=STREAMS) as one:
        one.read()
        assert one.run("position_trades") == ["failed"]
        assert read_details(one) == set()
        assert one.run("position_trades") == ["failed"]
        assert read_details(one) == set(good)
        asked = detail_requests(one)
        assert one.run("position_trades") == ["ok"]
        assert detail_requests(one) == asked
        # Alone again, they wait longer each time, and the stream is fine meanwhile.
        for pause in (*details.PAUSES, details.PAUSES[-1]):
            one.wait(pause.total_seconds() + 1)
            assert one.run("position_trades", "position_trades") == ["failed", "ok"]
        assert detail_requests(one) == asked + 3 * 4
        exchange.failing_details = {}
        one.wait(details.PAUSES[-1].total_seconds() + 1)
        assert one.run("position_trades") == ["ok"]
        assert read_details(one) == {first, second, third, *good}


def test_incomplete_details_are_requested_again(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    """A few times, longer after each, until they add up."""
    exchange = new_exchange()
    repaired, short = closed(exchange, 2)
    exchange.short_details = {repaired, short}
    with rig(server, exchange, database_url, tmp_path, streams=STREAMS) as one:
        one.read()
        assert one.run(*["position_trades"] * 2) == ["ok", "ok"]
        exchange.short_details = {short}
        for pause in (*details.PAUSES, *details.PAUSES):
            one.wait(pause.total_seconds() - 60)
            assert one.run("position_trades") == ["ok"]
            one.wait(61)
            assert one.run("position_trades") == ["ok"]
        tried = [path.split("/")[4] for path, _ in requests(one) if path.endswith("/trades")]
        assert (tried.count(repaired), tried.count(short)) == (2, 1 + len(details.PAUSES))
        query = "SELECT position_id, count(*) FROM onetrading.position_trades GROUP BY 1 ORDER BY 1"
        assert ask(one, query) == [(repaired, 2), (short, 1)]


def test_an_outage_uses_up_no_tries(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    """Whatever still fails after it hides no other either."""
    exchange = new_exchange()
    ids = closed(exchange, 5)
    exchange.failing_details = dict.fromkeys(ids, 500)
    with rig(server, exchange, database_url, tmp_path, streams=STREAMS) as one:
        one.read()
        assert one.run(*["position_trades"] * 6) == ["failed"] * 6
        assert ask(one, "SELECT count(*) FROM onetrading_sync.position_details") == [(0,)]
        exchange.failing_details = dict.fromkeys(ids[:3], 500)
        assert one.run(*["position_trades"] * 4)[-1] == "ok"
        assert read_details(one) == set(ids[3:])
        exchange.failing_details = {}
        one.wait(details.PAUSES[0].total_seconds() + 1)
        assert one.run("position_trades") == ["ok"]
        assert read_details(one) == set(ids)


def test_a_refusal_of_the_only_position_is_not_that_of_the_stream(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    """It is given up like any other, once the stream was ever served."""
    exchange = new_exchange()
    (good,) = closed(exchange, 1)
    with rig(server, exchange, database_url, tmp_path, streams=STREAMS) as one:
        one.read()
        assert one.run("position_trades") == ["ok"]
        refused = exchange.open("BTC_USD_P")
        refused.closed_at = exchange.now
        exchange.failing_details = {refused.position_id: 403}
        one.wait(3_600)
        assert one.run("positions", "closed_positions") == ["ok", "ok"]
        asked = detail_requests(one)
        assert one.run("position_trades") == ["ok"]
        for pause in (*details.PAUSES, *details.PAUSES):
            one.wait(pause.total_seconds() + 1)
            assert one.run("position_trades") == ["ok"]
        assert detail_requests(one) == asked + len(details.PAUSES) + 1
        assert read_details(one) == {good}


def issues(one: Rig) -> list[tuple[str, str, str]]:
    """Stream, kind and position of each issue."""
    return [
        (stream, kind, position)
        for stream, kind, position in ask(
            one,
            "SELECT stream, kind, key ->> 'position_id' FROM onetrading_sync.issues"
            " ORDER BY stream, kind, 3",
        )
    ]


def test_what_does_not_fit_together_is_told_once(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    exchange = new_exchange()
    first, second = closed(exchange, 2)
    exchange.positions[0].fees = "0.75"
    with rig(server, exchange, database_url, tmp_path, streams=STREAMS) as one:
        one.read()
        one.read_trades()
        with psycopg.connect(database_url) as connection:
            # One trade was never stored, one of another amount, and one is in no position's list.
            connection.execute(
                "DELETE FROM onetrading.trades WHERE trade_id IN"
                " (SELECT trade_id FROM onetrading.trades ORDER BY traded_at LIMIT 1)"
            )
            connection.execute(
                "INSERT INTO onetrading.trades SELECT gen_random_uuid(), order_id, account_id,"
                " instrument_code, side, price, amount, quote_amount, fee_amount, fee_currency,"
                " liquidity, order_source, sequence, traded_at - interval '1 minute',"
                " traded_at_nanos, '{}', row_hash FROM onetrading.trades"
                " ORDER BY traded_at DESC LIMIT 1"
            )
            connection.execute(
                "UPDATE onetrading.trades SET amount = 2, quote_amount = 200 WHERE trade_id IN"
                " (SELECT trade_id FROM onetrading.trades ORDER BY traded_at LIMIT 1)"
            )
        expected = [
            ("closed_positions", "unbalanced", first),
            ("position_trades", "different", first),
            ("position_trades", "incomplete", first),
            ("position_trades", "missing", first),
            ("position_trades", "unlisted", second),
        ]
        assert one.run(*FOLLOWERS) == ["ok", "ok"]
        assert issues(one) == expected
        # Everything is read again, as if nothing had been.
        with psycopg.connect(database_url) as connection:
            connection.execute("DELETE FROM onetrading_sync.position_details")
        assert one.run(*FOLLOWERS) == ["ok", "ok"]
        assert issues(one) == expected


def test_a_position_that_changes_is_read_again(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    exchange = new_exchange()
    (position_id,) = closed(exchange, 1)
    with rig(server, exchange, database_url, tmp_path, streams=STREAMS) as one:
        one.read()
        assert one.run("position_trades") == ["ok"]
        exchange.positions[0].fees = "0.5000"
        one.read()
        assert one.run("position_trades") == ["ok"]
        assert detail_requests(one) == 2
        assert ("closed_positions", "raw_changed", position_id) in issues(one)
        kept = ask(
            one, "SELECT instrument_code, direction, opened_at FROM onetrading.closed_positions"
        )
        assert kept == [("BTC_USD_P", "LONG", exchange.positions[0].opened_at)]


def test_a_payment_in_another_precision_is_the_same(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    """Nanoseconds, then milliseconds; another payment of the same position is another one."""
    exchange = new_exchange()
    (position_id,) = closed(exchange, 1)
    sent = [
        {
            "instrument_code": "BTC_USD_P",
            "funding_payment": amount,
            "time": f"{BASE - timedelta(hours=hours):%Y-%m-%dT%H:%M}:01.{fraction}Z",
        }
        for hours, amount, fraction in ((4, "-0.1", "054379456"), (8, "0.1", "049000001"))
    ]
    exchange.payments[position_id] = sent
    with rig(server, exchange, database_url, tmp_path, streams=STREAMS) as one:
        one.read()
        assert one.run("position_funding") == ["ok"]
        stored = (
            "SELECT booked_at_nanos, onetrading.record_text(raw, record_page, record_ordinal)"
            " FROM onetrading.position_funding_payments"
        )
        first = ask(one, stored)
        assert len(first) == 2
        exchange.payments[position_id] = json.loads(json.dumps(sent).replace("054379456Z", "054Z"))
        with psycopg.connect(database_url) as connection:
            connection.execute("DELETE FROM onetrading_sync.position_details")
        assert one.run("position_funding") == ["ok"]
        assert ask(one, stored) == first


def history_of(one: Rig) -> HistorySync:
    (found,) = (sync for sync in one.app.histories() if sync.stream.name == "closed_positions")
    return found


def test_positions_of_which_no_time_is_sent_are_verified(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    """Whether their own trades have told it yet or not."""
    exchange = new_exchange()
    closed(exchange, 3)
    with rig(server, exchange, database_url, tmp_path, streams=STREAMS) as one:
        one.read()
        history = history_of(one)
        (whole,) = history.partitions()
        window = Window(BASE - timedelta(days=30), BASE - timedelta(hours=2))
        assert not Verification(history, 0.0).verify(whole, window).differs
        assert one.run("position_trades") == ["ok"]
        verified = Verification(history, 0.0).verify(whole, window)
        assert (verified.facts, verified.differs, verified.not_served) == (3, False, 0)
        gone = exchange.positions.pop(1)
        assert Verification(history, 0.0).verify(whole, window).vanished == 1
        assert ("closed_positions", "vanished", gone.position_id) in issues(one)


def test_a_rejected_position_of_which_no_time_is_sent_is_retried(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    exchange = new_exchange()
    (position_id,) = closed(exchange, 1)
    with rig(server, exchange, database_url, tmp_path, streams=STREAMS) as one:
        one.read()
        with psycopg.connect(database_url) as connection:  # an earlier version could not read it
            connection.execute(
                "WITH lost AS (DELETE FROM onetrading.closed_positions RETURNING *)"
                " INSERT INTO onetrading_sync.rejects"
                " (account_id, stream, scope, record, record_hash, reason)"
                " SELECT account_id, 'closed_positions', '', onetrading.record_text("
                " raw, record_page, record_ordinal), row_hash, 'old' FROM lost"
            )
        assert one.app.database is not None
        (left,) = one.app.database.run(rejects.open_rejects, None, ())
        retry = RejectRetry(DECLARED, one.app.storage, exchange.now)
        assert retry.retry(left).state == "loaded"
        assert ask(one, "SELECT position_id FROM onetrading.closed_positions") == [(position_id,)]


def test_a_rejected_detail_of_a_position_is_requested_again(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    """An earlier version could not read a trade of it; the position counts as read."""
    exchange = new_exchange()
    position_id, _ = closed(exchange, 2)
    with rig(server, exchange, database_url, tmp_path, streams=STREAMS) as one:
        one.read()
        assert one.run("position_trades") == ["ok"]
        with psycopg.connect(database_url) as connection:
            connection.execute(
                "WITH lost AS (DELETE FROM onetrading.position_trades WHERE ctid = ("
                " SELECT ctid FROM onetrading.position_trades WHERE position_id = %s LIMIT 1)"
                " RETURNING *) INSERT INTO onetrading_sync.rejects"
                " (account_id, stream, scope, record, record_hash, reason)"
                " SELECT account_id, 'position_trades', position_id, onetrading.record_text("
                " raw, record_page, record_ordinal), row_hash, 'old'"
                " FROM lost",
                [position_id],
            )
        assert one.app.database is not None
        asked = detail_requests(one)
        (left,) = one.app.database.run(rejects.open_rejects, None, ())
        retry = RejectRetry(DECLARED, one.app.storage, exchange.now)
        assert retry.retry(left).state == "requested again"
        assert one.run("position_trades") == ["ok"]
        assert detail_requests(one) == asked + 1
        assert one.app.database.run(rejects.open_rejects, None, ()) == []
        assert ask(one, "SELECT count(*) FROM onetrading.position_trades") == [(4,)]


def test_times_in_another_order_stop_no_comparison(
    server: PositionsServer, database_url: str, tmp_path: Path
) -> None:
    """One is sent in seconds, the other one in full: a short position ends before it begins."""
    exchange = new_exchange()
    closed(exchange, 2)
    odd = exchange.positions[0]
    odd.closed_at = odd.opened_at = odd.opened_at + timedelta(milliseconds=500)
    odd.more = {
        "opened_at": f"{odd.opened_at:%Y-%m-%dT%H:%M:%S.%f}Z",
        "closed_at": f"{odd.opened_at:%Y-%m-%dT%H:%M:%S}Z",
    }
    with rig(server, exchange, database_url, tmp_path, streams=STREAMS) as one:
        one.read()
        one.read_trades()
        payments = (s for s in one.app.histories() if s.stream.name == "funding_payments")
        assert one.run("funding_payments") == ["ok"]
        assert one.app.gap_filler().fill(next(payments))
        assert one.run(*FOLLOWERS) == ["ok", "ok"]
        assert ask(one, "SELECT count(compared_at) FROM onetrading_sync.position_details") == [(4,)]
