"""A response that is no whole, or that Postgres refuses for good: told, kept, and nothing waits."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from exporter.model.page import read
from exporter.store.spool import Spool, Spooled
from tests.support.clocks import START
from tests.support.stored_snapshots import ask, away, balances, exporter, open_rejects, poll, spans
from tests.support.world import BY_NAME


def balance(code: str, available: str) -> dict[str, str]:
    """A balance as sent."""
    return {"currency_code": code, "available": available, "locked": "0"}


def position(volume: str) -> dict[str, str]:
    """A position as sent; all of them have one key."""
    sent = {"instrument_code": "BTC_USD_P", "direction": "LONG", "open_volume": volume}
    return sent | {"open_notional": "1", "maintenance_margin": "1", "last_settlement": "0"}


TWICE: dict[str, Any] = {
    "balances": {"balances": [balance("EUR", "1"), balance("BTC", "3"), balance("EUR", "2")]},
    "positions": {"positions": [position("1"), position("1")]},
    "currencies": [{"code": "EUR", "name": "Euro"}, {"code": "EUR", "name": "euro"}],
}
GOOD: dict[str, Any] = {
    "balances": {"balances": [balance("EUR", "5")]},
    "positions": {"positions": [position("5")]},
    "currencies": [{"code": "EUR", "name": "Euro"}],
}


def body(content: Any) -> bytes:
    """A response."""
    return json.dumps(content).encode()


@pytest.mark.parametrize("stream", TWICE)
def test_a_key_twice_is_a_malformed_response(
    stream: str, tmp_path: Path, database_url: str
) -> None:
    """What was shown is held; both records are rejects until the next good response."""
    account = "public" if BY_NAME[stream].public else "main"
    pages = {stream: body(GOOD[stream])}
    with exporter(tmp_path, database_url, at=15, **pages) as live:
        poll(live, account, stream, 15)
        shown = live.domain(stream)
    with exporter(tmp_path, database_url, at=30, **{stream: body(TWICE[stream])}) as live:
        assert live.poll(account, stream) == "failed"
        assert live.errors(account, stream) == {"payload": "1"}
        assert live.domain(stream) == {}  # this process has shown nothing yet
        assert len(live.app.spool) == 0
        assert open_rejects(database_url) == [(account, stream)]
        ((record, reason),) = ask(database_url, "SELECT record, reason FROM reporting.open_rejects")
        assert "2 times" in reason
        records = TWICE[stream] if isinstance(TWICE[stream], list) else TWICE[stream][stream]
        assert [json.loads(line) for line in record.splitlines()] == [records[0], records[-1]]
    with exporter(tmp_path, database_url, at=45, **pages) as live:
        poll(live, account, stream, 45)
        assert live.domain(stream) == shown
        assert open_rejects(database_url) == []


def test_what_was_shown_before_is_held(tmp_path: Path, database_url: str) -> None:
    with exporter(tmp_path, database_url, at=15) as live:
        poll(live, "main", "balances", 15)
        shown = live.domain("balances", "main")
        live.simulator.override_balance("main", "EUR", currency_code="BTC")
        live.tick(15)
        assert live.poll("main", "balances") == "failed"
        assert live.domain("balances", "main") == shown
        assert live.sync("success", "main", "balances") == "0"


def test_what_cannot_be_kept_while_postgres_is_away_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not at every poll of an outage."""
    caplog.set_level(logging.DEBUG)
    with exporter(tmp_path, away(), at=15) as live:
        live.simulator.override_balance("main", "EUR", currency_code="BTC")
        for _ in range(3):
            assert live.poll("main", "balances") == "failed"
            live.tick(15)
    told = [r for r in caplog.records if "could not store the rejected" in r.getMessage()]
    assert [record.levelname for record in told] == ["WARNING", "DEBUG", "DEBUG"]


REFUSE: LiteralString = "ALTER TABLE onetrading.balances ADD CHECK (available <> 13)"


