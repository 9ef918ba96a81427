"""How late runs begin: what shows that a process has more to do than it can."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from threading import Lock

_SPAN_S = 60.0


class Lateness:
    """The latest beginnings of the last one to two minutes, by stream. Safe to use from any thread.

    Times are seconds of one steady clock.
    """

    def __init__(self, streams: Iterable[str] = ()) -> None:
        self._lock = Lock()
        self._since = 0.0
        self._before: dict[str, float] = {}
        self._latest: dict[str, float] = dict.fromkeys(streams, 0.0)

    def note(self, task: str, late_s: float, now: float) -> None:
        """A run of a task, `account/stream`, begins or waits so many seconds after it was due."""
        stream = task.partition("/")[2]
        if stream:
            with self._lock:
                self._keep(stream, late_s, now)

    def worst(self, waiting: Mapping[str, float], now: float) -> dict[str, float]:
        """Seconds by stream; of a stream that had no turn lately 0. ``waiting``: of what waits
        now, by stream."""
        with self._lock:
            self._turn(now)
            for stream, late_s in waiting.items():
                self._keep(stream, late_s, now)
            return {
                stream: max(late_s, self._before.get(stream, 0.0))
                for stream, late_s in self._latest.items()
            }

    def _keep(self, stream: str, late_s: float, now: float) -> None:
        self._turn(now)
        self._latest[stream] = max(self._latest.get(stream, 0.0), late_s, 0.0)

    def _turn(self, now: float) -> None:
        passed_s = now - self._since
        if passed_s < _SPAN_S:
            return
        none = dict.fromkeys(self._latest, 0.0)
        self._before = self._latest if passed_s < 2 * _SPAN_S else none
        self._latest, self._since = none, now
