"""Candlesticks: read by instrument and granularity, once they are over, and only when asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.paginator import parameters
from exporter.app import enabled
from exporter.model.errors import SettingsError, UnexpectedPayload
from exporter.model.granularity import GRANULARITIES
from exporter.model.page import read
from exporter.model.stream import PUBLIC_ACCOUNT_ID
from exporter.model.window import Window
from exporter.store import bookkeeping
from exporter.streams.candlesticks import CANDLESTICKS
from tests.support.clocks import START
from tests.support.configuration import settings_from
from tests.support.simulator_client import SimulatorClient
from tests.support.stored_snapshots import ask
from tests.support.world import World, world

BTC, ETH = "BTC_USD_P", "ETH_USDC"
SETTING = f"{BTC}:1m,{ETH}:1h"
LATENESS = CANDLESTICKS.allowed_lateness


@pytest.fixture
def live(database_url: str, tmp_path: Path) -> Iterator[World]:
    with world(
        tmp_path,
        database_url,
        ONETRADING_CANDLESTICKS=SETTING,
        ONETRADING_HISTORY_START=(START - timedelta(hours=5)).isoformat(),
    ) as opened:
        yield opened


def served(live: World, instrument: str, unit: str, hours: int = 5) -> list[dict[str, Any]]:
    """The candles that begin in the last hours, and are over for long enough to be kept."""
    now = START + timedelta(seconds=live.clock.at)
    with SimulatorClient(live.simulator) as client:
        found = client.json(
            f"/candlesticks/{instrument}",
            unit=unit,
            period="1",
            **{"from": stamp(now - timedelta(hours=hours)), "to": stamp(now)},
        )["candlesticks"]
    return [c for c in found if datetime.fromisoformat(c["time"]) < now - LATENESS]


def stamp(at: datetime) -> str:
    """An instant as the exchange writes it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def stored(url: str, instrument: str) -> list[tuple[Any, ...]]:
    """Start and close of the stored candles, newest first."""
    return ask(
        url,
        "SELECT start_time, close_price::text FROM reporting.candlesticks"
        " WHERE instrument_code = %s ORDER BY start_time DESC",
        instrument,
    )


