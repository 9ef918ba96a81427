"""What is recorded of accounts, passes and rejects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from exporter.model.stream import Partition
from exporter.model.window import Window
from exporter.simulator import Simulator
from exporter.store import bookkeeping
from tests.support.service import get, serving
from tests.support.stored_snapshots import ask, exporter, open_rejects, poll
from tests.support.waiting import wait_until
from tests.support.world import World, exchange

OWN, OTHER = "5f2b7c8d-9e0a-4b1c-8d2e-3f4a5b6c7d8e", "00000000-1111-4222-8333-444444444444"


def of_account(account_id: str, available: str = "3.5") -> bytes:
    """Balances of an account that the response names."""
    row = f'{{"currency_code": "BTC", "available": "{available}", "locked": "0"}}'
    return f'{{"account_id": "{account_id}", "balances": [{row}]}}'.encode()


def accounts(url: str) -> list[tuple[str, str]]:
    """Id and name of each account that is known."""
    found = ask(url, "SELECT account_id::text, name FROM onetrading.accounts ORDER BY name")
    return [(account_id, name) for account_id, name in found if name != "public"]


def stored_balances(url: str) -> list[tuple[str, str]]:
    """Account id and amount of each balance of each snapshot."""
    found = ask(
        url,
        "SELECT snapshots.account_id::text, available::text FROM onetrading.balances"
        " JOIN onetrading.snapshots USING (snapshot_id) ORDER BY first_observed_at",
    )
    return [(account_id, available) for account_id, available in found]


def test_a_name_whose_token_reads_another_account_after_a_restart_is_refused(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with exporter(tmp_path, database_url, balances=of_account(OWN)) as live:
        poll(live, "main", "balances", 15)
    with exporter(tmp_path, database_url, at=30, balances=of_account(OTHER, "7")) as live:
        assert live.poll("main", "balances") == "failed"
        assert live.errors("main", "balances") == {"payload": "1"}
        assert live.domain("balances", "main") == {}
        assert len(live.app.spool) == 0
    (message,) = [record.getMessage() for record in caplog.records if OTHER in record.getMessage()]
    assert OWN in message
    assert "'main'" in message
    assert "configure the new account under another name" in message
    assert accounts(database_url) == [(OWN, "main")]
    assert stored_balances(database_url) == [(OWN, "3.5")]


def test_a_name_whose_token_is_exchanged_for_another_accounts_is_refused(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The file is read again at every request."""
    with exporter(tmp_path, database_url) as live:
        poll(live, "main", "balances", 15)
        own, other = (live.simulator.account_ids[name] for name in ("main", "hedge"))
        shown = live.domain("balances", "main")
        (tmp_path / "main").write_text(live.simulator.tokens["hedge"])
        live.tick(15)
        assert live.poll("main", "balances") == "failed"
        assert live.errors("main", "balances") == {"payload": "1"}
        assert live.domain("balances", "main") == shown
        (tmp_path / "main").write_text(live.simulator.tokens["main"])
        poll(live, "main", "balances", 45)
    (message,) = [record.getMessage() for record in caplog.records if other in record.getMessage()]
    assert own in message
    assert "configure the new account under another name" in message
    assert accounts(database_url) == [(own, "main")]
    assert {account_id for account_id, _ in stored_balances(database_url)} == {own}


def test_an_account_may_get_another_name(tmp_path: Path, database_url: str) -> None:
    with exchange() as simulator:
        own = simulator.account_ids["main"]
        one_poll(simulator, tmp_path, database_url, "main", 15)
        assert accounts(database_url) == [(own, "main")]
        simulator.tokens["renamed"] = simulator.tokens["main"]
        one_poll(simulator, tmp_path, database_url, "renamed", 30)
    assert accounts(database_url) == [(own, "renamed")]
    assert {account_id for account_id, _ in stored_balances(database_url)} == {own}


def one_poll(simulator: Simulator, folder: Path, url: str, account: str, at: float) -> None:
    """An exporter that is configured for this account polls its balances once."""
    live = World(simulator, folder, database_url=url, accounts=(account,))
    try:
        live.clock.at = at
        simulator.advance(15)
        assert live.poll(account, "balances") == "ok"
    finally:
        live.close()


