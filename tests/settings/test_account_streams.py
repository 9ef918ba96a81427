"""`streams` of an account: only these are read of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.app import App, enabled
from exporter.housekeeping import Housekeeping
from exporter.model.errors import SettingsError
from exporter.settings import Settings
from tests.support.configuration import settings_from
from tests.support.stored_snapshots import ask
from tests.support.world import World, environment, exchange, world


def configured(folder: Path, streams: str, **more: str) -> Settings:
    """Settings of account `a` with these streams, and of `b` without a choice."""
    for name in "ab":
        (folder / name).write_text(f"token-of-{name}")
    path = folder / "exporter.toml"
    path.write_text(
        f'[[accounts]]\nname = "a"\ntoken_file = "a"\nstreams = {streams}\n'
        '[[accounts]]\nname = "b"\ntoken_file = "b"\n'
    )
    return settings_from(
        {
            "ONETRADING_CONFIG": str(path),
            "DATABASE_URL": "none",
            "ONETRADING_DATA_DIR": str(folder / "data"),
            **more,
        }
    )


def fault(folder: Path, streams: str) -> str:
    with pytest.raises(SettingsError) as caught:
        configured(folder, streams)
    (told,) = caught.value.faults
    return told


@pytest.mark.parametrize("text", ['["balances", "trades"]', '"balances, trades"'])
def test_a_list_or_a_text_of_names(text: str, tmp_path: Path) -> None:
    settings = configured(tmp_path, text)
    one, other = settings.accounts
    assert one.streams == frozenset({"balances", "trades"})
    assert other.streams is None
    assert settings.redacted()["ONETRADING_ACCOUNTS"] == (
        f"a={tmp_path}/a (balances, trades),b={tmp_path}/b"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('["balanes"]', "contains an unknown stream name; did you mean balances?"),
        ("[]", "contains no stream name"),
        ("7", "is not a list of names"),
        ("[7]", "is not a list of names"),
        ('["balances", "tickers"]', "names tickers, which is public"),
    ],
)
def test_what_is_refused(text: str, told: str, tmp_path: Path) -> None:
    found = fault(tmp_path, text)
    assert "account 1: streams " in found
    assert told in found


def test_only_these_are_scheduled_shown_and_counted(tmp_path: Path) -> None:
    settings = configured(tmp_path, '["balances"]', ONETRADING_STREAMS="balances,positions,tickers")
    app = App(settings, enabled(settings))
    try:
        expected = {
            ("a", "balances"),
            ("b", "balances"),
            ("b", "positions"),
            ("public", "tickers"),
        }
        assert {sync.key for sync in app.syncs} == expected
        assert set(app.metrics.streams.keys) == expected
        assert app.chosen_streams() == {
            "a": ["balances"],
            "b": ["balances", "positions"],
            "public": ["tickers"],
        }
    finally:
        app.close()


def housekeeping(live: World) -> Housekeeping:
    app = live.app
    return Housekeeping(app.metrics, app.storage, app.spool, app.clock, lambda: app.accounts)


def expected_streams(database_url: str) -> set[str]:
    """Of which a reader may ask whether they are complete or current."""
    found = ask(database_url, "SELECT stream FROM reporting.freshness WHERE account = 'main'")
    return {stream for (stream,) in found}


def test_nothing_is_expected_of_a_stream_that_is_not_configured_any_more(
    tmp_path: Path, database_url: str
) -> None:
    with world(tmp_path, database_url, ONETRADING_STREAMS="balances,trades") as live:
        for stream in ("balances", "trades"):
            assert live.poll("main", stream) == "ok"
        assert housekeeping(live).record_choice(live.app.chosen_streams())
        assert expected_streams(database_url) == {"balances", "trades"}
        assert housekeeping(live).record_choice({"main": ["balances"], "public": []})
        assert expected_streams(database_url) == {"balances"}
        reasons = ask(
            database_url,
            "SELECT stream, retired_because FROM onetrading_sync.progress"
            " WHERE retired_because IS NOT NULL",
        )
        assert reasons == [("trades", "the stream is not configured for this account")]
        assert housekeeping(live).record_choice({"main": ["balances", "trades"]})
        assert expected_streams(database_url) == {"balances", "trades"}


def test_another_reason_survives_that_a_stream_is_configured(
    tmp_path: Path, database_url: str
) -> None:
    with world(tmp_path, database_url, accounts=("spot",)) as live:
        for stream in ("balances", "positions"):
            live.poll("spot", stream)
        assert housekeeping(live).record_choice(live.app.chosen_streams())
        assert ask(
            database_url,
            "SELECT stream FROM onetrading_sync.progress WHERE retired_because IS NOT NULL",
        ) == [("positions",)]


def test_a_standby_records_no_choice(tmp_path: Path, database_url: str) -> None:
    with exchange() as simulator:
        (tmp_path / "1").mkdir()
        (tmp_path / "2").mkdir()
        first = World(
            simulator, tmp_path / "1", database_url=database_url, accounts=("main",), holder="1"
        )
        second = World(
            simulator, tmp_path / "2", database_url=database_url, accounts=("main",), holder="2"
        )
        try:
            assert first.poll("main", "balances") == "ok"
            second.renew_leases()
            assert housekeeping(second).record_choice({"main": ["trades"]})
            assert expected_streams(database_url) == {"balances"}
        finally:
            second.close()
            first.close()


def test_the_environment_has_no_choice_for_one_account(tmp_path: Path) -> None:
    with exchange() as simulator:
        settings = settings_from(environment(simulator, tmp_path))
    assert [account.streams for account in settings.accounts] == [None] * 3
