"""From the exchange to the page: a margin that falls reaches a person, and so does its recovery.

Everything is real: the simulated exchange over HTTP, the service, Prometheus with our rules, and
Alertmanager with the stack's configuration. Only the waiting is shortened: in copies of the rules
every minute of a `for`, and every five of a `keep_firing_for`, is a second, three at most, and an
age of 60 s is one of 3 s; Alertmanager groups for a second.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from exporter.simulator import Simulator
from tests.support.alerts import ALERTS, FILES, FOLDER
from tests.support.process import ROOT, running
from tests.support.prometheus import Prometheus, alertmanager, prometheus
from tests.support.waiting import wait_until
from tests.support.world import environment

STREAMS = {
    "ONETRADING_STREAMS": "balances,positions,portfolio",
    "ONETRADING_INTERVAL_PORTFOLIO": "1s",
}


class Pager:
    """The notifications of Alertmanager, as (receiver, alert) in the order of arrival."""

    def __init__(self) -> None:
        self.pages: list[tuple[str, dict[str, Any]]] = []
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            """Keeps what is posted."""

            def do_POST(self) -> None:
                notification = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                pages.extend((notification["receiver"], alert) for alert in notification["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def wait_for(self, alert: str, status: str) -> tuple[str, dict[str, Any]]:
        """The first page of the alert in the status: its receiver and itself."""

        def found() -> list[tuple[str, dict[str, Any]]]:
            return [
                (receiver, page)
                for receiver, page in list(self.pages)
                if (page["labels"]["alertname"], page["status"]) == (alert, status)
            ]

        wait_until(found, lambda: f"{alert} is never {status}; there came {self.pages}")
        return found()[0]


@contextmanager
def pager() -> Iterator[Pager]:
    """A webhook that listens."""
    found = Pager()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield found
    finally:
        found.server.shutdown()
        thread.join()
        found.server.server_close()


def hastened_rules(folder: Path) -> str:
    """Copies of the rule files that wait for seconds; the pattern that names them."""
    folder.mkdir()
    for file in FILES:
        text = (FOLDER / f"{file}.yaml").read_text()
        text = re.sub(r"^( +for): (\w+)$", _seconds, text, flags=re.MULTILINE)
        text = re.sub(r"^( +keep_firing_for): (\d+)m$", _held_s, text, flags=re.MULTILINE)
        text = re.sub(r"(onetrading:sync_age:seconds(?:{[^}]*})?\)?) > 60\b", r"\1 > 3", text)
        (folder / f"{file}.yaml").write_text(text)
    return f"{folder}/*.yaml"


def _seconds(found: re.Match[str]) -> str:
    """Which of two alerts fires first stays as it is."""
    number, unit = int(found[2][:-1]), found[2][-1]
    return f"{found[1]}: {number if unit == 'm' and number < 3 else 3}s"


def _held_s(found: re.Match[str]) -> str:
    """Five minutes are a second, up to three."""
    return f"{found[1]}: {min(3, int(found[2]) // 5)}s"


def hastened_routes(webhook: str) -> dict[str, Any]:
    """The stack's Alertmanager, which groups for a second and notifies the webhook of the test."""
    config: dict[str, Any] = yaml.safe_load(
        (ROOT / "grafana" / "stack" / "alertmanager.yaml").read_text()
    )
    for route in (config["route"], *config["route"]["routes"]):
        route |= {"group_wait": "1s", "group_interval": "1s"}
    for receiver in config["receivers"]:
        receiver["webhook_configs"] = [{"url": webhook, "send_resolved": True}]
    return config


def watching(target: str, manager: str, rules: str) -> dict[str, object]:
    """A Prometheus that looks every second."""
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [rules],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [urlsplit(manager).netloc]}]}]
        },
        "scrape_configs": [
            {"job_name": "onetrading-exporter", "static_configs": [{"targets": [target]}]}
        ],
    }


def wait_until_seen(server: Prometheus, expression: str) -> None:
    """Wait until a query has a result."""
    wait_until(lambda: server.query(expression), f"never there: {expression}", every_s=0.05)


