"""The stack of compose.yaml at work, as processes (support/stack.py): its commands and files.

Only Grafana is missing: no package brings it. Its role in Postgres is tried here all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psycopg
import pytest

from tests.support import alerts
from tests.support.postgres import PostgresServer
from tests.support.process import ROOT, command, running
from tests.support.prometheus import Alertmanager, Prometheus, alertmanager, prometheus
from tests.support.stack import SERVICES, mounts, moved, read, set_up_postgres, simulator
from tests.support.waiting import wait_until

PROMETHEUS = read("grafana/stack/prometheus.yaml")
ALERTMANAGER = read("grafana/stack/alertmanager.yaml")


@pytest.fixture
def live_alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    with alertmanager(tmp_path / "alertmanager", ALERTMANAGER) as running_one:
        yield running_one


def post(server: Alertmanager, *labelled: dict[str, str]) -> dict[str, list[str]]:
    """Send alerts, each with its `id`; return the alerts that inhibit each."""
    body = json.dumps([{"labels": labels} for labels in labelled]).encode()
    header = {"Content-Type": "application/json"}
    urlopen(Request(f"{server.url}/api/v2/alerts", body, header), timeout=30).close()  # noqa: S310  ours
    wait_until(lambda: len(processed(server)) == len(labelled), "they are not looked at")
    found = processed(server)
    names = {alert["fingerprint"]: alert["labels"]["id"] for alert in found}
    return {
        alert["labels"]["id"]: [names[by] for by in alert["status"]["inhibitedBy"]]
        for alert in found
    }


def processed(server: Alertmanager) -> list[dict[str, Any]]:
    """The alerts that it has looked at."""
    return [alert for alert in server.alerts() if alert["status"]["state"] != "unprocessed"]


def test_what_follows_from_something_known_wakes_nobody(live_alertmanager: Alertmanager) -> None:
    def alert(identity: str, name: str, **labels: str) -> dict[str, str]:
        return {"id": identity, "alertname": f"Onetrading{name}", "severity": "warning", **labels}

    muted = post(
        live_alertmanager,
        alert("refused", "TokenRefused", account="main"),
        alert("stale", "StreamStale", account="main", stream="balances"),
        alert("stale elsewhere", "StreamStale", account="hedge", stream="balances"),
        alert("margin", "MarginRatioCritical", account="main"),
        alert("margin warning", "MarginRatioLow", account="main"),
        alert("margin elsewhere", "MarginRatioLow", account="hedge"),
        alert("lag", "CoverageLag", account="hedge", stream="trades"),
        alert("database", "DatabaseDown"),
    )
    assert muted == {
        "refused": [],
        "stale": ["refused"],
        "stale elsewhere": [],
        "margin": [],
        "margin warning": ["margin"],
        "margin elsewhere": [],
        "lag": ["database"],
        "database": [],
    }


def test_tokens_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = str(tmp_path / "file" / "tokens")
    done = command("simulate", "--listen", "127.0.0.1:0", "--history-days=1", "--tokens", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--tokens {folder}: " in done.stderr


@pytest.fixture
def live_prometheus(
    tmp_path: Path, postgres_server: PostgresServer, live_alertmanager: Alertmanager
) -> Iterator[tuple[Prometheus, str]]:
    """Prometheus with everything that it looks at, and where Postgres listens."""
    tokens = tmp_path / "tokens"
    address = set_up_postgres(postgres_server.url)
    with simulator(tokens) as exchange:
        moves = {"simulator:9878": exchange, "postgres:5432": address, "/run/tokens": str(tokens)}
        settings = moved(SERVICES["exporter"]["environment"], moves)
        own = {"ONETRADING_LISTEN": "127.0.0.1:0", "ONETRADING_DATA_DIR": str(tmp_path / "data")}
        with running(settings | own, tmp_path / "log") as exporter:
            exporter.wait_until_ready()
            (rules,) = (to for to, here in mounts("prometheus").items() if here == "grafana/alerts")
            moves = {
                "exporter:9877": exporter.base.partition("//")[2],
                "alertmanager:9093": live_alertmanager.url.partition("//")[2],
                rules: str(ROOT / "grafana/alerts"),
                "15s": "1s",
                "10s": "1s",
            }
            with prometheus(tmp_path / "prometheus", moved(PROMETHEUS, moves)) as server:
                yield server, address


def test_it_works(live_prometheus: tuple[Prometheus, str]) -> None:
    server, address = live_prometheus
    counted = "sum by (account) (onetrading_trades_total)"
    wait_until(lambda: len(server.query(counted)) == 3, "trades are not counted", within_s=60)
    wait_until(lambda: len(server.query("up == 1")) == 2, lambda: str(server.query("up")))
    assert len(groups(server)) == len(alerts.groups())
    wait_until(
        lambda: all(group["evaluationTime"] > 0 for group in groups(server)),
        "not every group is evaluated",
        within_s=60,
        every_s=0.5,
    )
    unwell = [rule for group in groups(server) for rule in group["rules"] if rule["health"] != "ok"]
    assert unwell == []
    wait_until(lambda: alertmanagers(server), "it finds no Alertmanager", every_s=0.5)
    (connected,) = alertmanagers(server)
    assert connected["url"].endswith("/api/v2/alerts")
    check_roles(address)


def groups(server: Prometheus) -> list[dict[str, Any]]:
    """The groups of rules, each with how its evaluation went."""
    found: list[dict[str, Any]] = server.get("/api/v1/rules")["data"]["groups"]
    return found


def alertmanagers(server: Prometheus) -> list[dict[str, Any]]:
    """The active ones."""
    found: list[dict[str, Any]] = server.get("/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
    return found


def check_roles(address: str) -> None:
    """The dashboards' role reads reports alone; the exporter's owns its database alone."""
    reader = f"postgresql://grafana:demo@{address}/onetrading"
    with psycopg.connect(reader, autocommit=True) as session:
        accounts = session.execute("SELECT DISTINCT account FROM current_balances").fetchall()
        assert {name for (name,) in accounts} == {"main", "hedge", "spot"}
        assert session.execute("SHOW statement_timeout").fetchone() == ("30s",)
        session.execute("SET default_transaction_read_only = off")
        for refused in (
            "SELECT * FROM onetrading.trades",
            "SELECT * FROM onetrading_sync.runs",
            "CREATE TABLE reporting.mine ()",
            "CREATE TEMPORARY TABLE mine ()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(refused.encode())
    owner = f"postgresql://onetrading:demo@{address}/onetrading"
    with psycopg.connect(owner) as session:
        rights = "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles"
        found = session.execute(rights + " WHERE rolname = current_user").fetchone()
        assert found == (False, False, False, False)
