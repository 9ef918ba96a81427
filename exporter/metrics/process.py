"""The process itself and Python's garbage collector: the families that every Python exporter has.

Byte for byte those of prometheus_client, which reads whole files for them, and lists a directory,
at each scrape: wherever a thread waits for the system, one that computes takes over, and the scrape
waits for its turn. Here it is one short read, and a question to the system for each limit.

Sources: proc_pid_stat(5), proc_pid_fd(5), `gc.get_stats`.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from exporter.metrics.families import Family
from exporter.metrics.text import FamilyHeader, family_header, go_float

VIRTUAL_MEMORY = Family(
    "process_virtual_memory_bytes", "gauge", (), "Virtual memory size in bytes."
)
RESIDENT_MEMORY = Family(
    "process_resident_memory_bytes", "gauge", (), "Resident memory size in bytes."
)
START_TIME = Family(
    "process_start_time_seconds",
    "gauge",
    (),
    "Start time of the process since unix epoch in seconds.",
)
CPU = Family(
    "process_cpu_seconds_total", "counter", (), "Total user and system CPU time spent in seconds."
)
OPEN_FDS = Family("process_open_fds", "gauge", (), "Number of open file descriptors.")
MAX_FDS = Family("process_max_fds", "gauge", (), "Maximum number of open file descriptors.")
_GENERATION = ("generation",)
COLLECTED = Family(
    "python_gc_objects_collected_total", "counter", _GENERATION, "Objects collected during gc"
)
UNCOLLECTABLE = Family(
    "python_gc_objects_uncollectable_total",
    "counter",
    _GENERATION,
    "Uncollectable objects found during GC",
)
COLLECTIONS = Family(
    "python_gc_collections_total",
    "counter",
    _GENERATION,
    "Number of times this generation was collected",
)

_STAT: Final = "/proc/self/stat"
_BOOT: Final = "/proc/stat"
_FDS: Final = "/proc/self/fd"


class _Stat(NamedTuple):
    """What proc_pid_stat(5) numbers 14, 15, 22, 23 and 24."""

    user_ticks: float
    system_ticks: float
    started_ticks: float
    virtual_bytes: float
    resident_pages: float


class Process:
    """Writes the families of the process and of Python; where a system has no /proc, of the latter.

    Other interpreters than CPython tell nothing of their garbage collector.
    """

    def __init__(self) -> None:
        self._booted = _boot_time()
        self._ticks = float(os.sysconf("SC_CLK_TCK")) if self._booted else 100.0
        self._page = os.sysconf("SC_PAGE_SIZE") if self._booted else 4096
        process = (VIRTUAL_MEMORY, RESIDENT_MEMORY, START_TIME, CPU, OPEN_FDS, MAX_FDS)
        python = (COLLECTED, UNCOLLECTABLE, COLLECTIONS)
        self._headers = {family: family_header(family) for family in (*process, *python)}

    def families(self) -> Iterator[tuple[FamilyHeader, bytes]]:
        """The opening of each family and its sample lines, as of now."""
        readings: list[tuple[Family, float]] = []
        for read in (self._usage, _descriptors) if self._booted else ():
            with suppress(OSError):
                readings += read()
        for family, value in readings:
            yield self._headers[family], f"{family.name} {go_float(value)}\n".encode()
        if sys.implementation.name == "cpython":
            statistics = gc.get_stats()
            for family, of in (
                (COLLECTED, "collected"),
                (UNCOLLECTABLE, "uncollectable"),
                (COLLECTIONS, "collections"),
            ):
                yield self._headers[family], _by_generation(family, [s[of] for s in statistics])

    def _usage(self) -> list[tuple[Family, float]]:
        stat = _read_stat()
        return [
            (VIRTUAL_MEMORY, stat.virtual_bytes),
            (RESIDENT_MEMORY, stat.resident_pages * self._page),
            (START_TIME, stat.started_ticks / self._ticks + self._booted),
            (CPU, stat.user_ticks / self._ticks + stat.system_ticks / self._ticks),
        ]


def _descriptors() -> list[tuple[Family, float]]:
    """Those that are open, without any that counting takes."""
    # Linux tells their number as the size of the directory since 6.2. Before, it has to be listed.
    directory = Path(_FDS)
    count = directory.stat().st_size or len(list(directory.iterdir())) - 1
    return [(OPEN_FDS, count), (MAX_FDS, resource.getrlimit(resource.RLIMIT_NOFILE)[0])]


def _read_stat() -> _Stat:
    # Unbuffered, in one read: a buffered file asks the system five times more.
    descriptor = os.open(_STAT, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # The second field, in parentheses, is a name that may contain any character.
        fields = os.read(descriptor, 4096).rpartition(b")")[2].split()
    finally:
        os.close(descriptor)
    return _Stat(*[float(fields[number - 3]) for number in (14, 15, 22, 23, 24)])


def _boot_time() -> float:
    """When the system was started, in Unix seconds; 0 where /proc does not tell."""
    with suppress(OSError), Path(_BOOT).open("rb") as stat:
        for line in stat:
            if line.startswith(b"btime "):
                return float(line.split()[1])
    return 0.0


def _by_generation(family: Family, values: Sequence[float]) -> bytes:
    lines = [
        f'{family.name}{{generation="{generation}"}} {go_float(value)}\n'
        for generation, value in enumerate(values)
    ]
    return "".join(lines).encode()
