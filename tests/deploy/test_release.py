"""A release: its notes, its reproducible archives, the labels of its image."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import exporter
from tests.support.process import ROOT, finished

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of what scripts/release_notes reads, for a test to change."""
    for name in ("exporter/_version.py", "scripts/release_notes"):
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
    ("tag", "replaced", "by", "message"),
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
    sources: Path, tag: str, replaced: str, by: str, message: str
) -> None:
    code, text = release_notes(sources, tag, CHANGES.replace(replaced, by) if replaced else CHANGES)
    assert code == 1
    assert message in text


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
    for name in ("docs/man", "exporter", "grafana", "migrations"):
        shutil.copytree(ROOT / name, folder / name, ignore=left_out, copy_function=shutil.copyfile)
    (folder / "scripts").mkdir()
    hook = "scripts/long_description.py"
    shutil.copyfile(ROOT / hook, folder / hook)


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
    declared = set(re.findall(r"^ARG (\w+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert arguments == declared