def test_the_case_of_an_accounts_id_does_not_matter(tmp_path: Path, database_url: str) -> None:
    for at, account_id in ((15, OWN), (30, OWN.upper()), (45, OWN)):
        with exporter(tmp_path, database_url, balances=of_account(account_id)) as live:
            poll(live, "main", "balances", at)
    assert accounts(database_url) == [(OWN, "main")]


def noted(url: str) -> tuple[datetime | None, datetime, str | None]:
    """Last success, last attempt and last error of the balances of `main`."""
    (row,) = ask(
        url,
        "SELECT last_success_at, last_attempt_at, last_error FROM reporting.freshness"
        " WHERE account = 'main' AND stream = 'balances'",
    )
    return row[0], row[1], row[2]


def test_a_failure_leaves_the_last_success_and_a_success_clears_the_error(
    tmp_path: Path, database_url: str
) -> None:
    with exporter(tmp_path, database_url) as live:
        poll(live, "main", "balances", 15)
        succeeded, tried, error = noted(database_url)
        assert (succeeded, error) == (tried, None)

        live.simulator.set_faults(error_rate=1)
        for _ in range(2):
            live.tick(15)
            assert live.poll("main", "balances") == "failed"
            before, (kept, tried, error) = tried, noted(database_url)
            assert kept == succeeded
            assert tried > before
            assert error is not None
            assert error.startswith("server: ")

        live.simulator.set_faults()
        poll(live, "main", "balances", 60)
        before, (again, tried, error) = tried, noted(database_url)
        assert again == tried > before
        assert error is None


def test_a_stream_that_never_succeeded_has_no_last_success(
    tmp_path: Path, database_url: str
) -> None:
    with exporter(tmp_path, database_url) as live:
        poll(live, "main", "positions", 15)  # the account is known
        live.simulator.set_faults(error_rate=1)
        assert live.poll("main", "balances") == "failed"
    succeeded, _, error = noted(database_url)
    assert succeeded is None
    assert error is not None


def test_only_open_rejects_are_counted_on_metrics(tmp_path: Path, database_url: str) -> None:
    """Of two streams that both had an unreadable record, one is still unreadable."""
    bad = [{"instrument_code": "BTC_EUR_P", "direction": "LONG", "open_volume": "abc"}]
    with exporter(tmp_path, database_url) as live:
        live.simulator.override_position("main", positions=bad)
        live.simulator.override_balance("main", "EUR", available="abc")
        poll(live, "main", "portfolio", 15)
        assert live.poll("main", "balances") == "failed"
        assert live.poll("main", "positions") == "failed"
        live.simulator.override_balance("main", "EUR", available="1.5")
        poll(live, "main", "balances", 30)
        assert open_rejects(database_url) == [("main", "positions")]

        more = {"DATABASE_URL": database_url, "ONETRADING_ACCOUNTS": f"main={tmp_path / 'main'}"}
        with serving(live.simulator, tmp_path, **more) as (_, base):
            wait_until(lambda: shown(base), "open rejects are not counted", within_s=60)
            assert shown(base)["positions"] == "1"
            assert set(shown(base).values()) == {"0", "1"}
            assert sum(value == "1" for value in shown(base).values()) == 1


def shown(base: str) -> dict[str, str]:
    """The open rejects on /metrics, by stream of `main`."""
    prefix = 'onetrading_rejects_open{account="main",stream="'
    lines = (line for line in get(base, "/metrics").splitlines() if line.startswith(prefix))
    return dict(line.removeprefix(prefix).split('"} ') for line in lines)


def test_the_error_of_a_pass_is_noted_whatever_it_quotes(database_url: str) -> None:
    partition = Partition("main", "a0000000-0000-4000-8000-000000000001", "trades")
    with psycopg.connect(database_url) as connection:
        error = "payload: unknown currency 'a\0b', 'x\ud83dy'"
        bookkeeping.note_attempt(connection, partition, timedelta(seconds=30), error)
        found = connection.execute("SELECT last_error FROM onetrading_sync.progress").fetchall()
    assert found == [("payload: unknown currency 'a\u2400b', 'x\ufffdy'",)]


def test_a_window_that_ends_before_it_begins_is_covered_by_nothing(database_url: str) -> None:
    """As where history is to start later than the exchange's clock says it is."""
    later, earlier = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    with psycopg.connect(database_url) as connection:
        partition = Partition("main", OWN, "trades")
        assert bookkeeping.covered(connection, partition, Window(later, earlier)) == []