def expected(candles: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The same of candles as sent."""
    return [(datetime.fromisoformat(c["start_time"]), c["close"]) for c in candles]


def requests(live: World) -> list[dict[str, str]]:
    """The queries for candles so far."""
    return [
        dict(part.split("=", 1) for part in request.query.split("&"))
        for request in live.simulator.requests
        if request.account == "public" and request.path.startswith("/candlesticks/")
    ]


def test_all_candles_that_are_over_are_read_and_proven(live: World, database_url: str) -> None:
    assert live.poll("public", "candlesticks") == "ok"
    assert live.fill("public", "candlesticks")
    minutes = served(live, BTC, "MINUTES")
    assert 180 < len(minutes) < 270  # of 300: some are without trades
    kept = stored(database_url, BTC)
    assert kept[: len(minutes)] == expected(minutes)
    assert len(kept) - len(minutes) in (0, 1)  # one may begin before the day and end in it
    hours = expected(served(live, ETH, "HOURS"))
    assert hours
    assert stored(database_url, ETH)[: len(hours)] == hours
    scopes = ask(
        database_url,
        "SELECT scope, count(*), max(upper(range)) FROM onetrading_sync.coverage"
        " WHERE stream = 'candlesticks' GROUP BY scope ORDER BY scope",
    )
    settled = START + timedelta(seconds=live.clock.at) - LATENESS
    assert scopes == [(f"{BTC}:1m", 1, settled), (f"{ETH}:1h", 1, settled)]
    assert len(requests(live)) <= 8
    assert all("countBack" not in query for query in requests(live))
    assert ask(database_url, "SELECT FROM onetrading_sync.rejects") == []
    assert ask(database_url, "SELECT FROM onetrading_sync.drift") == []
    again = len(stored(database_url, BTC))
    assert live.poll("public", "candlesticks") == "ok"
    assert len(stored(database_url, BTC)) == again


def test_the_running_candle_is_kept_once_it_is_over(live: World, database_url: str) -> None:
    """It changes until then: it is no fact, no reject and no issue."""
    assert live.poll("public", "candlesticks") == "ok"
    for _ in range(16):
        live.tick(300)
        assert live.poll("public", "candlesticks") == "ok"
        now = START + timedelta(seconds=live.clock.at)
        ends = ask(database_url, "SELECT max(end_time) FROM onetrading.candlesticks")
        assert ends[0][0] < now - LATENESS
    hours = expected(served(live, ETH, "HOURS", hours=3))
    assert stored(database_url, ETH)[: len(hours)] == hours
    assert ask(database_url, "SELECT FROM onetrading_sync.issues") == []
    assert ask(database_url, "SELECT FROM onetrading_sync.rejects") == []


def test_a_candle_that_changes_later_is_replaced_and_told(live: World, database_url: str) -> None:
    assert live.poll("public", "candlesticks") == "ok"
    before = stored(database_url, BTC)
    live.simulator.set_faults(changed_rate=1)
    live.tick(10)
    assert live.poll("public", "candlesticks") == "ok"
    after = stored(database_url, BTC)
    changed = sum(one != other for one, other in zip(before, after[-len(before) :], strict=True))
    assert changed > 10
    kinds = ask(
        database_url,
        "SELECT kind, count(*) FROM onetrading_sync.issues WHERE key ->> 'instrument_code' = %s"
        " GROUP BY kind",
        BTC,
    )
    assert kinds == [("changed", changed)]


def test_an_instrument_that_is_refused_costs_the_other_nothing(
    live: World, database_url: str
) -> None:
    live.simulator.set_faults(refuse_instruments={BTC: 400})
    assert live.poll("public", "candlesticks") == "ok"
    assert stored(database_url, ETH)
    assert live.app.histories("public")[-1].unread_scopes.keys() == {f"{BTC}:1m"}


def progress(url: str) -> dict[str, str | None]:
    """Scope to why nothing is expected of it."""
    rows = ask(
        url,
        "SELECT scope, retired_because FROM onetrading_sync.progress"
        " WHERE stream = 'candlesticks' AND scope <> ''",
    )
    return dict(rows)


def gaps(url: str) -> set[str]:
    """The scopes of which something before the newest part is missing."""
    rows = ask(
        url,
        "SELECT DISTINCT scope FROM reporting.coverage_gaps"
        " WHERE stream = 'candlesticks' AND NOT is_tail",
    )
    return {scope for (scope,) in rows}


def judged(url: str) -> bool:
    """Whether any month is judged by candlesticks."""
    rows = ask(url, "SELECT FROM reporting.month_close WHERE detail LIKE '%%candlesticks%%'")
    return bool(rows)


def test_what_the_setting_no_longer_names_is_not_expected(
    live: World, database_url: str, tmp_path: Path
) -> None:
    """Nor is it read. It is again once it is named."""
    assert live.poll("public", "candlesticks") == "ok"
    assert gaps(database_url) == {f"{BTC}:1m", f"{ETH}:1h"}  # the tails alone were read
    live.close()
    with world(tmp_path, database_url, ONETRADING_CANDLESTICKS=f"{ETH}:1h") as fewer:
        assert fewer.poll("public", "candlesticks") == "ok"
        assert fewer.fill("public", "candlesticks")
        assert {path.split("/")[2] for path in asked(fewer)} == {ETH}
        assert progress(database_url) == {
            f"{BTC}:1m": "the setting does not name it",
            f"{ETH}:1h": None,
        }
        assert gaps(database_url) == set()
    with world(tmp_path, database_url, ONETRADING_CANDLESTICKS=f"{BTC}:1m") as other:
        assert other.poll("public", "candlesticks") == "ok"
        assert progress(database_url)[f"{BTC}:1m"] is None
    assert judged(database_url)
    with world(tmp_path, database_url) as without:
        assert without.database is not None
        chosen = without.app.chosen_streams()["public"]
        without.database.run(bookkeeping.choose_streams, "public", chosen)
    assert not judged(database_url)


def asked(live: World) -> list[str]:
    """The paths that were requested of candles."""
    paths = [request.path for request in live.simulator.requests]
    return [path for path in paths if path.startswith("/candlesticks/")]


def test_without_the_setting_there_is_no_such_stream(tmp_path: Path, database_url: str) -> None:
    with world(tmp_path, database_url) as live:
        assert ("public", "candlesticks") not in live.syncs
        assert "candlesticks" not in live.text()
        assert "candlesticks" not in live.app.chosen_streams()["public"]


def test_requests_are_labelled_without_the_instrument(live: World) -> None:
    assert live.poll("public", "candlesticks") == "ok"
    assert 'endpoint="candlesticks/{instrument}"' in live.text()
    assert f"candlesticks/{BTC}" not in live.text()


@pytest.mark.parametrize(
    ("setting", "faults"),
    [
        ("BTC_EUR", ["item 1 is not INSTRUMENT:GRANULARITY", "item 1 has no granularity"]),
        ("BTC_EUR:2h", ["item 1 has no granularity that there is"]),
        ("BTC_EUR:1H,btc_eur:1h", ["item 1 has no granularity", "item 2 is not INSTRUMENT"]),
        ("BTC_EUR:1h, BTC_EUR:1h", ["item 2 is there twice"]),
        (",", ["names nothing"]),
    ],
)
def test_every_fault_of_the_setting_is_told(setting: str, faults: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        settings_from({"ONETRADING_CANDLESTICKS": setting, "DATABASE_URL": "none"})
    (told,) = refused.value.faults
    assert told.startswith("ONETRADING_CANDLESTICKS")
    assert any(fault in told for fault in faults)
    assert len(told.split("; item")) >= len(faults) - 1


def test_the_stream_needs_the_setting(tmp_path: Path) -> None:
    more = {"DATABASE_URL": "embedded", "ONETRADING_DATA_DIR": str(tmp_path)}
    with pytest.raises(SettingsError, match="ONETRADING_CANDLESTICKS does not say"):
        settings_from({"ONETRADING_STREAMS": "tickers,candlesticks", **more})
    with_both = settings_from(
        {
            "ONETRADING_STREAMS": "candlesticks",
            "ONETRADING_CANDLESTICKS": " BTC_EUR:1M , BTC_EUR:1m",
            **more,
        }
    )
    assert [stream.name for stream in enabled(with_both)] == ["candlesticks"]
    assert with_both.scopes == {"candlesticks": ("BTC_EUR:1M", "BTC_EUR:1m")}
    assert with_both.redacted()["ONETRADING_CANDLESTICKS"] == "BTC_EUR:1M,BTC_EUR:1m"


@given(st.sampled_from(sorted(GRANULARITIES)), st.integers(0, 10**10))
def test_no_request_spans_more_than_5000_candles(name: str, offset: int) -> None:
    """With what it is wider than its window; a window is nearly as wide as that allows."""
    stream = CANDLESTICKS.of(f"{BTC}:{name}")
    span = GRANULARITIES[name].span
    end = START + timedelta(microseconds=offset)
    window = Window(end - (stream.max_window - timedelta(seconds=1)), end)
    query = parameters(stream, window, f"{BTC}:{name}", None)
    asked_for = datetime.fromisoformat(query["to"]) - datetime.fromisoformat(query["from"])
    assert 4_990 * span < asked_for <= 4_999 * span
    assert query.keys() == {"unit", "period", "from", "to"}
    assert (query["unit"], query["period"]) == (
        GRANULARITIES[name].unit,
        str(GRANULARITIES[name].period),
    )


@given(st.sampled_from(sorted(GRANULARITIES)), st.integers(0, 10**6), st.integers(0, 10**9))
def test_every_candle_that_ends_in_a_window_is_asked_for(
    name: str, number: int, before_ms: int
) -> None:
    """Whether the exchange compares ``from`` and ``to`` with the start or the end of a candle."""
    span = GRANULARITIES[name].span
    starts = START - number % 1_000 * span
    ends = starts + span - timedelta(milliseconds=1)
    window = Window(ends - timedelta(milliseconds=before_ms), ends + timedelta(microseconds=1))
    query = parameters(CANDLESTICKS.of(f"{BTC}:{name}"), window, f"{BTC}:{name}", None)
    since, until = (datetime.fromisoformat(query[bound]) for bound in ("from", "to"))
    assert since < starts
    assert ends < until


@pytest.mark.parametrize("status", ["error", "ERROR", "partial"])
def test_no_candle_under_an_unknown_status_proves_nothing(status: str) -> None:
    with pytest.raises(UnexpectedPayload, match="in place of data"):
        read(
            CANDLESTICKS,
            json.dumps({"status": status, "candlesticks": []}).encode(),
            PUBLIC_ACCOUNT_ID,
        )


@pytest.mark.parametrize("body", ['{"status":"data","candlesticks":[]}', '{"candlesticks":[]}'])
def test_no_candle_is_an_answer(body: str) -> None:
    page = read(CANDLESTICKS, body.encode(), PUBLIC_ACCOUNT_ID)
    assert (page.records, page.cursor) == (0, None)


def test_a_granularity_that_is_not_documented_is_rejected() -> None:
    body = json.loads(Path("tests/pages/candlesticks.json").read_text())
    body["candlesticks"][0]["granularity"]["period"] = 7
    page = read(CANDLESTICKS, json.dumps(body).encode(), PUBLIC_ACCOUNT_ID)
    assert len(page.rows) == 1
    assert [reject.reason for reject in page.rejects] == [
        "granularity is not documented: '7 HOURS'"
    ]


def test_a_longer_history_takes_few_requests(database_url: str, tmp_path: Path) -> None:
    """Ten days of hours, and a month before the market began, in one window each scope."""
    with world(
        tmp_path,
        database_url,
        ONETRADING_CANDLESTICKS=f"{ETH}:1h",
        ONETRADING_HISTORY_START=(START - timedelta(days=150)).isoformat(),
    ) as live:
        assert live.poll("public", "candlesticks") == "ok"
        assert live.fill("public", "candlesticks")
        assert len(requests(live)) <= 5
        assert ask(database_url, "SELECT FROM reporting.coverage_gaps WHERE NOT is_tail") == []
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM onetrading.candlesticks").fetchone()
    assert row is not None
    assert 40 < row[0] < 50  # of two days
