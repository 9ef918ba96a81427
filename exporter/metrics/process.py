"""What prometheus_client exports of a process and of Python's garbage collector, to the letter.

Read at each scrape, by as few system calls as possible: with each of them this thread gives up the
interpreter, and may wait for it behind threads that load history.
"""

from __future__ import annotations

import gc
import os
import platform
import resource
import weakref
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from exporter.metrics.families import Family
from exporter.metrics.instruments import go_float
from exporter.metrics.text import FamilyHeader, family_header, series_name

_MEMORY = Family("process_virtual_memory_bytes", "gauge", (), "Virtual memory size in bytes.")
_RESIDENT = Family("process_resident_memory_bytes", "gauge", (), "Resident memory size in bytes.")
_START = Family(
    "process_start_time_seconds",
    "gauge",
    (),
    "Start time of the process since unix epoch in seconds.",
)
_CPU = Family(
    "process_cpu_seconds_total",
    "counter",
    (),
    "Total user and system CPU time spent in seconds.",
)
_OPEN_FDS = Family("process_open_fds", "gauge", (), "Number of open file descriptors.")
_MAX_FDS = Family("process_max_fds", "gauge", (), "Maximum number of open file descriptors.")
_COLLECTED = Family(
    "python_gc_objects_collected_total",
    "counter",
    ("generation",),
    "Objects collected during gc",
)
_UNCOLLECTABLE = Family(
    "python_gc_objects_uncollectable_total",
    "counter",
    ("generation",),
    "Uncollectable objects found during GC",
)
_COLLECTIONS = Family(
    "python_gc_collections_total",
    "counter",
    ("generation",),
    "Number of times this generation was collected",
)
_GENERATIONS = (
    (_COLLECTED, "collected"),
    (_UNCOLLECTABLE, "uncollectable"),
    (_COLLECTIONS, "collections"),
)

_ENOUGH = 4096
"""Bytes: more than /proc/self/stat has."""

Lines = tuple[FamilyHeader, bytes]
"""The opening of a family and its samples."""


class Process:
    """This process, as /proc tells; nothing where there is none."""

    def __init__(self) -> None:
        self._headers = {
            family: family_header(family)
            for family in (
                _MEMORY,
                _RESIDENT,
                _START,
                _CPU,
                _OPEN_FDS,
                _MAX_FDS,
                *(family for family, _ in _GENERATIONS),
            )
        }
        self._ticks = os.sysconf("SC_CLK_TCK")
        self._page = resource.getpagesize()
        self._booted = _boot_time()
        if self._booted:
            # Kept open: each reading tells the present.
            self._stat = os.open("/proc/self/stat", os.O_RDONLY | os.O_CLOEXEC)
            weakref.finalize(self, os.close, self._stat)

    def families(self) -> Iterable[Lines]:
        """Each family, as of now."""
        found: list[tuple[Family, float]] = []
        if self._booted:
            with suppress(OSError):
                found += self._from_stat()
            with suppress(OSError):
                found += [(_OPEN_FDS, _open_files()), (_MAX_FDS, _most_files())]
        for family, value in found:
            yield self._headers[family], _line(family.name, (), (), value)
        if platform.python_implementation() == "CPython":
            stats = gc.get_stats()
            for family, key in _GENERATIONS:
                values = [stat[key] for stat in stats]
                yield self._headers[family], b"".join(_by_generation(family, values))

    def _from_stat(self) -> list[tuple[Family, float]]:
        """proc(5): fields 14, 15 (ticks), 22 (ticks since boot), 23 (bytes), 24 (pages)."""
        # A command's name may hold anything, spaces and parentheses included.
        fields = os.pread(self._stat, _ENOUGH, 0).rpartition(b")")[2].split()
        ticks = self._ticks
        return [
            (_MEMORY, float(fields[20])),
            (_RESIDENT, float(fields[21]) * self._page),
            (_START, float(fields[19]) / ticks + self._booted),
            (_CPU, float(fields[11]) / ticks + float(fields[12]) / ticks),
        ]


def _by_generation(family: Family, values: Sequence[int]) -> Iterable[bytes]:
    for generation, value in enumerate(values):
        yield _line(family.name, family.labels, (str(generation),), float(value))


def _line(name: str, labels: Sequence[str], values: Sequence[str], value: float) -> bytes:
    return f"{series_name(name, labels, values)} {go_float(value)}\n".encode()


def _boot_time() -> float:
    """Unix time; 0 where it cannot be read."""
    with suppress(OSError):
        for line in Path("/proc/stat").read_bytes().splitlines():
            if line.startswith(b"btime "):
                return float(line.split()[1])
    return 0.0


def _open_files() -> float:
    # Since Linux 6.2 it is the size of the directory; reading it takes a call for each.
    folder = Path("/proc/self/fd")
    return float(folder.stat().st_size or len(list(folder.iterdir())))


def _most_files() -> float:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return float("inf") if soft == resource.RLIM_INFINITY else float(soft)
