"""Programs that are not Python packages: where they are, or why a test is skipped."""

from __future__ import annotations

import shutil

import pytest


def tool(name: str, package: str) -> str:
    """The path of the program ``name``; skips the test that asks when it is not installed.

    ``package``: what brings it, as Debian calls it. `.ci/run` installs all of them.
    """
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {package})")
    return path
