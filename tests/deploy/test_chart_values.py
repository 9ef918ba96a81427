"""The chart's values: each is described and in the schema; what cannot be meant is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.support import helm
from tests.support.helm import CHART

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
# What Kubernetes, not this chart, defines: any key may stand in it.
FREE = {"type": "object"}


def leaves(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if "properties" not in schema:
        yield path
    for name, inner in schema.get("properties", {}).items():
        yield from leaves(inner, (*path, name))


def at(values: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        values = values[name]
    return values


def test_every_value_of_the_schema_has_a_default_and_a_row_in_the_readme() -> None:
    readme = (CHART / "README.md").read_text()
    described = set(re.findall(r"^\| `([\w.]+)` \| ", readme, re.MULTILINE))
    assert len(described) > 100
    for path in leaves(SCHEMA):
        above = [path[:depth] for depth in range(1, len(path) + 1)]
        known = [part for part in above if ".".join(part) in described]
        assert known or path == ("global",), f"{'.'.join(path)} has no comment"
        for part in known:
            at(DEFAULTS, part)


def test_the_schema_is_closed_and_takes_the_defaults() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.Draft7Validator(SCHEMA).validate(DEFAULTS)
    for schema in objects(SCHEMA):
        assert schema == FREE or "additionalProperties" in schema or "description" in schema


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, list):
        for item in schema:
            yield from objects(item)
    elif isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for item in schema.values():
            yield from objects(item)


# Values that the schema refuses, and what the message must name.
REFUSED = [
    ("replicas: 0", "replicas"),
    ("replicaCount: 1", "replicaCount"),
    ("persistence: {enable: true}", "enable"),
    ("image: {tag: bad tag}", "tag"),
    ("image: {digest: sha256:123}", "digest"),
    ("settings: {logLevel: verbose}", "logLevel"),
    ("settings: {intervals: {balance: 5s}}", "balance"),
    ("settings: {intervals: {balances: often}}", "balances"),
    ("settings: {requestsPerMinute: 0}", "requestsPerMinute"),
    ("settings: {historyStart: yesterday}", "historyStart"),
    ("settings: {streams: [trade]}", "streams"),
    ("exchange: {baseUrl: api.onetrading.com}", "baseUrl"),
    ("database: {url: mysql://db}", "url"),
    ("accounts: [{name: public, token: t}]", "name"),
    ("accounts: [{name: a/b, token: t}]", "name"),
    ("accounts: [{name: .., token: t}]", "name"),
    ("accounts: [{token: t}]", "name"),
    ("service: {containerPort: 80}", "containerPort"),
    ("podDisruptionBudget: {maxUnavailable: 2}", "maxUnavailable"),
    ("prometheusRule: {thresholds: {balance: [{value: 1}]}}", "balance"),
    ("prometheusRule: {thresholds: {'onetrading:a:b': [{value: up}]}}", "value"),
]


@pytest.mark.parametrize("major", helm.MAJORS)
@pytest.mark.parametrize(("text", "named"), REFUSED, ids=[text for text, _ in REFUSED])
def test_the_schema_refuses(text: str, named: str, major: int, tmp_path: Path) -> None:
    done = refused(text, major, tmp_path)
    assert "values don't meet the specifications of the schema" in done
    assert named in done


# Values that do not go together, and the advice.
TOKEN = "accounts: [{name: main, token: t}]"
CLASHES = [
    ("accounts: [{name: main}]", "accounts[0] (main): write exactly one of token"),
    ("accounts: [{name: a, token: t, csiFile: f}]", "write exactly one of token"),
    ("accounts: [{name: a, existingSecret: s}]", "key is missing"),
    ("accounts: [{name: a, token: t}, {name: a, token: u}]", "two accounts are named a"),
    ("accounts: [{name: a, csiFile: f}]", "csi.secretProviderClass must say whose"),
    ("replicas: 2", "set database.mode to external, or replicas to 1"),
    (
        "{replicas: 2, database: {mode: external, url: 'postgresql://db/x'},"
        " persistence: {existingClaim: one}}",
        "each Pod gets its own spool",
    ),
    ("database: {mode: external}", "write exactly one of database.url"),
    ("database: {url: 'postgresql://db/x'}", "set database.mode to external"),
    ("migrations: {mode: job}", "needs database.mode external"),
    ("migrations: {url: 'postgresql://db/x'}", "need migrations.mode initContainer or job"),
    ("webConfig: {enabled: true}", "write exactly one of webConfig.config"),
    ("webConfig: {config: {basic_auth_users: {}}}", "nothing would be protected"),
    ("webConfig: {enabled: true, config: {basic_auth_users: {}}}", "no tls_server_config"),
    (
        "webConfig: {enabled: true, config: {tls_server_config:"
        " {client_auth_type: RequireAndVerifyClientCert}}}",
        "set webConfig.clientCertificates",
    ),
    ("config: 'api_token = \"secret\"'", "give tokens by accounts"),
    ("config: \"[[accounts]]\\n  token = 'secret'\"", "give tokens by accounts"),
    ("config: 'DATABASE_URL=\"postgresql://u:p@db/x\"'", "the database URL by database"),
    ("prometheusRule: {enabled: true, disabledAlerts: [NoSuch]}", "there is no alert NoSuch"),
    (
        "prometheusRule: {enabled: true, thresholds: {'onetrading:no:such': []}}",
        "there is no threshold onetrading:no:such",
    ),
    (
        "prometheusRule: {enabled: true, thresholds: {'onetrading:sync_age:seconds': []}}",
        "there is no threshold onetrading:sync_age:seconds",
    ),
    ("dashboards: {enabled: true, disabled: [nothing]}", "there is no dashboard nothing"),
]


@pytest.mark.parametrize(("text", "advice"), CLASHES, ids=[text for text, _ in CLASHES])
def test_what_does_not_go_together_is_refused(text: str, advice: str, tmp_path: Path) -> None:
    assert advice in refused(text, 4, tmp_path)


def refused(text: str, major: int, folder: Path) -> str:
    file = folder / "values.yaml"
    file.write_text(text)
    done = helm.template(major, "--values", str(file))
    assert done.returncode != 0
    return done.stderr


EXAMPLES = re.findall(r"```yaml\n(.*?)```", (CHART / "README.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_examples_of_the_readme_can_be_rendered(number: int, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(EXAMPLES[number])
    assert helm.workload(helm.render("--values", str(file)))


def test_notes_say_what_is_missing() -> None:
    done = helm.run(
        4,
        "install",
        helm.RELEASE,
        str(CHART),
        "--dry-run=client",
        "--set=persistence.enabled=false",
    )
    assert done.returncode == 0, done.stderr
    notes = done.stdout.partition("NOTES:")[2]
    assert "rollout status deployment/rel-onetrading-exporter" in notes
    assert "WARNING: the embedded Postgres has no volume" in notes
    assert "NOTE: no account is configured" in notes
    assert "without a password" in notes
