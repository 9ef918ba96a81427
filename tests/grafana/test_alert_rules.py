"""Alert rules: they name what exists, fire and are silent as they should, and are explained."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from tests.support.alerts import (
    ALERTS,
    CASES,
    FILES,
    FOLDER,
    RECORDS,
    SCENARIOS,
    cases,
    lay_out,
    mutants,
    rules,
    uncommented,
    with_rules,
)
from tests.support.dashboards import PROVISIONED
from tests.support.process import ROOT
from tests.support.promql import SERIES, selectors
from tests.support.tools import tool

RUNBOOKS = ROOT / "docs" / "runbooks"
OF_THE_SCRAPE = {"job", "instance", "namespace"}
"""Labels that Prometheus adds."""
SHORTEST_RANGE_S = 240
"""Four scrapes a minute apart: newer versions of Prometheus need them, older ones do not."""
UNHELD = (
    "OnetradingExporterAbsent",
    "OnetradingSchedulerStuck",
    "OnetradingStreamNeverSucceeded",
)
"""Held no longer than they are true: what was never there needs no bridge."""
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def promtool(
    *arguments: str | Path, stderr: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tool("promtool", "prometheus"), *arguments],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        timeout=100,
        check=False,
        # Each test leaves a storage to Go's collector, which would run all the time.
        env=os.environ | {"GOGC": "400"},
    )


def thresholds() -> set[str]:
    """The names of all thresholds, those of the examples too."""
    groups = yaml.safe_load(uncommented())["groups"]
    return {rule["record"] for group in groups for rule in group["rules"]}


def test_promtool_accepts_the_rules(tmp_path: Path) -> None:
    examples = tmp_path / "thresholds.yaml"
    examples.write_text(uncommented())
    for paths in ([FOLDER / f"{file}.yaml" for file in FILES], [examples]):
        checked = promtool("check", "rules", "--lint=all", "--lint-fatal", *paths)
        assert checked.returncode == 0, checked.stderr + checked.stdout


def test_every_series_exists() -> None:
    known = {**SERIES, "up": frozenset[str]()}
    read = set()
    for rule in rules():
        for selector in selectors(rule["expr"]):
            name = str(selector.name)
            read.add(name)
            if name.startswith("onetrading:"):
                assert name in RECORDS.keys() | thresholds(), name
                continue
            assert name in known, name
            used = {matcher.name for matcher in selector.matchers.matchers}
            assert used <= known[name] | OF_THE_SCRAPE, f"{name}: {used}"
    assert thresholds() <= read, "a threshold that no rule reads"


def test_ranges_hold_four_scrapes() -> None:
    ranges = [
        (rule["expr"], int(number) * UNITS_S[unit])
        for rule in rules()
        for number, unit in re.findall(r"\[(\d+)([smhd])\]", rule["expr"])
    ]
    assert ranges
    assert [expr for expr, seconds in ranges if seconds < SHORTEST_RANGE_S] == []


def test_thresholds_are_numbers_and_nothing_else_is_edited() -> None:
    for group in yaml.safe_load(uncommented())["groups"]:
        for rule in group["rules"]:
            assert re.fullmatch(r"vector\([-+0-9.* Inf]+\)", rule["expr"]), rule
    assert not [rule for rule in rules("thresholds") if "alert" in rule]
    for rule in rules("recording"):
        assert re.fullmatch(r"onetrading:[a-z0-9_]+:[a-z0-9_]+", rule["record"]), rule


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_is_explained(alert: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    rule = ALERTS[alert]
    notes = rule["annotations"]
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert notes.keys() == {"summary", "description", "runbook_url", "dashboard_url"}
    page = RUNBOOKS / f"{alert}.md"
    assert notes["runbook_url"] == (
        f"{project['urls']['Repository']}/blob/main/{page.relative_to(ROOT)}"
    )
    text = page.read_text()
    assert text.startswith(f"# {alert}\n\nSeverity `{rule['labels']['severity']}`, fires ")
    first = " ".join(text.split("\n\n")[1].split())
    fires = f"after {rule['for']}" if "for" in rule else "at once"
    holds = f", for {rule['keep_firing_for']} longer" if "keep_firing_for" in rule else "."
    assert f"fires {fires}{holds}" in first
    for heading in ("What it means", "What it costs", "Look", "Do", "Tune or silence"):
        assert f"\n## {heading}\n" in text, heading
    assert f"]({alert}.md)" in (RUNBOOKS / "README.md").read_text()


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_links_a_dashboard_by_variables_that_it_has(alert: str) -> None:
    """Of what the alert is about: an account, an instrument, a currency."""
    url = ALERTS[alert]["annotations"]["dashboard_url"]
    found = re.fullmatch(r"\{\{ \$externalLabels\.grafana_url \}\}/d/([a-z-]+)(?:\?(.*))?", url)
    assert found is not None, url
    (board,) = [b for b in PROVISIONED.values() if b["uid"] == found[1]]
    variables = {variable["name"] for variable in board["templating"]["list"]}
    used = re.findall(r"var-(\w+)=\{\{ (?:\$labels\.(\w+)|(\.)) \}\}", found[2] or "")
    assert {name for name, *_ in used} <= variables
    assert all(label in (name, "") for name, label, _ in used)
    summary = ALERTS[alert]["annotations"]["summary"]
    named = {*re.findall(r"\$labels\.(account|instrument|currency)", summary)}
    assert {name for name, *_ in used} == named & variables


def test_what_mutes_others_outlasts_them() -> None:
    """Otherwise Alertmanager sends them when all is over: they are still held, and it is not."""
    config = yaml.safe_load((ROOT / "grafana" / "stack" / "alertmanager.yaml").read_text())
    checked = set()
    for inhibition in config["inhibit_rules"]:
        sources, targets = (
            [name for name in ALERTS if re.fullmatch(_named(inhibition[f"{side}_matchers"]), name)]
            for side in ("source", "target")
        )
        assert sources
        assert targets
        for source in sources:
            for target in targets:
                if {source, target} & {*UNHELD} or "MarginRatio" in source:
                    continue
                assert _held_s(source) > _held_s(target), f"{source} mutes {target}"
                checked.add(source)
    assert len(checked) > 3


def _named(matchers: list[str]) -> str:
    (matcher,) = matchers
    found = re.fullmatch(r'alertname=~?"(.*)"', matcher)
    assert found is not None, matcher
    return found[1]


def _held_s(alert: str) -> int:
    text = ALERTS[alert].get("keep_firing_for", "0m")
    return int(text[:-1]) * UNITS_S[text[-1]]


def test_every_page_has_its_alert() -> None:
    assert {page.stem for page in RUNBOOKS.glob("Onetrading*.md")} == set(ALERTS)


def test_every_query_of_the_pages_is_one() -> None:
    known = SERIES.keys() | {"up"} | RECORDS.keys() | thresholds()
    queries = [
        line
        for page in (*RUNBOOKS.glob("*.md"), FOLDER / "README.md")
        for block in re.findall(
            r"^```promql\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL
        )
        for line in block.splitlines()
    ]
    assert len(queries) > len(ALERTS)
    for line in queries:
        for selector in selectors(line):
            name = str(selector.name)
            assert name in known or name.startswith("process_"), line


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_rule_tests(path: Path, tmp_path: Path) -> None:
    """In the files and groups as they are, less the rules that no alert of the file reads."""
    tested = promtool("test", "rules", with_rules(path, tmp_path))
    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_is_tested(alert: str) -> None:
    found = {case.scenario: case for case in cases() if case.alert == alert}
    assert found.keys() >= set(SCENARIOS)
    assert any(found["fires"].expected())
    assert not any(found["does not fire"].expected())
    ends = {"stale": "stale", "restart": "stale"}
    for scenario, mark in ends.items():
        values = [series["values"] for series in found[scenario].test["input_series"]]
        assert any(mark in value for value in values), f"{scenario}: no series ends"
    for case in found.values():
        looks = case.test["alert_rule_test"]
        assert {look["alertname"] for look in looks} == {alert}, case.scenario


@pytest.mark.parametrize("alert", ALERTS)
def test_a_changed_alert_breaks_its_tests(alert: str, tmp_path: Path) -> None:
    """Without its durations, or with an operator turned round, some test of its own fails."""
    own = [case for case in cases() if case.alert == alert]
    changed = [("as it is", ALERTS[alert]), *mutants(alert)]
    # The first test, which fires, finds most; only what passes it is put to all of them.
    for tests in (own[:1], own):
        paths = {
            change: lay_out(tmp_path / str(number), rule, tests)
            for number, (change, rule) in enumerate(changed)
        }
        failed = failing([path for group in paths.values() for path in group])
        changed = [(change, rule) for change, rule in changed if not failed & {*paths[change]}]
    assert [change for change, _ in changed] == ["as it is"]


def failing(paths: Sequence[Path]) -> set[Path]:
    """Those whose tests fail, all run by one promtool: most of its time is its start."""
    tested = promtool("test", "rules", *paths, stderr=subprocess.STDOUT)
    found = re.findall(r"^Unit Testing: +(\S+)\n +(SUCCESS|FAILED)", tested.stdout, re.MULTILINE)
    assert [Path(path) for path, _ in found] == list(paths), tested.stdout
    return {Path(path) for path, result in found if result == "FAILED"}
