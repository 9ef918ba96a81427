"""How far back the exchange serves a history is found out, remembered and shown."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.window import Window
from exporter.store import reports
from exporter.streams import STREAMS
from exporter.sync.reach import served_from
from tests.support.clocks import START
from tests.support.stored_snapshots import ask
from tests.support.world import World, world

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TRADES = ("main", "trades")
ASKED = (START - 100 * DAY).isoformat()


@given(
    st.integers(1, 10_000),
    st.floats(0, 1),
    st.sampled_from((timedelta(minutes=1), HOUR, DAY)),
)
def test_the_start_of_what_is_served_is_found_to_the_hour(
    span: int, share: float, unit: timedelta
) -> None:
    window = Window(START - span * unit, START)
    starts = window.start + share * window.span
    requests: list[Window] = []

    def served(asked: Window) -> bool:
        requests.append(asked)
        assert window.start <= asked.start < asked.end
        assert asked.span <= HOUR
        return asked.start >= starts

    found = served_from(served, window)
    if starts > max(window.start, window.end - HOUR):
        assert found is None
    else:
        assert found is not None
        assert starts <= found <= starts + HOUR
        assert served(Window(found, found + min(HOUR, window.span)))
    assert len(requests) < 30


def asked(live: World, since: int = 0) -> list[datetime]:
    """Where the windows begin that were requested, after so many requests."""
    return [
        datetime.fromisoformat(parse_qs(request.query)["from"][0])
        for request in list(live.simulator.requests)[since:]
        if request.path == "/account/trades"
    ]


def progress(database_url: str) -> Any:
    (found,) = ask(
        database_url,
        "SELECT asked_from, served_from, required_from FROM onetrading_sync.progress"
        " WHERE stream = 'trades'",
    )
    return found


def test_what_is_not_served_is_found_out_once_and_shown(tmp_path: Path, database_url: str) -> None:
    with world(tmp_path, database_url, accounts=("main",), ONETRADING_HISTORY_START=ASKED) as live:
        live.simulator.set_faults(depth_days=40.25)
        assert live.poll(*TRADES) == "ok"
        assert live.fill(*TRADES)
        asked_from, served, required = progress(database_url)
        assert asked_from == START - 100 * DAY
        assert served == required
        assert timedelta(0) <= served - (live.clock.wall() - 40.25 * DAY) <= HOUR
        assert len(asked(live)) < 60

        since = len(live.simulator.requests)
        assert live.poll(*TRADES) == "ok"
        assert live.fill(*TRADES)
        assert len(asked(live, since)) == 1, "it is asked for again and again"
        gauge = 'onetrading_coverage_gap_seconds{account="main",stream="trades"}'
        assert live.shown()[gauge] == "0"
        assert ask(database_url, "SELECT * FROM reporting.coverage_gaps WHERE NOT is_tail") == []
        assert live.app.database is not None
        (missing,) = [row for row in live.app.database.run(reports.gaps) if not row["is_tail"]]
        assert (missing["gap_start"], missing["gap_end"]) == (asked_from, served)
        assert missing["not_counted_because"] == "the exchange does not serve what is that old"
        ((state, detail),) = ask(
            database_url,
            "SELECT state, detail FROM reporting.month_close"  # noqa: S608
            f" WHERE check_name = 'coverage' AND account = 'main' AND month = '{served:%Y-%m}-01'",
        )
        assert state == "failing"
        assert "because the exchange does not serve what is that old" in detail
        (told,) = [
            row
            for row in live.app.database.run(reports.status, STREAMS)
            if row["stream"] == "trades"
        ]
        assert (told["required_from"], told["served_from"]) == (served, served)

        # A week later, the exchange serves more.
        live.simulator.set_faults()
        ask_again(live, database_url)
        assert live.poll(*TRADES) == "ok"
        assert live.fill(*TRADES)
        assert progress(database_url) == (asked_from, None, asked_from)
        assert ask(database_url, "SELECT * FROM reporting.coverage_gaps WHERE NOT is_tail") == []


def ask_again(live: World, database_url: str) -> None:
    """As if a week had passed since the exchange was asked."""
    live.tick(3_600)
    ask(
        database_url,
        "UPDATE onetrading_sync.progress SET served_asked_at = now() - interval '8 days'"
        " RETURNING 1",
    )


def test_what_ages_out_first_is_read_first(tmp_path: Path, database_url: str) -> None:
    with world(tmp_path, database_url, accounts=("main",), ONETRADING_HISTORY_START=ASKED) as live:
        live.simulator.set_faults(depth_days=70)
        assert live.poll(*TRADES) == "ok"
        assert live.fill(*TRADES)
        _, served, _ = progress(database_url)
        ask(database_url, "DELETE FROM onetrading_sync.coverage RETURNING 1")
        since = len(live.simulator.requests)
        assert live.fill(*TRADES)
        # Three workers begin at once.
        assert served - HOUR < min(asked(live, since)[:3]) <= served


def test_windows_that_are_refused_become_shorter(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with world(tmp_path, database_url, accounts=("main",), ONETRADING_HISTORY_START=ASKED) as live:
        live.simulator.set_faults(window_days=7)
        assert live.poll(*TRADES) == "ok"
        assert live.fill(*TRADES)
        asked_from, served, required = progress(database_url)
        assert (served, required) == (None, asked_from)
        assert ask(database_url, "SELECT * FROM reporting.coverage_gaps WHERE NOT is_tail") == []
        told = [line for line in caplog.messages if "refuses windows" in line]
        assert len(told) == 3


def test_a_refusal_that_is_not_understood_is_reported(tmp_path: Path, database_url: str) -> None:
    with world(tmp_path, database_url, accounts=("main",), ONETRADING_HISTORY_START=ASKED) as live:
        assert live.poll(*TRADES) == "ok"
        live.simulator.set_faults(fail_paths={"/account/trades": 400})
        assert not live.fill(*TRADES)
        since = len(live.simulator.requests)
        assert not live.fill(*TRADES)
        windows = len(asked(live, since))
        assert windows <= 4, "it is looked into each time"
        assert progress(database_url)[1] is None
