"""The stack of compose.yaml as it is written: what the schema allows, hardened, its parts fit."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.settings import SETTINGS
from tests.support.alerts import ALERTS
from tests.support.process import ROOT
from tests.support.stack import COMPOSE, SERVICES, mounts, moved, read
from tests.support.tools import tool

PROMETHEUS = read("grafana/stack/prometheus.yaml")
ALERTMANAGER = read("grafana/stack/alertmanager.yaml")
SOURCES = read("grafana/provisioning/datasources/onetrading.yaml")["datasources"]
DASHBOARDS = sorted((ROOT / "grafana/dashboards").glob("*.json"))
CHECK = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec")
PORTS = {"simulator": 9878, "exporter": 9877, "postgres": 5432} | {
    "prometheus": 9090,
    "alertmanager": 9093,
    "grafana": 3000,
}


def test_it_is_a_compose_file() -> None:
    files = [ROOT / "compose.yaml", ROOT / "grafana/stack/account.yaml"]
    checked = subprocess.run(
        [*CHECK, *map(str, files)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & service.keys()
    assert service["restart"] and service["logging"]["options"]["max-size"]
    # The exporter's test of health is the image's own.
    assert ("test" in service["healthcheck"]) == (name != "exporter")
    if "build" not in service:
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+(\.\d+)?@sha256:[0-9a-f]{64}", service["image"])
    for port in service.get("ports", []):
        assert re.fullmatch(rf"127\.0\.0\.1:\d+:{PORTS[name]}", port)
    for volume in service["volumes"]:
        here, inside = volume.split(":", 1)
        assert inside.endswith(":ro") if here.startswith("./") else here in COMPOSE["volumes"]


def test_what_is_mounted_is_there() -> None:
    found = [path for name in SERVICES for path in mounts(name).values()]
    assert len(found) >= 6
    assert [path for path in found if not (ROOT / path).exists()] == []


def test_nothing_is_set_that_the_exporter_does_not_know() -> None:
    known = {setting.name for setting in SETTINGS}
    account = read("grafana/stack/account.yaml")["services"]["exporter"]["environment"]
    assert set(SERVICES["exporter"]["environment"]) | set(account) <= known


def test_whoever_is_spoken_to_can_be_reached() -> None:
    """Every host:port in a setting is a service on a common network, and the port it serves."""
    spoken: dict[str, Any] = {
        "exporter": SERVICES["exporter"]["environment"],
        "prometheus": PROMETHEUS,
        "grafana": SOURCES,
    }
    pairs = set()
    for speaker, text in spoken.items():
        for host, port in re.findall(r"\b([a-z]+):(\d{4})\b", json.dumps(text)):
            pairs.add((speaker, host))
            assert PORTS[host] == int(port)
            assert set(SERVICES[speaker]["networks"]) & set(SERVICES[host]["networks"]), host
    assert pairs == {
        ("exporter", "simulator"),
        ("exporter", "postgres"),
        ("prometheus", "exporter"),
        ("prometheus", "alertmanager"),
        ("grafana", "prometheus"),
        ("grafana", "alertmanager"),
        ("grafana", "postgres"),
    }
    assert f"EXPOSE {PORTS['exporter']}\n" in (ROOT / "Dockerfile").read_text()


def test_grafana_finds_dashboards_and_data_sources_of_every_type_they_ask_for() -> None:
    (provider,) = read("grafana/provisioning/dashboards/onetrading.yaml")["providers"]
    inside = mounts("grafana")
    assert inside[provider["options"]["path"]] == "grafana/dashboards"
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert ROOT / home.replace(provider["options"]["path"], "grafana/dashboards") in DASHBOARDS
    given = {source["type"] for source in SOURCES}
    for path in DASHBOARDS:
        variables = json.loads(path.read_text())["templating"]["list"]
        used = {variable["query"] for variable in variables if variable["type"] == "datasource"}
        assert used and used <= given, path.name
    assert {source["name"] for source in SOURCES} >= {"Prometheus", "Postgres"}
    interval = PROMETHEUS["global"]["scrape_interval"]
    assert SOURCES[0]["jsonData"]["timeInterval"] == interval


def test_grafana_knows_the_password_of_its_role() -> None:
    (source,) = (source for source in SOURCES if source["name"] == "Postgres")
    name = source["secureJsonData"]["password"].removeprefix("$")
    assert SERVICES["grafana"]["environment"][name] == SERVICES["postgres"]["environment"][name]
    script = (ROOT / "grafana/stack/postgres.sql").read_text()
    assert f"\\getenv reader_password {name}\n" in script
    assert f"CREATE ROLE {source['user']} LOGIN PASSWORD :'reader_password'" in script


def test_every_alert_that_is_inhibited_or_inhibits_exists() -> None:
    named = set()
    for rule in ALERTMANAGER["inhibit_rules"]:
        for matcher in rule["source_matchers"] + rule["target_matchers"]:
            found = re.fullmatch(r'alertname=~?"(\w+)(?:\(([\w|]+)\))?"', matcher)
            assert found
            named |= {found[1] + name for name in (found[2] or "").split("|")}
    assert named and named <= ALERTS.keys()


def test_the_configurations_are_valid(tmp_path: Path) -> None:
    (rules,) = (path for path, here in mounts("prometheus").items() if here == "grafana/alerts")
    here = moved(PROMETHEUS, {rules: str(ROOT / "grafana/alerts")})
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(here))
    by_prometheus = [tool("promtool", "prometheus"), "check", "config"]
    by_alertmanager = [tool("amtool", "prometheus-alertmanager"), "check-config"]
    for command in (
        [*by_prometheus, str(tmp_path / "prometheus.yaml")],
        [*by_alertmanager, str(ROOT / "grafana/stack/alertmanager.yaml")],
    ):
        checked = subprocess.run(command, check=False, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr
