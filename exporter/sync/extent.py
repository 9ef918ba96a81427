"""How much of what is required of a history is proven: what `record_coverage` exports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from exporter.model.stream import Partition
from exporter.model.window import Window, merge, seconds, subtract
from exporter.store import bookkeeping
from exporter.store.database import Connection


class Extent(NamedTuple):
    """Of all partitions of a stream together."""

    lag_s: float
    """From the newest proven instant to now, the worst of all partitions."""
    gap_s: float
    """Not proven before that, the sum of all."""
    progress_ratio: float


def read(
    connection: Connection,
    required: Callable[[Partition, datetime], datetime],
    wanted_from: Mapping[Partition, datetime],
    now: datetime,
) -> Extent:
    """As Postgres knows it. ``required``: from when on a partition is, if it is asked for from an
    instant on, which ``wanted_from`` tells of each."""
    found = []
    for partition, start in wanted_from.items():
        wanted = Window(required(partition, start), now)
        found.append((wanted.start, bookkeeping.covered(connection, partition, wanted)))
    return measure(found, now)


def measure(partitions: Iterable[tuple[datetime, Sequence[Window]]], now: datetime) -> Extent:
    """``partitions``: from when on each is required, and what is proven of it since."""
    lag_s = gap_s = covered_s = 0.0
    for required, proven in partitions:
        wanted = Window(required, now)
        covered = merge([part.intersect(wanted) for part in proven])
        newest = covered[-1].end if covered else wanted.start
        lag_s = max(lag_s, (now - newest).total_seconds())
        gap_s += seconds(subtract(Window(wanted.start, newest), covered))
        covered_s += seconds(covered)
    return Extent(lag_s, gap_s, covered_s / (covered_s + gap_s) if covered_s else 0.0)
