"""The failures that were counted last, for people: a bounded list without texts.

What an error says can hold a part of an answer; what is kept here is its reason, of a closed set.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from exporter.model.errors import Reason

Lane = Literal["poll", "backfill"]
_LIMIT = 50


class ErrorRun(NamedTuple):
    """Failures of one stream for one reason, without a success in between. Unix times."""

    account: str
    stream: str
    lane: Lane
    reason: Reason
    times: int
    first_at: float
    last_at: float


class RecentErrors:
    """At most ``limit`` runs of failures, those that failed last. The owner's lock guards it."""

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._runs: dict[int, ErrorRun] = {}
        self._open: dict[tuple[str, str, Lane, Reason], int] = {}
        """Which run the next failure of this kind belongs to."""
        self._numbers = 0

    def add(self, account: str, stream: str, lane: Lane, reason: Reason, now: float) -> None:
        """A failure was counted."""
        key = (account, stream, lane, reason)
        before = self._runs.pop(self._open.get(key, 0), None)
        times, first_at = (1, now) if before is None else (before.times + 1, before.first_at)
        self._numbers += 1
        self._runs[self._numbers] = ErrorRun(*key, times, first_at, now)
        self._open[key] = self._numbers
        if len(self._runs) > self._limit:
            del self._runs[next(iter(self._runs))]

    def over(self, account: str, stream: str) -> None:
        """The stream succeeded: its next failure begins a run."""
        for key in [key for key in self._open if key[:2] == (account, stream)]:
            del self._open[key]

    def latest(self) -> list[ErrorRun]:
        """The one that failed last comes first."""
        return list(reversed(self._runs.values()))
