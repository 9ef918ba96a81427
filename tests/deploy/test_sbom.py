"""The software bill of materials: what `scripts/sbom check` accepts and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import exporter
from tests.support.process import ROOT, finished

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of what scripts/sbom reads, for a test to change."""
    for name in ("exporter/_version.py", "scripts/sbom", "requirements.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


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
    ("change", "message"),
    [
        ({"version": "0.0.1"}, "is not what is locked"),
        ({"purl": "pkg:pypi/another@1"}, "the purl is"),
        ({"hashes": []}, "its hash is not a locked one"),
        ({"hashes": [{"alg": "SHA-256", "content": "0" * 64}]}, "its hash is not a locked one"),
        ({"description": "file:///somewhere"}, "it names file:"),
        ({"purl": "pkg:generic/nothing"}, "is locked, and missing"),
    ],
)
def test_an_sbom_that_is_wrong_is_refused(
    sources: Path, change: dict[str, Any], message: str
) -> None:
    first, *others = components()
    code, text = checked_sbom(sources, [{**first, **change}, *others])
    assert code == 1
    assert message in text
