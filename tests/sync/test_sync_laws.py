"""Laws of the whole sync, on a simulated exchange over HTTP and a real Postgres."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from exporter.app import App
from exporter.model.window import Window
from exporter.simulator import AccountSpec, Simulator
from exporter.sync import Backfill, HistorySync
from tests.support.expositions import series
from tests.support.facts import (
    Connection,
    Facts,
    broken_claims,
    count,
    coverage,
    micros_of,
    recounted,
    stored,
    totals,
    truth,
    unproven,
    visible,
)
from tests.support.postgres import written
from tests.support.process import command
from tests.support.simulator_client import NOW
from tests.support.sync_app import (
    DAY,
    environment,
    exchange,
    fill,
    let_pass,
    run_passes,
    running,
    shown,
    sync,
)

ONE_ACCOUNT = (AccountSpec("main", trades_per_day=100),)
HOUR = timedelta(hours=1)


@contextmanager
def connected(database_url: str) -> Iterator[Connection]:
    """A connection that sees what was committed just now."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def reader_of(app: App, stream: str, account: str = "main") -> HistorySync:
    """The reader of one history."""
    return next(found for found in app.histories(account) if found.stream.name == stream)


def run_one(app: App, stream: str, account: str = "main") -> str:
    """One pass of one stream."""
    return app.runner.run(next(sync for sync in app.syncs if sync.key == (account, stream)))


def test_running_twice_is_running_once(database_url: str, tmp_path: Path) -> None:
    with exchange() as simulator:
        environ = environment(simulator, database_url, tmp_path)
        with running(environ) as app:
            sync(app)
            first_shown = shown(app)
        first = written(database_url)
        assert first["trades"][0] == len(truth(simulator, ("trades",)))
        with running(environ) as app:
            sync(app)
            assert shown(app) == first_shown
        assert written(database_url) == first
        # Orders are noted once as compared with their trades; the second run adds nothing.
        updates = {updated for name, (_, updated, _) in first.items() if name != "orders"}
        assert updates == {0}
        assert b"onetrading_trades_total" in b"".join(first_shown)
        with connected(database_url) as connection:
            assert stored(connection) == truth(simulator)
            assert count(connection, "SELECT count(*) FROM onetrading_sync.issues") == 0
            assert unproven(connection, NOW - 2 * DAY, NOW - timedelta(minutes=6)) == []


def test_history_that_is_complete_is_not_asked_for(database_url: str, tmp_path: Path) -> None:
    """Between two passes there is nothing to fill: the newest part is the next pass's."""
    with exchange(days=0.5, accounts=ONE_ACCOUNT) as simulator:
        streams = "trades,funding_payments,funding_history"
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS=streams)
        with running(environ) as app:
            sync(app)
            let_pass(simulator, app, 20)
            asked = len(simulator.requests)
            readers = app.histories()
            assert len(readers) == 3
            for reader in readers:
                job = Backfill(reader)
                assert job.run(job.plan()).pages == 0
            assert len(simulator.requests) == asked


@pytest.mark.parametrize("ahead", [timedelta(minutes=30), timedelta(days=100), -timedelta(days=3)])
def test_our_clock_proves_nothing(ahead: timedelta, database_url: str, tmp_path: Path) -> None:
    """This machine's clock is wrong, and nothing was asked yet."""
    present = datetime.now(UTC) - ahead
    with Simulator(now=present, speed=10, history_days=0.5, accounts=ONE_ACCOUNT) as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS="trades")
        environ["ONETRADING_HISTORY_START"] = (present - DAY).isoformat()
        for _ in range(2):  # the second app knows the account, and begins with a walk
            with (
                running(environ, steady=lambda: 10 * time.monotonic()) as app,
                connected(database_url) as connection,
            ):
                assert run_passes(app) == {("main", "trades"): "ok"}
                assert broken_claims(connection, truth(simulator), simulator.now) == []
                assert coverage(connection)


def random_faults(random: Random) -> dict[str, Any]:
    """Some of all faults that pass by themselves."""
    rates = {
        name: random.choice((0.0, 0.0, 0.02, 0.04))
        for name in ("error_rate", "drop_rate", "truncate_rate", "garbage_rate")
    }
    return rates | {
        "cursor_expiry_rate": random.choice((0.0, 0.0, 0.1)),
        "duplicate_rate": random.choice((0.0, 0.3, 1.0)),
        "empty_pages": random.choice((0.0, 0.3)),
        "shuffle_equal_instants": random.random() < 0.5,
        "page_size_cap": random.choice((0, 7, 10)),
        "unknown_fields": random.random() < 0.3,
        "unknown_enums": random.choice((0.0, 0.2)),
    }


