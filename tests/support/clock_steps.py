"""A time of day that a test sets under a running process; its steady clocks go on (libfaketime)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

_LIBRARIES = ("lib*/*/faketime/libfaketimeMT.so.1", "lib*/faketime/libfaketimeMT.so.1")


class TimeOfDay:
    """The time of day of processes that are started with ``environment``."""

    def __init__(self, folder: Path) -> None:
        self._offset = folder / "time-of-day"
        self.set(0)
        self.environment = {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: float) -> None:
        """From now on the time of day is so many seconds ahead of the real one."""
        part = self._offset.with_suffix(".part")
        part.write_text(f"{seconds:+.0f}\n")
        part.replace(self._offset)
        self.seconds = seconds

    def now(self) -> float:
        """Unix time as those processes see it."""
        return time.time() + self.seconds


def _library() -> Path:
    """Skips the test where there is none."""
    found = [path for pattern in _LIBRARIES for path in Path("/usr").glob(pattern)]
    if not found:
        pytest.skip("libfaketime is not installed (Debian: faketime)")
    return found[0]
