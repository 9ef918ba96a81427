"""The Helm chart: both Helms render the same, Kubernetes takes it, its Pod is locked up."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from exporter.settings import SETTINGS
from exporter.streams import STREAMS
from tests.support import helm
from tests.support.helm import CHART, NAMESPACE, VALUES, Manifest
from tests.support.process import ROOT

# The oldest that Chart.yaml allows, one between, the newest that can be checked.
KUBERNETES = ("1.29", "1.33", "1.37")
FOREIGN = ("monitoring.coreos.com/", "grafana.integreatly.org/", "cilium.io/")


def values(name: str) -> Path:
    return CHART / "ci" / f"{name}-values.yaml"


def named(paths: list[Path]) -> list[str]:
    return [path.name.removesuffix("-values.yaml") for path in paths]


each_values = pytest.mark.parametrize("file", VALUES, ids=named(VALUES))


def test_what_is_copied_into_the_chart_and_written_from_it_is_current() -> None:
    check = [sys.executable, str(ROOT / "scripts" / "chart"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("major", helm.MAJORS)
def test_lint_finds_nothing(major: int) -> None:
    for file in VALUES:
        done = helm.run(major, "lint", "--strict", str(CHART), "--values", str(file))
        assert done.returncode == 0, done.stdout + done.stderr


@each_values
def test_both_helms_render_the_same(file: Path) -> None:
    three, four = (helm.rendered(file, major) for major in helm.MAJORS)
    assert three
    assert three == four


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_takes_every_manifest(version: str) -> None:
    everything = [manifest for file in VALUES for manifest in helm.rendered(file)]
    own = {
        json.dumps(manifest, sort_keys=True)
        for manifest in everything
        if not manifest["apiVersion"].startswith(FOREIGN)
    }
    assert len(own) > 40
    for manifest in own:
        kubernetes_validate.validate(json.loads(manifest), version, strict=True)


@each_values
def test_names_are_unique_and_in_the_namespace(file: Path) -> None:
    manifests = helm.rendered(file)
    found = [(m["kind"], m["metadata"].get("namespace"), m["metadata"]["name"]) for m in manifests]
    assert len(found) == len(set(found))
    ours = [m["metadata"] for m in manifests if "helm.sh/chart" in m["metadata"].get("labels", {})]
    assert ours
    assert {about["namespace"] for about in ours} <= {NAMESPACE, "monitoring"}


def environments(manifests: list[Manifest]) -> Iterator[dict[str, str]]:
    for pod in pods(manifests):
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            yield {variable["name"]: variable["value"] for variable in container.get("env", [])}


def pods(manifests: list[Manifest]) -> Iterator[dict[str, Any]]:
    for manifest in manifests:
        if manifest["kind"] == "Pod":
            yield manifest["spec"]
        elif manifest["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield manifest["spec"]["template"]["spec"]


# Several accounts go the way of one, and files that of texts.
OTHER_WAY = {"ONETRADING_API_TOKEN", "ONETRADING_API_TOKEN_FILE", "ONETRADING_ACCOUNT"}


def test_every_setting_is_reached_and_nothing_else_is_set() -> None:
    known = {setting.name for setting in SETTINGS if "<" not in setting.name}
    known |= {f"ONETRADING_INTERVAL_{stream.name.upper()}" for stream in STREAMS}
    used = {
        name
        for file in VALUES
        for environment in environments(helm.rendered(file))
        for name in environment
    }
    intervals = {name for name in known if name.startswith("ONETRADING_INTERVAL_")}
    assert used - {"TZ"} <= known
    # No Pod exports: who does it by hand names the books in `config`, or in the environment.
    by_hand = {name for name in known if name.startswith("ONETRADING_DATEV_")}
    assert known - intervals - OTHER_WAY - by_hand == used - intervals - {"TZ"}
    assert used & intervals == {
        "ONETRADING_INTERVAL_BALANCES",
        "ONETRADING_INTERVAL_FUNDING_HISTORY",
    }


def test_the_schema_names_the_streams_that_exist() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert schema["definitions"]["stream"]["enum"] == [stream.name for stream in STREAMS]


@pytest.mark.parametrize("name", ["inline", "job", "tls"])
def test_secrets_are_in_secrets_alone(name: str) -> None:
    given = values(name).read_text()
    words = [
        word
        for word in ("inline-token-of-main", "inline-token-of-hedge", "inline-password", "$2b$12$")
        if word in given
    ]
    assert words
    manifests = helm.rendered(values(name))
    secrets = [
        base64.b64decode(value).decode()
        for secret in helm.of_kind(manifests, "Secret")
        for value in secret["data"].values()
    ]
    assert all(any(word in secret for secret in secrets) for word in words)
    rest = yaml.safe_dump([m for m in manifests if m["kind"] != "Secret"])
    assert not [word for word in words if word in rest]


@each_values
def test_every_credential_that_is_named_is_mounted(file: Path) -> None:
    for pod in pods(helm.rendered(file)):
        offered = set(files_of(pod))
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            env = {v["name"]: v["value"] for v in container.get("env", [])}
            accounts = env.get("ONETRADING_ACCOUNTS", "")
            wanted = [item.partition("=")[2] for item in accounts.split(",") if item]
            wanted += [env[name] for name in ("DATABASE_URL_FILE",) if name in env]
            for path in wanted:
                mounted = [
                    (mount["name"], path.removeprefix(mount["mountPath"] + "/"))
                    for mount in container["volumeMounts"]
                    if path.startswith(mount["mountPath"] + "/")
                ]
                assert mounted
                assert set(mounted) & offered or mounted[0][0] == "csi"


def files_of(pod: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for volume in pod.get("volumes", []):
        for item in volume.get("secret", {}).get("items", []):
            yield volume["name"], item["path"]


@each_values
def test_every_container_is_locked_up(file: Path) -> None:
    for pod in pods(helm.rendered(file)):
        if file != values("everything"):
            assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        about = pod["securityContext"]
        assert (about["runAsNonRoot"], about["runAsUser"], about["fsGroup"]) == (True, 65532, 65532)
        assert about["seccompProfile"] == {"type": "RuntimeDefault"}
        ours = [*pod.get("initContainers", []), *pod["containers"]]
        for container in (c for c in ours if c["name"] in ("exporter", "migrate", "test")):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "privileged": False,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]


@each_values
def test_volumes_and_mounts_belong_together(file: Path) -> None:
    manifests = helm.rendered(file)
    templates = workload_templates(manifests)
    for pod in pods(manifests):
        volumes = [volume["name"] for volume in pod.get("volumes", [])]
        assert len(volumes) == len(set(volumes))
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            mounts = container.get("volumeMounts", [])
            assert {mount["name"] for mount in mounts} <= {*volumes, *templates}
            assert len({mount["mountPath"] for mount in mounts}) == len(mounts)


def workload_templates(manifests: list[Manifest]) -> list[str]:
    claims = helm.workload(manifests)["spec"].get("volumeClaimTemplates", [])
    return [claim["metadata"]["name"] for claim in claims]


def test_one_switch_decides_the_workload() -> None:
    off = helm.workload(helm.rendered(values("external")))
    assert off["kind"] == "Deployment"
    assert off["spec"]["strategy"] == {"type": "Recreate"}
    on = helm.workload(helm.rendered(values("default")))
    assert on["kind"] == "StatefulSet"
    assert workload_templates([on]) == ["data"]
    claimed = helm.workload(helm.rendered(values("csi")))
    assert claimed["kind"] == "StatefulSet"
    assert workload_templates([claimed]) == []
    for workload in (off, on, claimed):
        assert workload["spec"]["replicas"] == 1


def test_several_processes_are_spread_replaced_one_by_one_and_scraped_each() -> None:
    stateful = helm.rendered(values("several"))
    stateless = helm.render(
        "--values", str(values("several")), "--set", "persistence.enabled=false"
    )
    for manifests in (stateful, stateless):
        workload = helm.workload(manifests)
        assert workload["spec"]["replicas"] == 3
        template = workload["spec"]["template"]
        spread = template["spec"]["topologySpreadConstraints"]
        assert [constraint["topologyKey"] for constraint in spread] == [
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        ]
        for constraint in spread:
            assert constraint["whenUnsatisfiable"] == "ScheduleAnyway"
            selected = constraint["labelSelector"]["matchLabels"]
            assert selected.items() <= template["metadata"]["labels"].items()
        budget = helm.one(manifests, "PodDisruptionBudget")["spec"]
        assert budget["maxUnavailable"] == 1
        assert len(helm.of_kind(manifests, "ServiceMonitor")) == 1
        port = helm.one(manifests, "Service")["spec"]["ports"]
        assert [each["name"] for each in port] == ["http"]
    assert helm.workload(stateless)["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0},
    }
    alone = helm.rendered(values("external"))
    assert not helm.of_kind(alone, "PodDisruptionBudget")
    assert "topologySpreadConstraints" not in helm.workload(alone)["spec"]["template"]["spec"]


def test_services_and_budgets_select_the_exporter_and_no_other_pod() -> None:
    manifests = helm.rendered(values("job"))
    labels = helm.workload(manifests)["spec"]["template"]["metadata"]["labels"]
    job = helm.one(manifests, "Job")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        helm.one(manifests, "Service")["spec"]["selector"],
        helm.one(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        helm.workload(manifests)["spec"]["selector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert not selector.items() <= job.items()


def test_what_the_chart_links_in_this_repository_exists() -> None:
    """Its pages, and its icon."""
    chart = (CHART / "Chart.yaml").read_text()
    home = yaml.safe_load(chart)["home"]
    raw = home.replace("//github.com/", "//raw.githubusercontent.com/")
    linked = re.findall(rf"(?:{home}/(?:blob|tree)|{raw})/main/(\S+)", chart)
    assert len(linked) >= 3
    assert [path for path in linked if not (ROOT / path).exists()] == []
    assert yaml.safe_load(chart)["icon"].endswith(".svg")


def test_on_openshift_no_user_or_group_id_is_fixed() -> None:
    """The platform gives one; what the restricted SCC asks for otherwise stays."""
    pod = helm.one(helm.rendered(CHART / "openshift-values.yaml"), "StatefulSet")
    spec = pod["spec"]["template"]["spec"]
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    contexts = [c["securityContext"] for c in spec["containers"] + spec.get("initContainers", [])]
    for context in contexts:
        assert not {key for key in context if key.startswith(("runAsUser", "runAsGroup"))}
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["allowPrivilegeEscalation"] is False
