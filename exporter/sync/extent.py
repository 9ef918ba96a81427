"""How much of what is required of a history is proven: what `record_coverage` exports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from exporter.model.window import Window, merge, seconds, subtract


class Extent(NamedTuple):
    """Of all partitions of a stream together."""

    lag_s: float
    """From the newest proven instant to now, the worst of all partitions."""
    gap_s: float
    """Not proven before that, the sum of all."""
    progress_ratio: float


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