@pytest.mark.parametrize("seed", range(4))
def test_faults_cost_time_and_no_truth(seed: int, database_url: str, tmp_path: Path) -> None:
    """Nothing is ever claimed that is not there, and in the end all is there."""
    random = Random(seed)  # noqa: S311  not for secrets
    accounts = (AccountSpec("main", trades_per_day=300),)
    streams = "trades,funding_payments" + ",funding_history" * (seed % 2)
    # The same rows are late all the time: what is not shown later was never shown.
    late = {"late_rate": 0.5, "late_seconds": random.choice((30.0, 300.0))} if seed % 2 else {}
    with exchange(days=0.6, seed=seed, accounts=accounts) as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS=streams)
        with running(environ) as app, connected(database_url) as connection:
            due: Facts = {} if late else truth(simulator)
            for _ in range(4):
                simulator.set_faults(**random_faults(random), **late)
                asked = set(run_passes(app).values()) == {"ok"}
                due |= {} if late else truth(simulator)
                assert broken_claims(connection, due, simulator.now) == []
                if random.random() < 0.7 and fill(app) and asked:
                    due |= visible(simulator) | truth(simulator, ("funding_history",))
                assert broken_claims(connection, due, simulator.now) == []
                assert_counters(connection)
                let_pass(simulator, app, random.choice((5, 60, 200, 4_000)))
            simulator.set_faults()
            sync(app)
            assert {k: v for k, v in truth(simulator).items() if k[1] in streams} == stored(
                connection
            )
            start, end = NOW - 2 * DAY, simulator.now - timedelta(minutes=6)
            assert unproven(connection, start, end) == []
            assert_counters(connection)


def assert_counters(connection: Connection) -> None:
    """The counters that are open stand at what the facts sum up to."""
    expected = recounted(connection)
    assert totals(connection) == expected


@pytest.mark.parametrize("away_s", [30, 600, 3_590, 3_700, 90_000])
def test_late_rows_are_found_however_long_we_were_away(
    away_s: int, database_url: str, tmp_path: Path
) -> None:
    """A row that appears within settle and overlap is stored, whatever lies between two passes."""
    accounts = (AccountSpec("main", trades_per_day=3_000),)
    with exchange(days=0.1, accounts=accounts) as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS="trades")
        simulator.set_faults(late_rate=0.5, late_seconds=300)
        with running(environ) as app, connected(database_url) as connection:
            run_passes(app)
            assert fill(app)
            before = stored(connection)
            assert len(before) < len(truth(simulator, ("trades",)))
            let_pass(simulator, app, away_s)
            for _ in range(2):
                run_passes(app)
                assert fill(app)
            assert_all_stored(connection, simulator)


def assert_all_stored(connection: Connection, simulator: Simulator) -> None:
    """Every trade that shows is stored, whatever is proven."""
    kept = stored(connection, ("trades",))
    shown_now = {key: fact for key, fact in visible(simulator).items() if key[1] == "trades"}
    assert {key: fact for key, fact in shown_now.items() if key not in kept} == {}


@pytest.mark.parametrize("pages", [1, 3, 5])
def test_a_tail_cut_short_does_not_hide_late_rows(
    pages: int, database_url: str, tmp_path: Path
) -> None:
    """The walk that reads the overlap again ends too early, wherever that is."""
    accounts = (AccountSpec("main", trades_per_day=6_000),)
    late: dict[str, Any] = {"late_rate": 0.5, "late_seconds": 300}
    with exchange(days=0.05, accounts=accounts) as simulator:
        environ = environment(
            simulator,
            database_url,
            tmp_path,
            ONETRADING_STREAMS="trades",
            ONETRADING_INTERVAL_TRADES="1s",
        )
        simulator.set_faults(**late)
        with running(environ) as app, connected(database_url) as connection:
            run_passes(app)
            assert fill(app)
            let_pass(simulator, app, 299)
            # A budget in any 60 seconds, so many requests more than were sent until now.
            sent = simulator.state["requests"]["main"]["most_in_60_seconds"]
            simulator.set_faults(**late, page_size_cap=4, budget=sent + pages)
            before = coverage(connection)
            assert run_one(app, "trades") == "failed"
            assert pages == 1 or coverage(connection) != before
            simulator.set_faults(**late)
            let_pass(simulator, app, 299)
            for _ in range(2):
                run_passes(app)
                assert fill(app)
            assert_all_stored(connection, simulator)


def test_a_record_that_cannot_be_read_is_kept_aside(database_url: str, tmp_path: Path) -> None:
    with exchange(days=0.5, accounts=ONE_ACCOUNT) as simulator:
        streams = "trades,funding_payments"
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS=streams)
        simulator.set_faults(bad_record_rate=0.1)
        with running(environ) as app, connected(database_url) as connection:
            sync(app)
            everything = truth(simulator, ("trades", "funding_payments"))
            kept = stored(connection, ("trades", "funding_payments"))
            bad = everything.keys() - kept.keys()
            assert bad
            assert all(everything[key] == fact for key, fact in kept.items())
            rejects = connection.execute(
                "SELECT record, reason FROM onetrading_sync.rejects ORDER BY reject_id"
            ).fetchall()
            assert len(rejects) == len(bad)
            sequences = {everything[key].values[7] for key in bad if key[1] == "trades"}
            records = [json.loads(record) for record, _ in rejects]
            found = {int(r["trade"]["sequence"]) for r in records if "trade" in r}
            assert found == sequences
            assert all(reason for _, reason in rejects)
            assert unproven(connection, NOW - 2 * DAY, NOW - timedelta(minutes=6)) == []
            sync(app)
            again = connection.execute(
                "SELECT record, reason FROM onetrading_sync.rejects ORDER BY reject_id"
            ).fetchall()
            assert again == rejects


def test_a_fact_that_changes_is_kept_both_ways(database_url: str, tmp_path: Path) -> None:
    accounts = (AccountSpec("main", trades_per_day=3_000),)
    with exchange(days=0.05, accounts=accounts) as simulator:
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS="trades")
        with running(environ) as app, connected(database_url) as connection:
            sync(app)
            original = stored(connection, ("trades",))
            simulator.set_faults(changed_rate=1.0)
            run_passes(app)
            now = stored(connection, ("trades",))
            changed = {key for key, fact in now.items() if fact != original[key]}
            assert len(changed) > 5
            factor = Decimal("1.01")
            assert all(now[k].values[2] == original[k].values[2] * factor for k in changed)
            issues = issues_of(connection)
            assert {trade_id for trade_id, _, _ in issues} == {key[3] for key in changed}
            for trade_id, old, new in issues:
                assert Decimal(old["trade"]["price"]) * factor == Decimal(new["trade"]["price"])
                assert old["trade"]["trade_id"] == new["trade"]["trade_id"] == trade_id
            assert_counters(connection)
            run_passes(app)
            assert len(issues_of(connection)) == len(issues)
            simulator.restore()
            run_passes(app)
            assert stored(connection, ("trades",)) == original
            back = issues_of(connection)[len(issues) :]
            assert {(t, json.dumps(new), json.dumps(old)) for t, old, new in back} == {
                (t, json.dumps(old), json.dumps(new)) for t, old, new in issues
            }
            assert_counters(connection)


def issues_of(connection: Connection) -> list[tuple[str, Any, Any]]:
    """Trade id, old and new record of each issue, in the order noticed."""
    rows = connection.execute(
        "SELECT key->>'trade_id', old_record, new_record FROM onetrading_sync.issues"
        " WHERE kind = 'changed' ORDER BY issue_id"
    )
    return [(trade_id, old, new) for trade_id, old, new in rows]


def test_counters_are_the_truth_of_the_tables(database_url: str, tmp_path: Path) -> None:
    """Old history never makes them jump, a restart does not lose them, live rows add up."""
    streams = "trades,funding_payments"
    start = NOW - DAY
    with exchange() as simulator:
        environ = environment(
            simulator,
            database_url,
            tmp_path,
            ONETRADING_STREAMS=streams,
            ONETRADING_HISTORY_START=start.isoformat(),
        )
        with connected(database_url) as connection:
            with running(environ) as app:
                run_passes(app)
                assert count(connection, "SELECT count(*) FROM onetrading_sync.counting") == 0
                sync(app)
                standing = totals(connection)
                assert standing == recounted(connection)
                assert min(fact.micros for fact in stored(connection).values()) >= micros_of(start)
                exposed = shown(app)
                for stream in ("trades", "funding_payments"):
                    backfill(app, stream, Window(NOW - 2 * DAY, start))
                older = [f for f in stored(connection).values() if f.micros < micros_of(start)]
                assert older
                assert totals(connection) == standing == recounted(connection)
                run_passes(app)
                assert shown(app) == exposed
            with running(environ) as app:
                run_passes(app)
                assert totals(connection) == standing
                assert shown(app) == exposed
                before = set(stored(connection))
                let_pass(simulator, app, 5 * 3_600)
                sync(app)
                counted = {k: f for k, f in truth(simulator).items() if f.micros > micros_of(start)}
                trades = sum(1 for key in counted if key[1] == "trades" and key not in before)
                assert trades > 5
                assert totals(connection) == recounted(connection)
                assert total_of(totals(connection)) == total_of(standing) + trades