def test_what_postgres_refuses_for_good_goes_to_the_rejects_and_the_next_is_stored(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A check stands for all that Postgres may refuse. It is shown, but it was not kept."""
    with psycopg.connect(database_url) as connection:
        connection.execute(REFUSE)
    caplog.set_level(logging.ERROR)
    with exporter(tmp_path, database_url, at=15, balances=balances("13")) as live:
        for _ in range(3):
            assert live.poll("main", "balances") == "failed"
            assert live.errors("main", "balances").keys() == {"database"}
            assert len(live.app.spool) == 0
            assert 'onetrading_balance_available{account="main",currency="BTC"}' in live.shown()
            live.tick(15)
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert ["balances_available_check" in str(record.args) for record in errors] == [True]
    ((record, reason),) = ask(database_url, "SELECT record, reason FROM reporting.open_rejects")
    assert json.loads(record) == json.loads(balances("13"))
    assert "balances_available_check" in reason
    with exporter(tmp_path, database_url, at=60, balances=balances("14")) as live:
        poll(live, "main", "balances", 60)
    assert spans(database_url) == [(60, 60)]
    assert open_rejects(database_url) == []


def spooled(account_id: str, at: int, content: bytes) -> Spooled:
    """A response that waits, as an earlier version has written it."""
    seen = START.fromtimestamp(START.timestamp() + at, START.tzinfo)
    return Spooled("main", "balances", seen, seen, content.decode(), account_id)


@pytest.mark.parametrize(
    "refused",
    [body(TWICE["balances"]), balances("13"), balances("1", note="a\0b"), b'{"balances": 7}'],
    ids=["a key twice", "a check", "NUL beside the rows", "not as documented"],
)
def test_the_spool_of_an_earlier_version_gets_unstuck(
    refused: bytes, tmp_path: Path, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(REFUSE)
    with exporter(tmp_path, away()) as live:
        account_id = live.simulator.account_ids["main"]
        folder = live.app.settings.data_dir / "spool"
    spool = Spool(folder)
    for at, content in ((15, refused), (30, balances("2")), (45, refused), (60, balances("3"))):
        spool.put(spooled(account_id, at, content))
    with exporter(tmp_path, database_url, at=75, balances=balances("4")) as live:
        poll(live, "main", "balances", 75)
        assert len(live.app.spool) == 0
    stored = spans(database_url)
    assert (30, 30) in stored
    assert (60, 60) in stored
    assert (75, 75) in stored
    kept = [body_in(path) for path in sorted(folder.glob("*.bad"))]
    assert all(text == refused.decode() for text in kept)


def body_in(path: Path) -> str:
    """The response in a file that was set aside."""
    found: str = json.loads(path.read_bytes())["body"]
    return found


def test_what_waits_of_another_account_is_not_stored_as_this_one(
    tmp_path: Path, database_url: str
) -> None:
    with exporter(tmp_path, away()) as live:
        folder = live.app.settings.data_dir / "spool"
    Spool(folder).put(spooled("b0000000-0000-4000-8000-00000000000b", 15, balances("1")))
    with exporter(tmp_path, database_url, at=30) as live:
        poll(live, "main", "balances", 30, 45)
        assert len(live.app.spool) == 0
    assert len(list(folder.glob("*.bad"))) == 1
    assert spans(database_url)[0][0] == 30


def instrument(code: str, **more: Any) -> dict[str, Any]:
    """An instrument as sent."""
    base, quote = code.split("_")[:2]
    sides = {"base": {"code": base}, "quote": {"code": quote}}
    return {"id": code, "type": "SPOT", "state": "ACTIVE", **sides, **more}


def in_force(url: str) -> dict[str, tuple[str, int]]:
    """Code to state and start of each instrument that is in force."""
    rows = ask(
        url,
        "SELECT instrument_code, state, extract(epoch FROM valid_from - %s)::int"
        " FROM onetrading.instruments WHERE valid_to IS NULL",
        START,
    )
    return {code: (state, since) for code, state, since in rows}


def read_list(folder: Path, url: str, at: float, *listed: Any) -> tuple[str, set[str]]:
    """A pass that reads this list at an instant: its outcome, and the instruments shown."""
    with exporter(folder, url, at=at, instruments=body(listed)) as live:
        outcome = live.poll("public", "instruments")
        assert len(live.app.spool) == 0
        shown = live.domain("instruments")
        return outcome, {name.split('instrument="')[1].split('"')[0] for name in shown}


UNREADABLE = {"min_price": "cheap"}


def test_one_bad_record_of_a_list_is_rejected_and_the_others_load(
    tmp_path: Path, database_url: str
) -> None:
    """A row that was there stays as it was; it has not vanished."""
    both = {"BTC_EUR": ("ACTIVE", 10), "ETH_EUR": ("ACTIVE", 10)}
    read_list(tmp_path, database_url, 10, instrument("BTC_EUR"), instrument("ETH_EUR"))
    bad = instrument("BTC_EUR", **UNREADABLE)
    found = read_list(tmp_path, database_url, 20, bad, instrument("USDC_EUR"))
    assert found == ("ok", {"USDC_EUR"})
    assert in_force(database_url) == {"BTC_EUR": both["BTC_EUR"], "USDC_EUR": ("ACTIVE", 20)}
    ((key, reason),) = ask(database_url, "SELECT key, reason FROM reporting.open_rejects")
    assert key == {"instrument_code": "BTC_EUR"}
    assert "min_price" in reason
    # The next response that shows it well resolves it.
    closed = instrument("BTC_EUR", state="CLOSED")
    assert read_list(tmp_path, database_url, 30, closed)[0] == "ok"
    assert in_force(database_url) == {"BTC_EUR": ("CLOSED", 30)}
    assert open_rejects(database_url) == []


@pytest.mark.parametrize("unknown", [{}, {"id": None}, 7, None, {"id": {"code": "BTC_EUR"}}])
def test_nothing_counts_as_gone_while_it_is_not_known_which_record_is_bad(
    unknown: Any, tmp_path: Path, database_url: str
) -> None:
    read_list(tmp_path, database_url, 10, instrument("BTC_EUR"), instrument("ETH_EUR"))
    listed = (unknown, instrument("USDC_EUR"), instrument("ETH_EUR", state="CLOSED"))
    assert read_list(tmp_path, database_url, 20, *listed)[0] == "ok"
    assert in_force(database_url) == {
        "BTC_EUR": ("ACTIVE", 10),
        "ETH_EUR": ("CLOSED", 20),
        "USDC_EUR": ("ACTIVE", 20),
    }
    assert read_list(tmp_path, database_url, 30, instrument("USDC_EUR"))[0] == "ok"
    assert in_force(database_url) == {"USDC_EUR": ("ACTIVE", 20)}


def test_a_new_database_knows_the_good_records_at_once(tmp_path: Path, database_url: str) -> None:
    bad = instrument("BTC_EUR", **UNREADABLE)
    assert read_list(tmp_path, database_url, 10, bad, instrument("ETH_EUR"))[0] == "ok"
    assert in_force(database_url) == {"ETH_EUR": ("ACTIVE", 10)}


def test_a_list_of_which_nothing_can_be_read_is_malformed(
    tmp_path: Path, database_url: str
) -> None:
    read_list(tmp_path, database_url, 10, instrument("BTC_EUR"))
    bad = instrument("BTC_EUR", **UNREADABLE)
    assert read_list(tmp_path, database_url, 20, bad)[0] == "failed"
    assert in_force(database_url) == {"BTC_EUR": ("ACTIVE", 10)}


def test_what_postgres_refuses_of_a_list_is_found_by_record(
    tmp_path: Path, database_url: str
) -> None:
    read_list(tmp_path, database_url, 10, instrument("BTC_EUR"), instrument("ETH_EUR"))
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE onetrading.instruments ADD CHECK (amount_precision < 99)")
    listed = [
        instrument(code, amount_precision=precision)
        for code, precision in (("BTC_EUR", 100), ("ETH_EUR", 2), ("USDC_EUR", 3), ("XRP_EUR", 101))
    ]
    for at in (20, 30):
        assert read_list(tmp_path, database_url, at, *listed)[0] == "ok"
        assert in_force(database_url) == {
            "BTC_EUR": ("ACTIVE", 10),
            "ETH_EUR": ("ACTIVE", 20),
            "USDC_EUR": ("ACTIVE", 20),
        }
        keys = ask(database_url, "SELECT key->>'instrument_code' FROM reporting.open_rejects")
        assert sorted(keys) == [("BTC_EUR",), ("XRP_EUR",)]


def test_the_sample_responses_are_whole() -> None:
    """What the other tests call malformed is well read, record by record."""
    for stream, content in TWICE.items():
        assert read(BY_NAME[stream], body(content), "a" * 36).rejects == []
