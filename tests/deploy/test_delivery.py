"""How a release is made: workflows, notes, reproducible archives, what an SBOM must say, labels."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import exporter
from tests.support.process import ROOT
from tests.support.tools import tool

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CHECK = (sys.executable, "-m", "check_jsonschema", "--builtin-schema")


def finished(*command: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, whatever its exit code."""
    words = [str(word) for word in command]
    return subprocess.run(words, check=False, capture_output=True, text=True, **options)


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
    assert called >= {"scripts/dist", "scripts/release_notes", "scripts/sbom", "scripts/stack"}
    assert [name for name in called if not os.access(ROOT / name, os.X_OK)] == []


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """What the scripts of a release read, to be changed by a test."""
    for name in (
        "exporter/_version.py",
        "scripts/release_notes",
        "scripts/sbom",
        "requirements.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


CHANGES = """# Changelog

## [Unreleased]

- Later.

## [VERSION] - 2026-01-31

### Added

- This.

## [0.0.9] - 2026-01-01

- Earlier.

[VERSION]: https://example.org/compare
"""


def release_notes(folder: Path, tag: str, text: str = CHANGES) -> tuple[int, str]:
    """Exit code and what it says, for a changelog in which VERSION is that of the sources."""
    changelog = text.replace("VERSION", exporter.__version__)
    (folder / "CHANGELOG.md").write_text(changelog)
    done = finished(sys.executable, folder / "scripts" / "release_notes", tag)
    return done.returncode, done.stdout + done.stderr


def test_the_notes_of_a_release_are_its_section_of_the_changelog(sources: Path) -> None:
    assert release_notes(sources, f"v{exporter.__version__}") == (0, "### Added\n\n- This.\n")


@pytest.mark.parametrize(
    ("tag", "replaced", "by", "said"),
    [
        ("v9.9.9", "", "", "is not the version of these sources"),
        ("0.0.9", "", "", "is not the version of these sources"),
        (f"v{exporter.__version__}", "## [VERSION] - 2026-01-31", "", "has no section"),
        (f"v{exporter.__version__}", " - 2026-01-31", "", "write the day"),
        (f"v{exporter.__version__}", " - 2026-01-31", " - 2026-02-31", "write the day"),
        (f"v{exporter.__version__}", "### Added\n\n- This.\n", "", "says nothing"),
    ],
)
def test_a_tag_that_does_not_fit_makes_no_release(
    sources: Path, tag: str, replaced: str, by: str, said: str
) -> None:
    code, text = release_notes(sources, tag, CHANGES.replace(replaced, by) if replaced else CHANGES)
    assert code == 1
    assert said in text


def test_the_changelog_is_one_that_a_release_can_be_made_from() -> None:
    """Headings are those that scripts/release_notes knows; the newest is first."""
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    for heading in headings[1:]:
        assert re.fullmatch(r"\[\d+\.\d+\.\d+\S*\] - \d{4}-\d{2}-\d{2}", heading), heading


def copy_of_the_sources(folder: Path) -> None:
    """What the archives are made of, without the rights and times that the files have here."""
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copyfile(path, folder / path.name)
    left_out = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in ("exporter", "grafana", "migrations"):
        shutil.copytree(ROOT / name, folder / name, ignore=left_out, copy_function=shutil.copyfile)


def test_archives_are_the_same_bytes_from_the_same_sources(tmp_path: Path) -> None:
    """In another folder, at another time, with other rights: nothing of that gets in."""
    env = {**os.environ, "SOURCE_DATE_EPOCH": "1767225600"}
    made = []
    for number, folder in enumerate((tmp_path / "here", tmp_path / "elsewhere")):
        copy_of_the_sources(folder)
        for path in folder.rglob("*"):
            os.utime(path, (number * 1e8, number * 1e8))
        built = finished(sys.executable, "-m", "hatchling", "build", cwd=folder, env=env)
        assert built.returncode == 0, built.stderr
        archives = sorted((folder / "dist").iterdir())
        made.append({a.name: hashlib.sha256(a.read_bytes()).hexdigest() for a in archives})
    assert len(made[0]) == 2
    assert made[0] == made[1]


def test_the_tools_of_the_sbom_are_locked() -> None:
    text = (ROOT / "scripts/requirements-sbom.txt").read_text("utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    assert len(entries) > 10
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==\d", entry)
        assert "--hash=sha256:" in entry
    assert not re.search(r"://|file:|^-|(^|\s)/", text, re.MULTILINE)


def components() -> list[dict[str, Any]]:
    """The packages of an SBOM that is right."""
    text = (ROOT / "requirements.txt").read_text("utf-8")
    entries = re.findall(
        r"^([a-z0-9-]+)==(\S+)([^\n]*)\n\s+--hash=sha256:(\w+)", text, re.MULTILINE
    )
    return [
        {
            "type": "library",
            "name": name.replace("-", "_").title(),
            "version": version,
            "purl": f"pkg:pypi/{name}@{version}",
            "hashes": [{"alg": "SHA-256", "content": digest}],
        }
        for name, version, marker, digest in entries
        if "win32" not in marker
    ]


def checked_sbom(folder: Path, found: list[dict[str, Any]]) -> tuple[int, str]:
    main = {"type": "application", "name": PROJECT["name"], "version": exporter.__version__}
    document = {"bomFormat": "CycloneDX", "metadata": {"component": main}, "components": found}
    (folder / "sbom.json").write_text(json.dumps(document))
    done = finished(sys.executable, folder / "scripts" / "sbom", "check", folder / "sbom.json")
    return done.returncode, done.stderr


def test_an_sbom_says_what_is_locked(sources: Path) -> None:
    found = components()
    assert len(found) > 15
    assert checked_sbom(sources, found) == (0, "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": "0.0.1"}, "is not what is locked"),
        ({"purl": "pkg:pypi/another@1"}, "the purl is"),
        ({"hashes": []}, "its hash is not a locked one"),
        ({"hashes": [{"alg": "SHA-256", "content": "0" * 64}]}, "its hash is not a locked one"),
        ({"description": "file:///somewhere"}, "it names file:"),
        ({"purl": "pkg:generic/nothing"}, "is locked, and missing"),
    ],
)
def test_an_sbom_that_is_wrong_is_refused(sources: Path, change: dict[str, Any], said: str) -> None:
    first, *others = components()
    code, text = checked_sbom(sources, [{**first, **change}, *others])
    assert code == 1
    assert said in text


def test_the_image_says_where_it_is_from() -> None:
    labels = dict(
        re.findall(
            r'org\.opencontainers\.image\.([\w.]+)="([^"]*)"', (ROOT / "Dockerfile").read_text()
        )
    )
    assert labels["source"] == labels["url"] == PROJECT["urls"]["Repository"]
    assert labels["description"] == PROJECT["description"]
    assert labels["licenses"] == PROJECT["license"]
    assert labels["title"] == PROJECT["name"]
    given = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    (build,) = (s for s in given["jobs"]["image"]["steps"] if s.get("id") == "push")
    arguments = {line.partition("=")[0] for line in build["with"]["build-args"].splitlines()}
    asked = set(re.findall(r"^ARG (\w+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert arguments == asked
