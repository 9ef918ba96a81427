"""The GitHub workflows and the scripts: valid, safe, pinned, and what they call exists."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.process import ROOT, finished
from tests.support.tools import tool

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


CHECK = (sys.executable, "-m", "check_jsonschema", "--builtin-schema")


def steps() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every step and every job that calls a workflow."""
    for path in WORKFLOWS:
        for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values():
            for step in job.get("steps", [job]):
                yield path, step


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.dependabot", [ROOT / ".github" / "dependabot.yml"]),
    ],
)
def test_workflows_are_what_github_reads(schema: str, files: list[Path]) -> None:
    assert files
    checked = finished(*CHECK, schema, *files)
    assert checked.returncode == 0, checked.stdout


def test_workflows_are_safe() -> None:
    """No template injection, no rights beyond need, no credentials left behind, and the rest."""
    zizmor = Path(sys.executable).with_name("zizmor")
    checked = finished(zizmor, "--offline", "--persona=pedantic", "--no-progress", ROOT / ".github")
    assert checked.returncode == 0, checked.stdout


def test_actions_are_pinned_and_each_to_one_version() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for use in re.findall(r"uses: (.+)$", path.read_text("utf-8"), re.MULTILINE):
            if use.startswith("./"):
                continue
            found = re.fullmatch(r"([\w./-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)", use)
            assert found, use
            pins.setdefault(found[1], set()).add(found[2])
    assert len(pins) > 8
    assert {name: versions for name, versions in pins.items() if len(versions) > 1} == {}


def test_the_scripts_are_sound(tmp_path: Path) -> None:
    shellcheck = tool("shellcheck", "shellcheck")
    scripts = [path for path in (ROOT / "scripts").iterdir() if path.is_file()]
    files = [ROOT / ".ci/run"]
    files += [path for path in scripts if path.read_text("utf-8").startswith("#!/usr/bin/env bash")]
    for number, (_, step) in enumerate(steps()):
        if "run" in step:
            files.append(tmp_path / f"step-{number}.sh")
            files[-1].write_text("#!/usr/bin/env bash\nset -euo pipefail\n" + step["run"])
    assert len(files) > 10
    checked = finished(shellcheck, *files)
    assert checked.returncode == 0, checked.stdout


def test_what_workflows_run_exists() -> None:
    called = {
        word for _, step in steps() for word in re.findall(r"scripts/\w+", step.get("run", ""))
    }
    assert called >= {
        "scripts/dist",
        "scripts/publish",
        "scripts/release_notes",
        "scripts/sbom",
        "scripts/stack",
    }
    assert [name for name in called if not os.access(ROOT / name, os.X_OK)] == []
