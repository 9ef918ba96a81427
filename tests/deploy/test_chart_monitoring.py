"""What the chart shows to others: rules, dashboards, the ServiceMonitor, probes, network policy."""

from __future__ import annotations

import base64
import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.server.security.web_config import parse
from tests.support import alerts, helm, operator_models
from tests.support.helm import CHART, NAMESPACE
from tests.support.process import ROOT, running
from tests.support.tools import tool
from tests.support.world import environment, exchange

DASHBOARDS = ROOT / "grafana" / "dashboards"


def of(name: str) -> list[helm.Manifest]:
    return helm.rendered(CHART / "ci" / f"{name}-values.yaml")


def groups(manifests: list[helm.Manifest]) -> dict[str, list[dict[str, Any]]]:
    rule = helm.one(manifests, "PrometheusRule")
    return {group["name"]: group["rules"] for group in rule["spec"]["groups"]}


def shipped() -> dict[str, list[dict[str, Any]]]:
    return {group["name"]: group["rules"] for group in alerts.groups()}


@pytest.mark.parametrize("name", ["external", "tls"])
def test_prometheus_takes_the_rendered_rules(name: str, tmp_path: Path) -> None:
    promtool = tool("promtool", "prometheus")
    file = tmp_path / "rules.yaml"
    spec = helm.one(of(name), "PrometheusRule")["spec"]
    file.write_text(yaml.safe_dump({"groups": spec["groups"]}))
    done = subprocess.run(
        [promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_values_the_rules_are_those_of_the_files() -> None:
    assert shipped()
    assert groups(of("external")) == shipped()


def test_values_change_thresholds_alerts_and_labels() -> None:
    rendered, files = groups(of("tls")), shipped()
    thresholds = {"onetrading:futures_account_ratio:warning", "onetrading:funding_rate:minimum"}
    assert {rule["record"] for rule in files["onetrading-thresholds"]} >= thresholds
    found = rendered.pop("onetrading-thresholds")
    assert [rule for rule in found if "ratio:warning" in rule["record"]] == [
        {"record": "onetrading:futures_account_ratio:warning", "expr": "vector(2)"},
        {
            "record": "onetrading:futures_account_ratio:warning",
            "expr": "vector(3)",
            "labels": {"account": "hedge"},
        },
    ]
    assert not [rule for rule in found if rule["record"] == "onetrading:funding_rate:minimum"]
    kept = [r for r in files["onetrading-thresholds"] if r["record"] not in thresholds]
    assert [rule for rule in found if rule in kept] == kept
    assert [rule["record"] for rule in rendered.pop("ours")] == ["ours:balance:total"]
    alerts = {
        rule["alert"]: rule for rules in rendered.values() for rule in rules if "alert" in rule
    }
    all_alerts = {r["alert"]: r for rules in files.values() for r in rules if "alert" in r}
    assert all_alerts.keys() - alerts.keys() == {"OnetradingNoFills"}
    for name, rule in alerts.items():
        labels = all_alerts[name].get("labels", {})
        address = "{{ $externalLabels.grafana_url }}"
        dashboard = all_alerts[name]["annotations"]["dashboard_url"]
        notes = {
            **all_alerts[name]["annotations"],
            "dashboard_url": dashboard.replace(address, "https://grafana.example.com/ops"),
        }
        assert rule == {
            **all_alerts[name],
            "labels": {**labels, "team": "treasury"},
            "annotations": notes,
        }
        assert address not in str(rule)


def test_dashboards_are_the_files_byte_for_byte() -> None:
    manifests = of("external")
    found = {
        name: text
        for manifest in helm.of_kind(manifests, "ConfigMap")
        for name, text in manifest["data"].items()
        if name.endswith(".json")
    }
    assert found == {file.name: file.read_text() for file in DASHBOARDS.glob("*.json")}
    for manifest in helm.of_kind(manifests, "ConfigMap"):
        assert len(manifest["data"]) == 1
        assert len(next(iter(manifest["data"].values())).encode()) < 1_000_000
        assert manifest["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert manifest["metadata"]["annotations"]["grafana_folder"] == "One Trading"


def test_a_release_fits_into_the_secret_that_helm_keeps_it_in(tmp_path: Path) -> None:
    """Helm stores the chart and all manifests gzipped, in base64, in a Secret of at most 1 MiB."""
    done = helm.run(4, "package", str(CHART), "--destination", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (package,) = tmp_path.glob("*.tgz")
    manifests = yaml.safe_dump_all(of("external")).encode()
    assert 4 / 3 * (package.stat().st_size + len(gzip.compress(manifests))) < 1_000_000


def test_dashboards_of_the_grafana_operator_read_the_config_maps() -> None:
    manifests = of("tls")
    maps = {m["metadata"]["name"]: m for m in helm.of_kind(manifests, "ConfigMap")}
    resources = helm.of_kind(manifests, "GrafanaDashboard")
    assert len(resources) == len(maps) == len(list(DASHBOARDS.glob("*.json"))) - 1
    for resource in resources:
        reference = resource["spec"]["configMapRef"]
        assert reference["key"] in maps[reference["name"]]["data"]
        assert resource["metadata"]["namespace"] == "monitoring"


def probes(manifests: list[helm.Manifest]) -> dict[str, dict[str, Any]]:
    container = helm.container(manifests)
    return {name: value for name, value in container.items() if name.endswith("Probe")}


def test_probes_and_scrapes_follow_the_web_config() -> None:
    plain, tls, mutual = of("external"), of("tls"), of("mtls")
    assert {p["httpGet"]["scheme"] for p in probes(plain).values()} == {"HTTP"}
    assert {p["httpGet"]["scheme"] for p in probes(tls).values()} == {"HTTPS"}
    assert {p["httpGet"]["path"] for p in probes(tls).values()} == {"/-/healthy", "/-/ready"}
    assert {p["tcpSocket"]["port"] for p in probes(mutual).values()} == {"http"}
    assert len(probes(mutual)) == 3
    (endpoint,) = helm.one(plain, "ServiceMonitor")["spec"]["endpoints"]
    assert (endpoint["scheme"], "tlsConfig" in endpoint) == ("http", False)
    (endpoint,) = helm.one(tls, "ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["scheme"] == "https"
    assert endpoint["tlsConfig"] == {
        "serverName": f"rel-onetrading-exporter.{NAMESPACE}.svc",
        "ca": {"secret": {"name": "exporter-tls", "key": "ca.crt"}},
    }
    assert endpoint["basicAuth"]["password"] == {"name": "exporter-scrape", "key": "password"}
    assert "https://" in helm.one(tls, "Pod")["spec"]["containers"][0]["args"][1]
    assert not helm.of_kind(mutual, "Pod")


def test_probes_can_be_replaced_and_left_out() -> None:
    found = probes(of("everything"))
    assert set(found) == {"livenessProbe", "readinessProbe"}
    assert found["livenessProbe"]["exec"] == {"command": ["onetrading-exporter", "health"]}
    assert "httpGet" not in found["livenessProbe"]


def policy(name: str, component: str = "exporter") -> dict[str, Any]:
    policies = helm.of_kind(of(name), "NetworkPolicy")
    label = "app.kubernetes.io/component"
    (found,) = (p for p in policies if p["metadata"]["labels"][label] == component)
    spec: dict[str, Any] = found["spec"]
    assert spec["podSelector"]["matchLabels"][label] == component
    return spec


def egress(name: str, component: str = "exporter") -> dict[int, Any]:
    rules = policy(name, component).get("egress", [])
    return {rule["ports"][0]["port"]: rule.get("to") for rule in rules if "ports" in rule}


def test_only_dns_the_exchange_and_postgres_may_be_asked() -> None:
    assert set(egress("default")) == {53, 443}
    assert set(egress("external")) == {53, 443, 5433}
    assert egress("external")[5433] == [
        {"podSelector": {"matchLabels": {"cnpg.io/cluster": "onetrading-db"}}}
    ]
    assert set(egress("none")) == {5353, 9878}
    assert set(egress("everything")) == {53, 8443}
    assert egress("mtls") == {}
    (internet, _) = egress("default")[443]
    assert "169.254.0.0/16" in internet["ipBlock"]["except"]
    assert set(egress("job", "migrations")) == {53, 5432}
    assert set(egress("job", "test")) == {53, 9877}


def test_whoever_is_named_may_scrape_and_so_may_the_test() -> None:
    ingress = policy("external")["ingress"]
    assert [rule["ports"] for rule in ingress] == [[{"port": 9877, "protocol": "TCP"}]]
    (monitoring, test) = ingress[0]["from"]
    assert monitoring["namespaceSelector"]
    labels = helm.one(of("external"), "Pod")["metadata"]["labels"]
    assert test["podSelector"]["matchLabels"].items() <= labels.items()
    assert "from" not in policy("default")["ingress"][0]


def test_the_operator_takes_its_resources() -> None:
    manifests = [
        manifest
        for name in ("external", "tls", "mtls", "everything")
        for manifest in of(name)
        if manifest["apiVersion"].startswith("monitoring.coreos.com/")
    ]
    assert len(manifests) == 7
    operator_models.check(manifests)


def test_the_exporter_takes_the_web_config_of_the_chart() -> None:
    manifests = of("tls")
    (secret,) = helm.of_kind(manifests, "Secret")
    text = base64.b64decode(secret["data"]["web-config.yaml"]).decode()
    env = {variable["name"]: variable["value"] for variable in helm.container(manifests)["env"]}
    file = Path(env["ONETRADING_WEB_CONFIG"])
    faults: list[str] = []
    config = parse(text, file, faults)
    assert not faults
    assert config.tls is not None
    assert set(config.users) == {"prometheus"}
    volumes = helm.workload(manifests)["spec"]["template"]["spec"]["volumes"]
    (sources,) = (v["projected"]["sources"] for v in volumes if v["name"] == "web-config")
    assert sources[0]["secret"]["items"] == [{"key": file.name, "path": file.name}]
    assert sources[1]["secret"] == {"name": "exporter-tls"}


def smoke(url: str, seconds: int) -> subprocess.CompletedProcess[str]:
    script = helm.one(of("default"), "Pod")["spec"]["containers"][0]["args"][0]
    return subprocess.run(
        [sys.executable, "-c", script, url, str(seconds)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_test_of_the_chart_passes_where_the_exporter_runs(tmp_path: Path) -> None:
    with (
        exchange() as simulator,
        running(environment(simulator, tmp_path), tmp_path / "log") as run,
    ):
        done = smoke(run.base, 30)
        assert done.returncode == 0, done.stderr
        assert "ok   /metrics" in done.stdout
        base = run.base
    done = smoke(base, 0)
    assert done.returncode == 1
    assert "FAIL /-/healthy" in done.stderr