def total_of(values: dict[tuple[str, str, tuple[str, ...]], Decimal]) -> Decimal:
    """The number of trades that counters stand at, over all labels."""
    found = (value for key, value in values.items() if key[1] == "onetrading_trades_total")
    return sum(found, Decimal(0))


def backfill(app: App, stream: str, window: Window) -> int:
    """Fill a window as the command does; how many rows were new."""
    job = Backfill(reader_of(app, stream))
    return job.run(job.plan(window)).inserted


def test_a_command_beside_the_service(database_url: str, tmp_path: Path) -> None:
    """Both fill the same history at once: no error, every row once, counters right."""
    accounts = (AccountSpec("main", trades_per_day=600),)
    with exchange(accounts=accounts) as simulator:
        simulator.set_faults(page_size_cap=10, latency_ms=2)
        environ = environment(simulator, database_url, tmp_path, ONETRADING_STREAMS="trades")
        with (
            running(environ, service=True) as service,
            running(environ) as command,
            connected(database_url) as connection,
        ):
            assert set(run_passes(service).values()) == {"ok"}
            window = Window(NOW - 2 * DAY, NOW - HOUR)
            barrier = threading.Barrier(3)

            def filling() -> bool:
                barrier.wait(10)
                return service.gap_filler().fill(reader_of(service, "trades"))

            def polling() -> list[str]:
                barrier.wait(10)
                return [run_one(service, "trades") for _ in range(10)]

            def commanding() -> int:
                barrier.wait(10)
                return backfill(command, "trades", window)

            with ThreadPoolExecutor(3) as pool:
                filled, polled = pool.submit(filling), pool.submit(polling)
                inserted = pool.submit(commanding)
                assert filled.result(60)
                assert polled.result(60) == ["ok"] * 10
                of_command = inserted.result(60)
            assert stored(connection, ("trades",)) == truth(simulator, ("trades",))
            assert broken_claims(connection, truth(simulator, ("trades",)), simulator.now) == []
            assert_counters(connection)
            total = "SELECT coalesce(sum(rows_inserted), 0) FROM onetrading_sync.runs"
            assert count(connection, total) == len(truth(simulator, ("trades",)))
            # What the command says that it brought, and what the service counts, add up.
            assert of_command + rows_written(service) == count(connection, total)


def rows_written(app: App) -> int:
    """The new rows that an app counts on /metrics."""
    body, _ = app.metrics.render("", "")
    return sum(
        int(float(value))
        for name, value in series(body.decode()).items()
        if name.startswith("onetrading_rows_written_total{") and "inserted" in name
    )


def test_history_from_the_command_line(database_url: str, tmp_path: Path) -> None:
    """`sync` twice, `gaps`, `status`, and `backfill` of what lies before, first as a dry run."""
    present = datetime.now(UTC)
    start, before = present - DAY, present - 2 * DAY
    with (
        Simulator(now=present, history_days=2, accounts=ONE_ACCOUNT) as simulator,
        connected(database_url) as connection,
    ):
        environ = environment(
            simulator,
            database_url,
            tmp_path,
            ONETRADING_STREAMS="trades,funding_payments",
            ONETRADING_HISTORY_START=start.isoformat(),
        )
        for _ in range(2):
            done = command("sync", env=environ)
            assert done.returncode == 0, done.stderr
            assert done.stdout.split() == ["ok", "main/trades", "ok", "main/funding_payments"]
            required = micros_of(start)
            kept = {k: f for k, f in stored(connection).items()}
            due = truth(simulator, ("trades", "funding_payments"))
            settled = micros_of(simulator.now - timedelta(minutes=3))
            assert {k: f for k, f in due.items() if required <= f.micros < settled} == {
                k: f for k, f in kept.items() if f.micros < settled
            }
        gaps = json.loads(command("gaps", "--json", env=environ).stdout)
        assert [gap for gap in gaps if not gap["is_tail"]] == []
        status = json.loads(command("status", "--json", env=environ).stdout)
        assert {(row["account"], row["stream"]) for row in status} >= {
            ("main", "trades"),
            ("main", "funding_payments"),
        }
        window = ("--from", before.isoformat(), "--to", start.isoformat())
        asked = ("backfill", "--stream", "trades", *window)
        rows = "SELECT count(*) FROM onetrading.trades"
        then = count(connection, rows)
        dry = command(*asked, "--dry-run", env=environ)
        assert dry.returncode == 0, dry.stderr
        assert f"{before:%FT%TZ} .. {start:%FT%TZ}" in dry.stdout
        assert count(connection, rows) == then
        standing = totals(connection)
        done = command(*asked, env=environ)
        assert done.returncode == 0, done.stderr
        older = [f for f in due.values() if len(f.values) > 2 and f.micros < required]
        assert f"{len(older)} new rows" in done.stdout
        assert count(connection, rows) == then + len(older)
        assert totals(connection) == standing
        again = command(*asked, env=environ)
        assert " 0 pages, 0 new rows" in again.stdout
        wrong = command("backfill", "--stream", "trades", "--from", "yesterday", env=environ)
        assert wrong.returncode == 2


