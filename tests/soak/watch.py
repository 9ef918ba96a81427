"""Watches services during a soak: counters that fall, memory, threads and descriptors that grow."""

from __future__ import annotations

import re
import statistics
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from tests.support.process import Run

_COUNTER = re.compile(r"^(onetrading_\w+_total(?:\{[^}]*\})?) ([0-9.eE+-]+)", re.MULTILINE)
_SCRAPE_EVERY_S = 1.0
_LEADS = 'onetrading_exporter_leader{account="main"} 1'
_LEAST_READINGS = 120
"""Fewer show no growth."""


class Reading(NamedTuple):
    """What a process used at an instant (seconds since the start of the soak)."""

    at_s: float
    memory_mb: float
    threads: int
    descriptors: int


def reading(pid: int, at_s: float) -> Reading:
    """Read /proc (proc(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return Reading(
        at_s,
        int(fields["VmRSS"].split()[0]) / 1024,
        int(fields["Threads"]),
        len(list(Path(f"/proc/{pid}/fd").iterdir())),
    )


class Watch:
    """Scrapes a service every second until `stop`."""

    def __init__(self, name: str, run: Run) -> None:
        self.name = name
        self._run = run
        self._began = time.monotonic()
        self._stopped = threading.Event()
        self._counters: dict[str, float] = {}
        self.readings: list[Reading] = []
        """While it led: a standby needs less."""
        self.fallen: list[str] = []
        """Counters that fell: series, before, after."""
        self.scrapes = self.failed = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the scrapes."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(_SCRAPE_EVERY_S):
            try:
                text = self._run.get("/metrics").text
            except OSError:  # suspended
                self.failed += 1
                continue
            self.scrapes += 1
            self._compare(text)
            if _LEADS in text:
                at_s = time.monotonic() - self._began
                self.readings.append(reading(self._run.process.pid, at_s))

    def _compare(self, text: str) -> None:
        for series, value in _COUNTER.findall(text):
            before = self._counters.get(series, 0.0)
            if float(value) < before:
                self.fallen.append(f"{series}: {before} {value}")
            self._counters[series] = float(value)

    def growth(self) -> dict[str, tuple[float, float]]:
        """Medians of the second and of the last quarter, by what is measured; nothing when it led
        for too short a time."""
        if len(self.readings) < _LEAST_READINGS:
            return {}
        quarter = len(self.readings) // 4
        early, late = self.readings[quarter : 2 * quarter], self.readings[-quarter:]
        found: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
        for name in ("memory_mb", "threads", "descriptors"):
            found[name] = (
                statistics.median(getattr(r, name) for r in early),
                statistics.median(getattr(r, name) for r in late),
            )
        return found
