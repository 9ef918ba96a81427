"""npm packages that tests use, each installed once into `.cache`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.process import ROOT
from tests.support.tools import tool


def newest(package: str) -> str:
    """The newest version in the registry; skips the calling test when it has none."""
    return _npm("view", package, "version").strip()


def installed(name: str, *packages: str) -> Path:
    """A directory with the packages in its `node_modules`; each is given as `name@version`.

    ``name``: of the directory; should contain the versions. Skips the calling test when
    npm or its registry is not available.
    """
    folder = ROOT / ".cache" / name
    if not folder.is_dir():
        staging = folder.with_name(f"{name}.new")
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        (staging / "package.json").write_text('{"private": true}')
        quiet = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts")
        _npm("install", *quiet, *packages, cwd=staging)
        staging.rename(folder)
    return folder


def _npm(*arguments: str, cwd: Path | None = None) -> str:
    command = [tool("npm", "npm"), *arguments]
    try:
        return subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=90, check=True
        ).stdout
    except subprocess.SubprocessError as error:
        reason = getattr(error, "stderr", None) or error
        pytest.skip(f"npm could not get {arguments[-1]}: {str(reason)[-500:]}")