THIRTY_DIGITS = "123456789012345.123456789012345"
TINY = "0.000000000000000000000000000001"


def test_no_digit_is_lost_on_the_way_to_postgres(database_url: str, tmp_path: Path) -> None:
    with exchange(days=0.1, accounts=ONE_ACCOUNT) as model:
        account_id = model.account_ids["main"]
    record = (
        f'{{"fee":{{"fee_amount":-{TINY},"fee_currency":"USD"}},"trade":{{'
        '"trade_id":"00000000-0000-4000-8000-00000000000A","order_id":"",'
        f'"account_id":"{account_id}","instrument_code":"BTC_USD_P","side":"BUY",'
        f'"price":"{THIRTY_DIGITS}","amount":{TINY},'
        '"time":"2026-03-30T23:59:59.999Z","time_nanos":"2026-03-30T23:59:59.999999999Z",'
        '"matched_as":"MAKER","sequence":"9007199254740993"}}'
    )
    page = f'{{"trade_history":[{record}]}}'
    with (
        exchange(
            days=0.1, accounts=ONE_ACCOUNT, pages={"/account/trades": page.encode()}
        ) as simulator,
        running(environment(simulator, database_url, tmp_path, ONETRADING_STREAMS="trades")) as app,
        connected(database_url) as connection,
    ):
        sync(app)
        row = connection.execute(
            "SELECT trade_id::text, order_id, price::text, amount::text, fee_amount::text,"
            " quote_amount::text, quote_amount = price * amount, sequence::text,"
            " traded_at_nanos::text,"
            " to_char(traded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),"
            " record->'trade'->>'amount' FROM onetrading.trades, reporting.records"
            " WHERE stream = 'trades'"
        ).fetchall()
        assert row == [
            (
                "00000000-0000-4000-8000-00000000000a",
                None,
                THIRTY_DIGITS,
                TINY,
                f"-{TINY}",
                "0.000000000000000123456789012345123456789012345",
                True,
                "9007199254740993",
                "1774915199999999999",
                "2026-03-30 23:59:59.999999",
                TINY,
            )
        ]
        value = connection.execute(
            "SELECT value::text FROM onetrading_sync.totals"
            " WHERE metric = 'onetrading_traded_quote_total'"
        ).fetchall()
        assert value == [("0.000000000000000123456789012345123456789012345",)]
        day = connection.execute(
            "SELECT count(*) FROM onetrading.trades"
            " WHERE traded_at < '2026-03-31 00:00:00+00' AND traded_at_nanos < 1774915200000000000"
        ).fetchone()
        assert day == (1,)


def test_a_full_minute_of_429_loses_nothing(database_url: str, tmp_path: Path) -> None:
    with exchange(days=0.5, accounts=ONE_ACCOUNT) as simulator:
        environ = environment(
            simulator, database_url, tmp_path, ONETRADING_STREAMS="trades,funding_payments"
        )
        simulator.set_faults(budget=6, retry_after=1, page_size_cap=5)
        lift = threading.Timer(1.0, simulator.set_faults)
        with running(environ) as app, connected(database_url) as connection:
            lift.start()
            run_passes(app)
            fill(app)
            assert broken_claims(connection, truth(simulator), simulator.now) == []
            lift.join()
            limited = simulator.state["requests"]["main"]["rate_limited"]
            assert limited > 0
            sync(app)
            streams = ("trades", "funding_payments")
            assert stored(connection, streams) == truth(simulator, streams)
            assert_counters(connection)
