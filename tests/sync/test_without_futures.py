"""An account without futures: whatever the exchange says instead, nothing is broken."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.support.stored_snapshots import ask, retired
from tests.support.world import World, world

FORMS = ("400", "401", "403", "404", "{}", "[]")
FUTURES = ("positions", "portfolio", "funding_payments")
NO_FUTURES = "the account has no futures"


def counted(database_url: str) -> set[str]:
    """The streams of which somebody may ask whether they are complete or current."""
    views = ask(
        database_url,
        "SELECT stream FROM reporting.freshness UNION SELECT stream FROM reporting.coverage_gaps",
    )
    return {stream for (stream,) in views}


def read_balances(live: World, account: str) -> None:
    assert live.poll(account, "balances") == "ok"


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_having_no_futures_is_not_permitted(
    form: str, tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with world(tmp_path, database_url, accounts=("spot",)) as live:
        live.simulator.set_faults(no_futures=form)
        read_balances(live, "spot")
        for stream in FUTURES:
            assert live.poll("spot", stream) == "not permitted"
            assert live.sync("permitted", "spot", stream) == "0"
            assert set(live.errors("spot", stream)) == {"permission"}
        assert live.shown()['onetrading_token_scope{account="spot",scope="read"}'] == "1"
        assert retired(database_url) == dict.fromkeys(FUTURES, NO_FUTURES)
        assert counted(database_url) == {"balances"}
        assert not ask(database_url, "SELECT 1 FROM onetrading_sync.rejects")
        assert not [r for r in caplog.records if r.levelno >= logging.WARNING]
        # Asked again after a growing pause, not at once.
        requests = len(live.simulator.requests)
        assert live.poll("spot", "positions") == "skipped"
        assert len(live.simulator.requests) == requests
        live.tick(30)
        assert live.poll("spot", "positions") == "not permitted"
        assert live.app.refusals.paused_s("spot", "positions") == 60


@pytest.mark.parametrize("form", FORMS)
def test_after_one_success_the_same_is_a_failure_and_a_restart_does_not_forget_it(
    form: str, tmp_path: Path, database_url: str
) -> None:
    expected = {"401": "auth", "403": "permission"}.get(form, "payload")
    with world(tmp_path, database_url) as live:
        read_balances(live, "main")
        for stream in FUTURES:
            assert live.poll("main", stream) == "ok"
    with world(tmp_path, database_url) as live:
        live.simulator.set_faults(no_futures=form, account="main")
        read_balances(live, "main")
        for stream in FUTURES:
            assert live.poll("main", stream) == ("not permitted" if form == "403" else "failed")
            assert live.state("main", stream).last_error == expected
            assert live.app.runner.read_before(("main", stream))
        assert retired(database_url) == {}


def test_the_first_success_ends_it(tmp_path: Path, database_url: str) -> None:
    with world(tmp_path, database_url) as live:
        live.simulator.set_faults(no_futures="404", account="main")
        read_balances(live, "main")
        for stream in FUTURES:
            assert live.poll("main", stream) == "not permitted"
        assert set(retired(database_url)) == set(FUTURES)
        live.simulator.set_faults()
        live.tick(600)
        for stream in FUTURES:
            assert live.poll("main", stream) == "ok"
            assert live.sync("permitted", "main", stream) == "1"
        assert retired(database_url) == {}


@pytest.mark.parametrize("stored", [True, False])
def test_a_token_that_nothing_accepts_is_refused(
    stored: bool, tmp_path: Path, database_url: str
) -> None:
    with world(tmp_path, database_url if stored else None, accounts=("spot",)) as live:
        live.simulator.set_faults(refuse_tokens=["spot"])
        assert live.poll("spot", "positions") == "failed"
        assert live.state("spot", "positions").last_error == "auth"
        assert live.shown()['onetrading_token_scope{account="spot",scope="read"}'] == "0"


def test_an_endpoint_that_is_gone_for_everybody_is_no_account_without_futures(
    tmp_path: Path, database_url: str
) -> None:
    """A wrong base URL answers 404 to all."""
    paths = ("account/balances", "account/futures/positions", "account/fees")
    with world(tmp_path, database_url, accounts=("spot",)) as live:
        live.simulator.set_faults(fail_paths={f"/{path}": 404 for path in paths})
        assert live.poll("spot", "positions") == "failed"
        assert live.state("spot", "positions").last_error == "payload"


def test_a_401_needs_no_earlier_success_of_another_stream(tmp_path: Path) -> None:
    """At the start all streams are read at once, and the futures may come first."""
    with world(tmp_path, accounts=("spot",)) as live:
        live.simulator.set_faults(no_futures="401")
        assert live.poll("spot", "positions") == "not permitted"
        assert [r.path for r in live.simulator.requests][-1] == "/account/balances"
        since = len(live.simulator.requests)
        assert live.poll("spot", "portfolio") == "not permitted"
        assert [r.path for r in live.simulator.requests][since:] == ["/account/futures/summary"]


@pytest.mark.parametrize(
    "body", [b'{"positions": null}', b'{"account_id": "x", "positions": null}', b" { } "]
)
def test_an_object_of_nulls_is_empty(body: bytes, tmp_path: Path) -> None:
    pages = {"/account/futures/positions": body}
    with world(tmp_path, accounts=("main",), pages=pages) as live:
        read_balances(live, "main")
        assert live.poll("main", "positions") == "not permitted"


def test_being_flat_is_not_being_without_futures(tmp_path: Path) -> None:
    pages = {"/account/futures/positions": b'{"positions": []}'}
    with world(tmp_path, accounts=("main",), pages=pages) as live:
        assert live.poll("main", "positions") == "ok"
        assert live.shown()['onetrading_positions_open{account="main"}'] == "0"


def test_an_outage_of_the_exchange_is_no_account_without_futures(tmp_path: Path) -> None:
    with world(tmp_path, accounts=("spot",)) as live:
        read_balances(live, "spot")
        live.simulator.set_faults(fail_paths={"/account/futures/positions": 503})
        assert live.poll("spot", "positions") == "failed"
        assert live.sync("permitted", "spot", "positions") == "1"


def test_no_backfill_asks_before_it_is_known_whether_there_are_futures(
    tmp_path: Path, database_url: str
) -> None:
    with world(tmp_path, database_url) as live:
        history = next(h for h in live.app.histories("main") if h.stream.requires_futures)
        assert not history.ready_for_backfill
        live.simulator.set_faults(no_futures="400", account="main")
        assert live.poll("main", "funding_payments") == "not permitted"
        assert not history.ready_for_backfill
        live.simulator.set_faults()
        live.tick(600)
        assert live.poll("main", "funding_payments") == "ok"
        assert history.ready_for_backfill
