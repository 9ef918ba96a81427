"""An instrument that the exchange refuses, or no longer lists, costs the others nothing."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from exporter.app import App, enabled
from exporter.store import bookkeeping
from tests.support.clocks import START
from tests.support.stored_snapshots import ask, retired
from tests.support.waiting import wait_until
from tests.support.world import World, settings_of, world

HOUR_S = 3_600
BAD, WORSE = "ETH_USD_P", "XRP_USD_P"
REASONS = {
    400: "the exchange refuses it: 400 INVALID_INSTRUMENT_CODE",
    403: "the exchange refuses it: 403",
    404: "the exchange refuses it: 404 INSTRUMENT_NOT_FOUND",
    500: "the exchange refuses it: 500",
}
STREAM = ("public", "funding_history")


def asked(live: World, since: int = 0) -> list[str]:
    """The instruments of the requests for settled rates, after so many requests."""
    return [
        parse_qs(request.query)["instrument_code"][0]
        for request in list(live.simulator.requests)[since:]
        if request.path == "/funding-rate/history"
    ]


def read_list(live: World) -> None:
    """Read the instruments; under load a response may take longer than a test waits for it."""
    wait_until(lambda: live.poll("public", "instruments") == "ok", "the list cannot be read")


def stored(database_url: str, code: str) -> int:
    sql = f"SELECT count(*) FROM onetrading.funding_rates WHERE instrument_code = '{code}'"  # noqa: S608
    ((count,),) = ask(database_url, sql)
    return int(count)


def older_gaps(database_url: str) -> list[Any]:
    return ask(
        database_url,
        "SELECT scope, gap_start, gap_end FROM reporting.coverage_gaps"
        " WHERE stream = 'funding_history' AND NOT is_tail",
    )


def gauge(live: World, name: str) -> str | None:
    return live.shown().get(f'{name}{{account="public",stream="funding_history"}}')


@pytest.mark.parametrize("status", REASONS)
def test_a_refused_instrument_fails_alone_and_is_asked_for_again(
    status: int, tmp_path: Path, database_url: str
) -> None:
    with world(tmp_path, database_url) as live:
        read_list(live)
        live.simulator.set_faults(refuse_instruments={BAD: status})
        assert live.poll(*STREAM) == "ok"
        assert live.fill(*STREAM)
        assert live.poll(*STREAM) == "ok"
        assert asked(live).count(BAD) == 1
        assert retired(database_url) == {BAD: REASONS[status]}
        assert gauge(live, "onetrading_scopes_refused") == "1"
        assert gauge(live, "onetrading_coverage_gap_seconds") == "0"
        assert live.errors(*STREAM) == {}
        assert older_gaps(database_url) == []
        assert stored(database_url, "BTC_USD_P") > 0

        live.simulator.set_faults()
        live.tick(HOUR_S)
        assert live.poll(*STREAM) == "ok"
        assert live.fill(*STREAM)
        assert retired(database_url) == {}
        assert live.poll(*STREAM) == "ok"
        assert gauge(live, "onetrading_scopes_refused") == "0"
        assert stored(database_url, BAD) == stored(database_url, "BTC_USD_P")
        assert older_gaps(database_url) == []


def test_a_plain_refusal_is_asked_for_hourly_and_a_passing_one_sooner(
    tmp_path: Path, database_url: str
) -> None:
    with world(tmp_path, database_url) as live:
        read_list(live)
        live.simulator.set_faults(refuse_instruments={BAD: 400, WORSE: 503})
        times: dict[str, list[int]] = {BAD: [], WORSE: []}
        for minute in range(0, 181, 5):
            since = len(live.simulator.requests)
            assert live.poll(*STREAM) == "ok"
            for code in set(asked(live, since)) & times.keys():
                times[code].append(minute)
            live.tick(300)
        assert times == {BAD: [0, 60, 120, 180], WORSE: [0, 5, 15, 35, 75, 135]}


def test_a_stream_that_serves_no_instrument_fails(tmp_path: Path, database_url: str) -> None:
    with world(tmp_path, database_url) as live:
        read_list(live)
        live.simulator.set_faults(fail_paths={"/funding-rate/history": 404})
        for _ in range(2):
            assert live.poll(*STREAM) == "failed"
            assert retired(database_url) == {}
            assert live.state(*STREAM).last_error == "payload"
        live.simulator.set_faults(forbid=("/funding-rate/history",))
        assert live.poll(*STREAM) == "not permitted"
        assert retired(database_url) == {}


def test_refusals_end_when_nothing_else_is_served(tmp_path: Path, database_url: str) -> None:
    """The only instrument that is left is refused: now the stream is at fault, which is told."""
    with world(tmp_path, database_url) as live:
        read_list(live)
        live.simulator.set_faults(refuse_instruments={BAD: 404})
        assert live.poll(*STREAM) == "ok"
        ask(database_url, f"UPDATE onetrading.instruments SET state = 'CLOSED'"  # noqa: S608
            f" WHERE instrument_code <> '{BAD}' RETURNING 1")  # fmt: skip
        assert live.poll(*STREAM) == "failed"
        assert retired(database_url) == {}


def test_an_outage_in_the_middle_of_a_pass_refuses_nothing(
    tmp_path: Path, database_url: str
) -> None:
    """The first instruments are served, then the endpoint refuses everybody for a while."""
    with world(tmp_path, database_url) as live:
        read_list(live)
        assert live.poll(*STREAM) == "ok"
        codes = asked(live)
        late = dict.fromkeys(codes[3:], 403)
        live.simulator.set_faults(refuse_instruments=late)
        # Believed only because one that was served before is still served.
        assert live.poll(*STREAM) == "ok"
        assert set(retired(database_url)) == set(late)
        assert asked(live)[-1] == codes[0]


def test_a_pass_that_is_rate_limited_midway_failed_for_what_it_did_not_read(
    tmp_path: Path, database_url: str
) -> None:
    with world(tmp_path, database_url) as live:
        read_list(live)
        assert live.poll(*STREAM) == "ok"
        live.tick(600)
        since = len(live.simulator.requests)
        live.simulator.set_faults(budget=since + 2, retry_after=3_600)
        assert live.poll(*STREAM) == "failed"
        *read, refused = asked(live, since)
        noted = "SELECT scope FROM onetrading_sync.progress WHERE stream = 'funding_history'"
        failed = {scope for (scope,) in ask(database_url, noted + " AND last_error IS NOT NULL")}
        assert read
        assert refused in failed
        assert not failed & set(read)


def test_a_restart_keeps_the_refusal_and_asks_again(tmp_path: Path, database_url: str) -> None:
    with world(tmp_path, database_url) as live:
        read_list(live)
        live.simulator.set_faults(refuse_instruments={BAD: 400})
        assert live.poll(*STREAM) == "ok"
        since = len(live.simulator.requests)
        settings = settings_of(live.simulator, tmp_path, ("main",), {"DATABASE_URL": database_url})
        again = App(settings, enabled(settings))
        try:
            assert again.open_database()
            (history,) = again.histories("public")
            assert BAD not in {partition.instrument for partition in history.partitions()}
            assert again.runner.run(history) == "ok"
            assert asked(live, since).count(BAD) == 1
            assert again.runner.run(history) == "ok"
            assert asked(live, since).count(BAD) == 1
            assert history.unread_scopes == {BAD: REASONS[400]}
        finally:
            again.close()


def test_what_is_wrong_with_one_instrument_otherwise_fails_the_stream_but_no_other_instrument(
    tmp_path: Path, database_url: str
) -> None:
    with world(tmp_path, database_url) as live:
        read_list(live)
        live.simulator.set_faults(bad_record_rate=0)
        live.simulator.set_faults(refuse_instruments={BAD: 200})  # an error in a good response
        assert live.poll(*STREAM) == "failed"
        assert live.state(*STREAM).last_error == "payload"
        failing = ask(
            database_url,
            "SELECT scope FROM onetrading_sync.progress WHERE last_error IS NOT NULL",
        )
        assert failing == [(BAD,)]
        assert not retired(database_url)


def test_a_refusal_is_logged_once(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with world(tmp_path, database_url) as live:
        read_list(live)
        live.simulator.set_faults(refuse_instruments={BAD: 400})
        for _ in range(3):
            assert live.poll(*STREAM) == "ok"
            live.tick(HOUR_S)
    told = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(told) == 1
    assert "INVALID_INSTRUMENT_CODE" in told[0].getMessage()


def test_a_backfill_leaves_a_refused_instrument_alone(tmp_path: Path, database_url: str) -> None:
    """One request finds out; the other windows of four years are not requested."""
    start = (START - timedelta(days=4 * 366)).isoformat()
    with world(tmp_path, database_url, ONETRADING_HISTORY_START=start) as live:
        read_list(live)
        live.simulator.set_faults(refuse_instruments={BAD: 400})
        assert not live.fill(*STREAM)
        tries = asked(live).count(BAD)
        assert tries <= 3  # of as many workers
        assert asked(live).count("BTC_USD_P") >= 3
        assert live.poll(*STREAM) == "ok"
        assert live.fill(*STREAM)
        assert asked(live).count(BAD) == tries + 1


def test_an_instrument_that_vanishes_is_read_for_a_day_and_then_retired(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    gone = "the exchange no longer lists it"
    with world(tmp_path, database_url) as live:
        read_list(live)
        assert live.poll(*STREAM) == "ok"
        live.simulator.set_faults(unlist=[BAD])
        live.tick(HOUR_S)
        read_list(live)
        since = len(live.simulator.requests)
        assert live.poll(*STREAM) == "ok"
        assert BAD in asked(live, since)
        assert retired(database_url) == {}
        live.tick(25 * HOUR_S)
        since = len(live.simulator.requests)
        assert live.poll(*STREAM) == "ok"
        assert BAD not in asked(live, since)
        assert retired(database_url) == {BAD: gone}
        assert gauge(live, "onetrading_scopes_refused") == "0"
        assert live.syncs[STREAM].unread_scopes == {BAD: gone}
        assert any(gone in record.getMessage() for record in caplog.records)
        # What was unread is read as far as it is served.
        assert live.fill(*STREAM)
        assert BAD in asked(live, since)
        assert older_gaps(database_url) == []

        live.simulator.set_faults()
        read_list(live)
        assert live.poll(*STREAM) == "ok"
        assert retired(database_url) == {}
        assert live.syncs[STREAM].unread_scopes == {}


def test_a_scope_that_no_list_ever_named_is_retired(tmp_path: Path, database_url: str) -> None:
    with world(tmp_path, database_url) as live:
        read_list(live)
        (history,) = live.app.histories("public")
        strange = history.partitions()[0]._replace(instrument="OLD_USD_P")
        history.required(strange)
        assert live.poll(*STREAM) == "ok"
        assert set(retired(database_url)) == {"OLD_USD_P"}


def test_who_stands_by_forgets_what_it_knew(tmp_path: Path, database_url: str) -> None:
    with world(tmp_path, database_url) as live:
        read_list(live)
        live.simulator.set_faults(refuse_instruments={BAD: 400})
        assert live.poll(*STREAM) == "ok"
        history = live.syncs[STREAM]
        history.stand_by()
        assert history.unread_scopes == {}
        since = len(live.simulator.requests)
        assert live.poll(*STREAM) == "ok"
        assert BAD in asked(live, since)


def test_the_latest_row_of_an_instrument_tells_whether_it_is_listed(
    tmp_path: Path, database_url: str
) -> None:
    with world(tmp_path, database_url) as live:
        read_list(live)
        live.simulator.set_faults(unlist=[BAD])
        live.tick(HOUR_S)
        read_list(live)
        assert live.database is not None
        found = {one.code: one for one in live.database.run(bookkeeping.futures)}
        assert found[BAD].gone_at is not None
        assert all(one.gone_at is None for code, one in found.items() if code != BAD)
        live.simulator.set_faults()
        live.tick(HOUR_S)
        read_list(live)
        found = {one.code: one for one in live.database.run(bookkeeping.futures)}
        assert found[BAD].gone_at is None
