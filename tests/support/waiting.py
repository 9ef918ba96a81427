"""Waiting for something that another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(
    true: Callable[[], object],
    what: str | Callable[[], str] = "it never comes true",
    *,
    within_s: float = 60.0,
    every_s: float = 0.02,
) -> None:
    """Wait until ``true()``; fail with the message ``what`` after ``within_s`` seconds."""
    until = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < until, what if isinstance(what, str) else what()
        time.sleep(every_s)
