"""Which commit a build is of."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from exporter import _version
from tests.support.process import ROOT

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("written", "told"),
    [(None, "unknown"), (f"{COMMIT}\n", COMMIT), ("\n", "unknown"), ("é", "unknown")],
)
def test_what_the_build_wrote_is_told(tmp_path: Path, written: str | None, told: str) -> None:
    shutil.copy(_version.__file__, tmp_path / "_version.py")
    if written is not None:
        (tmp_path / "revision.txt").write_text(written, "utf-8")
    code = "import _version; print(_version.revision())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == told


def test_builds_write_it_where_it_is_read() -> None:
    name = "exporter/revision.txt"
    for file in ("Dockerfile", "scripts/dist", "pyproject.toml", ".gitignore"):
        assert name in (ROOT / file).read_text(), file
    assert ROOT / name == Path(_version.__file__).with_name("revision.txt")
