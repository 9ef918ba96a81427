"""Packages of npm that tests ask, each installed once into `.cache`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.process import ROOT
from tests.support.tools import tool


def newest(package: str) -> str:
    """The version that the registry offers; skips the test that asks when there is none."""
    return _npm("view", package, "version").strip()


def installed(name: str, *packages: str) -> Path:
    """A folder in whose `node_modules` the packages are; each as `name@version`.

    ``name``: the folder's own, which should hold the versions. Skips the test that asks when npm is
    missing or cannot be reached.
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
        said = getattr(error, "stderr", None) or error
        pytest.skip(f"npm has no {arguments[-1]} here: {str(said)[-500:]}")
