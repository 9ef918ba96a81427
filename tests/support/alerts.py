"""The committed rule files and the tests of their alerts, parsed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.support.process import ROOT
from tests.support.promql import selectors

Rule = dict[str, Any]
FOLDER = ROOT / "grafana" / "alerts"
CASES = ROOT / "tests" / "rules"
_FIRST = ("thresholds", "recording")
FILES = (*_FIRST, *sorted({path.stem for path in FOLDER.glob("*.yaml")} - {*_FIRST}))
"""The names of the rule files; what others use comes first."""
SCENARIOS = ("fires", "does not fire", "stale", "restart")


@cache
def _groups_of(file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((FOLDER / f"{file}.yaml").read_text())["groups"]
    return found


def groups(*files: str) -> list[dict[str, Any]]:
    """The groups of some of the rule files, or of all. They are shared: change none of them."""
    return [group for file in files or FILES for group in _groups_of(file)]


def rules(*files: str) -> list[Rule]:
    """The rules of some of the files, or of all."""
    return [rule for group in groups(*files) for rule in group["rules"]]


ALERTS: Mapping[str, Rule] = {rule["alert"]: rule for rule in rules() if "alert" in rule}
RECORDS: Mapping[str, list[Rule]] = {
    name: [rule for rule in rules() if rule.get("record") == name]
    for name in {rule["record"] for rule in rules() if "record" in rule}
}


class Case(NamedTuple):
    """A test of an alert as promtool reads it."""

    alert: str
    scenario: str
    step: str
    test: dict[str, Any]

    def expected(self) -> list[list[dict[str, Any]]]:
        """The alerts that must fire, at each tested instant."""
        return [look["exp_alerts"] for look in self.test["alert_rule_test"]]


@cache
def cases() -> tuple[Case, ...]:
    """Every test in every file."""
    found: list[Case] = []
    for path in sorted(CASES.glob("*.yaml")):
        content = yaml.safe_load(path.read_text())
        for test in content["tests"]:
            alert, _, scenario = test["name"].partition(" ")
            found.append(Case(alert, scenario, content["evaluation_interval"], test))
    return tuple(found)


def _name(rule: Rule) -> str:
    return str(rule.get("alert") or rule["record"])


def with_rules(path: Path, folder: Path) -> Path:
    """Copy a file of tests, and of its rule files the alerts that it tests and what these read.

    Each test evaluates every rule at every step, and most of them are about something else.
    """
    content = yaml.safe_load(path.read_text())
    tested = {look["alertname"] for test in content["tests"] for look in test["alert_rule_test"]}
    names = tested | {_name(rule) for alert in tested for rule in needed(ALERTS[alert]["expr"])}
    files = [path.parent / name for name in content["rule_files"]]
    content["rule_files"] = [file.name for file in files]
    for file in files:
        found = [
            {**group, "rules": [rule for rule in group["rules"] if _name(rule) in names]}
            for group in groups(file.stem)
        ]
        (folder / file.name).write_text(yaml.safe_dump({"groups": found}))
    copy = folder / f"test-{path.name}"
    copy.write_text(yaml.safe_dump(content))
    return copy


def uncommented() -> str:
    """thresholds.yaml with every example in force."""
    text = (FOLDER / "thresholds.yaml").read_text()
    return re.sub(r"^( +)# (- record|  expr|  labels)", r"\1\2", text, flags=re.MULTILINE)


def needed(expression: str) -> Iterator[Rule]:
    """The recording rules that an expression needs, in the order of evaluation."""
    names: list[str] = []
    _collect(expression, names)
    for name in names:
        yield from RECORDS[name]


def _collect(expression: str, names: list[str]) -> None:
    for selector in selectors(expression):
        name = str(selector.name)
        if name in RECORDS and name not in names:
            for rule in RECORDS[name]:
                _collect(rule["expr"], names)
            names.append(name)


_FLIPPED = {
    "<=": ">",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "==": "!=",
    "unless": "and",
    "min by": "max by",
    "max by": "min by",
}
_FLIP = re.compile(r"<=|>=|==|[<>]|\bunless\b|\bmin by\b|\bmax by\b|(?<=[<>=] )\d+\b")


def mutants(alert: str) -> Iterator[tuple[str, Rule]]:
    """A description of each change, and the alert with it."""
    rule = ALERTS[alert]
    for part in ("for", "keep_firing_for"):
        if part in rule:
            yield f"without {part}", {key: value for key, value in rule.items() if key != part}
    text = rule["expr"]
    for found in _FLIP.finditer(text):
        flipped = _FLIPPED.get(found[0]) or str(2 * int(found[0]) + 1)
        changed = text[: found.start()] + flipped + text[found.end() :]
        yield f"{found[0]} at {found.start()} as {flipped}", {**rule, "expr": changed}


def lay_out(folder: Path, alert: Rule, tests: Iterable[Case]) -> list[Path]:
    """Write one alert, the rules that it needs, and its tests; return the files with the tests."""
    folder.mkdir(exist_ok=True)
    groups = [
        {"name": "records", "rules": list(needed(alert["expr"]))},
        {"name": "alert", "rules": [alert]},
    ]
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    written: dict[Path, dict[str, Any]] = {}
    for case in tests:
        content = written.setdefault(
            folder / f"{case.step}.yaml",
            {
                "rule_files": ["rules.yaml"],
                "group_eval_order": ["records", "alert"],
                "evaluation_interval": case.step,
                "tests": [],
            },
        )
        content["tests"].append(case.test)
    for path, content in written.items():
        path.write_text(yaml.safe_dump(content))
    return list(written)
