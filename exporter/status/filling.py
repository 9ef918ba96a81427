"""About how long the history that is missing still takes, by how fast it has become less."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple

from exporter.status.report import StreamReport

_LEAST_APART_S = 5.0
_LOOK_BACK_S = 600.0
"""A pause or a burst from before then says nothing about now."""
_LEAST_SPAN_S = 10.0


class _Sample(NamedTuple):
    at: float
    missing_s: Mapping[str, float]


class Filling:
    """Remembers how much history was missing when reports were built. Safe to use from any thread:
    two reports at once may both add a sample, or neither."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque(maxlen=int(_LOOK_BACK_S / _LEAST_APART_S) + 1)

    def left_s(self, missing_s: Mapping[str, float], at: float) -> float | None:
        """Seconds until nothing is missing, by account: each has a budget of its own, so the one
        that takes longest counts. None: nothing is missing, or it is not known.

        ``missing_s``: seconds of history, by account; ``at``: monotonic time in seconds.
        """
        known = [sample for sample in self._samples if at - sample.at <= _LOOK_BACK_S]
        if not known or at - known[-1].at >= _LEAST_APART_S:
            self._samples.append(_Sample(at, missing_s))
        if not known or at - known[0].at < _LEAST_SPAN_S:
            return None
        left = [
            _left_s(known[0].missing_s.get(account), now_s, at - known[0].at)
            for account, now_s in missing_s.items()
            if now_s > 0
        ]
        # Of one that stands still nobody knows; a sum of the others would be a promise.
        known_left = [seconds for seconds in left if seconds is not None]
        return max(known_left) if left and len(known_left) == len(left) else None


def _left_s(before_s: float | None, now_s: float, span_s: float) -> float | None:
    if before_s is None or before_s <= now_s:
        return None
    return now_s * span_s / (before_s - now_s)


def missing_history_s(streams: Iterable[StreamReport]) -> dict[str, float]:
    """Seconds of history that are not proven, by account, of what the token may read."""
    missing: dict[str, float] = {}
    for stream in streams:
        coverage = stream.coverage
        if coverage is None or not stream.permitted or coverage.proven_ratio is None:
            continue
        if coverage.required_from is None or coverage.settled_to is None:
            continue
        required_s = (coverage.settled_to - coverage.required_from) / timedelta(seconds=1)
        # What has happened since the last pass is missing always: that is no filling.
        lag_s = coverage.lag_seconds or 0.0
        gap_s = max(0.0, (1 - coverage.proven_ratio) * required_s - lag_s)
        missing[stream.account] = missing.get(stream.account, 0.0) + gap_s
    return missing
