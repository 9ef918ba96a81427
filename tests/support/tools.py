"""Programs that are not Python packages; a test that needs a missing one is skipped."""

from __future__ import annotations

import shutil

import pytest


def tool(name: str, package: str) -> str:
    """The path of the program ``name``; skips the calling test when it is not installed.

    ``package``: the Debian package with it. `.ci/run` installs all of them.
    """
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {package})")
    return path