def test_a_margin_that_falls_pages_and_its_recovery_resolves(tmp_path: Path) -> None:
    with (
        Simulator(history_days=1) as exchange,
        pager() as phone,
        running(environment(exchange, tmp_path, ("main",), STREAMS), tmp_path / "log") as run,
        alertmanager(tmp_path / "alertmanager", hastened_routes(phone.url)) as manager,
    ):
        run.wait_until_ready()
        rules = hastened_rules(tmp_path / "rules")
        target = urlsplit(run.base).netloc
        config = watching(target, manager.url, rules)
        with prometheus(tmp_path / "prometheus", config) as server:
            wait_until_seen(server, "onetrading:futures_account_ratio:warning_in_force")
            wait_until_seen(server, "count_over_time(onetrading:sync_age:intervals[1m]) >= 3")
            assert server.alerts() == [], "all is well"

            exchange.override_position("main", account_ratio="1.25")
            receiver, low = phone.wait_for("OnetradingMarginRatioLow", "firing")
            assert receiver == "everybody"
            assert low["labels"] == {
                "alertname": "OnetradingMarginRatioLow",
                "account": "main",
                "severity": "warning",
            }
            assert low["annotations"]["summary"] == "Account main: account ratio 1.25 is low"
            runbook = ALERTS["OnetradingMarginRatioLow"]["annotations"]["runbook_url"]
            assert low["annotations"]["runbook_url"] == runbook

            exchange.override_position("main", account_ratio="0.95")
            receiver, critical = phone.wait_for("OnetradingMarginRatioCritical", "firing")
            assert receiver == "on-call"
            assert critical["labels"]["severity"] == "critical"
            assert "0.95" in critical["annotations"]["summary"]

            # The worse one first: Alertmanager reports the recovery of an inhibited alert late.
            exchange.override_position("main", account_ratio="1.25")
            phone.wait_for("OnetradingMarginRatioCritical", "resolved")
            exchange.override_position("main")
            phone.wait_for("OnetradingMarginRatioLow", "resolved")
            assert {page["labels"]["alertname"] for _, page in phone.pages} == {
                "OnetradingMarginRatioCritical",
                "OnetradingMarginRatioLow",
            }, "other notifications were sent"


def test_an_exchange_that_does_not_answer_is_one_notification(tmp_path: Path) -> None:
    """Every stream of every account is stale: one alert says why, and mutes the others."""
    fast = {
        f"ONETRADING_INTERVAL_{stream}": "1s"
        for stream in ("BALANCES", "POSITIONS", "PORTFOLIO", "TICKERS")
    } | {"ONETRADING_STREAMS": "balances,positions,portfolio,tickers"}
    with (
        Simulator(history_days=1) as exchange,
        pager() as phone,
        running(environment(exchange, tmp_path, ("main", "hedge"), fast), tmp_path / "log") as run,
        alertmanager(tmp_path / "alertmanager", hastened_routes(phone.url)) as manager,
    ):
        run.wait_until_ready()
        config = watching(
            urlsplit(run.base).netloc, manager.url, hastened_rules(tmp_path / "rules")
        )
        with prometheus(tmp_path / "prometheus", config) as server:
            wait_until_seen(server, "count_over_time(onetrading:sync_age:intervals[1m]) >= 3")
            exchange.set_faults(drop_rate=1.0)
            receiver, silent = phone.wait_for("OnetradingExchangeUnreachable", "firing")
            assert receiver == "on-call"
            assert silent["labels"] == {
                "alertname": "OnetradingExchangeUnreachable",
                "severity": "critical",
            }
            assert "The exchange does not answer" in silent["annotations"]["summary"]
            assert silent["annotations"]["dashboard_url"] == "/d/onetrading-exporter-health"

            def muted() -> set[str]:
                return {
                    alert["labels"]["alertname"]
                    for alert in manager.alerts()
                    if alert["status"]["inhibitedBy"]
                }

            wait_until(lambda: "OnetradingStreamStale" in muted(), "no stream ever is stale")
            stale = 'count(ALERTS{alertname="OnetradingStreamStale",alertstate="firing"}) == 7'
            wait_until_seen(server, stale)
            assert {page["labels"]["alertname"] for _, page in phone.pages} == {
                "OnetradingExchangeUnreachable"
            }, "other notifications were sent"
            exchange.set_faults()
            phone.wait_for("OnetradingExchangeUnreachable", "resolved")
