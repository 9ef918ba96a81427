"""The status report while the exchange or Postgres fails."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from exporter.model.errors import REASON_MEANINGS
from exporter.simulator import Simulator
from tests.support.configuration import NAMES
from tests.support.postgres import PostgresServer, standing_still
from tests.support.service import get, one, serving, status, wait_until_complete
from tests.support.waiting import wait_until


def test_failures_are_reported_without_quoting_responses(tmp_path: Path) -> None:
    more = {f"ONETRADING_INTERVAL_{name.upper()}": "200ms" for name in NAMES}
    more["ONETRADING_REQUESTS_PER_MINUTE"] = "100000"
    with (
        Simulator(history_days=1) as simulator,
        serving(simulator, tmp_path, **more) as (_, base),
    ):
        wait_until(lambda: status(base)["verdict"] == "well", "it is never well")
        simulator.set_faults(garbage_rate=1, account="main")
        wait_until(lambda: status(base)["verdict"] == "attention", "it never notices")
        body = status(base)
        text = json.dumps(body) + get(base, "/")
        held = [f for f in body["findings"] if f["severity"] == "attention"]
        assert any(REASON_MEANINGS["payload"] in f["text"] and f["since"] for f in held)
        assert {e["reason"] for e in body["errors"]} == {"payload", "permission"}
        assert all(s["success"] for s in body["streams"] if s["account"] == "public")
        simulator.set_faults(refuse_tokens=["main"])
        wait_until(lambda: status(base)["verdict"] == "broken", "it never notices")
        text += json.dumps(status(base)) + get(base, "/")
        assert REASON_MEANINGS["auth"] in text
        simulator.set_faults()
        wait_until(lambda: status(base)["verdict"] == "well", "it is never well again")
        text += json.dumps(status(base)) + get(base, "/")
        assert "No database: metrics only." in text
    assert "Bad gateway" not in text
    assert "<html><" not in text
    for token in simulator.tokens.values():
        for part in (token, *token.split(".")[1:]):
            assert part not in text
    assert str(tmp_path) not in text


def test_without_postgres_the_live_part_continues(tmp_path: Path, open_path: Path) -> None:
    more = {f"ONETRADING_INTERVAL_{name}": "1s" for name in ("BALANCES", "TICKERS")}
    more |= {
        "ONETRADING_REQUESTS_PER_MINUTE": "100000",
        "ONETRADING_HISTORY_START": (datetime.now(UTC) - timedelta(minutes=30)).isoformat(),
    }
    server = PostgresServer(open_path / "server")
    server.start()
    try:
        with (
            Simulator(history_days=1) as simulator,
            serving(simulator, tmp_path, DATABASE_URL=server.url, **more) as (_, base),
        ):
            wait_until_complete(base)
            before = status(base)
            with standing_still(server.url):
                began = time.monotonic()
                hung = [status(base) for _ in range(5)]
                assert time.monotonic() - began < 2.5
                assert one(hung[-1], "main", "trades")["coverage"]["segments"]
            server.stop()
            wait_until(lambda: status(base)["database_up"] is False, "it never notices")
            wait_until(lambda: status(base)["spooled_snapshots"] > 0, "nothing waits on disk")
            down = status(base)
            assert down["verdict"] == "broken"
            assert down["findings"][0]["text"].startswith("Postgres is down")
            assert down["history_read_at"] >= before["history_read_at"]
            assert [s["coverage"]["segments"] != [] for s in down["streams"] if s["coverage"]]
            wait_until(
                lambda: one(status(base), "main", "balances")["freshness"] == "fresh",
                "balances are not read any more",
            )
            page = get(base, "/")
            assert "Postgres is down" in page
            assert f', as of <time datetime="{down["history_read_at"][:10]}' in page
            assert server.url not in page
            server.start()
            wait_until(lambda: status(base)["verdict"] == "well", "it never recovers")
            wait_until(
                lambda: status(base)["history_read_at"] > down["history_read_at"],
                "coverage is not read again",
            )
    finally:
        server.stop()
