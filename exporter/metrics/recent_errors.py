"""The most recent failures, for people: a bounded list without any text of an error.

The text of an error can quote a part of a response; only its reason, of a closed set, is kept.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from exporter.model.errors import Reason

Lane = Literal["poll", "backfill"]
_LIMIT = 50


class ErrorRun(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive failures of one stream for one reason, without a success in between."""

    account: str
    stream: str
    lane: Lane
    reason: Reason
    times: int
    first_at: datetime
    last_at: datetime


class RecentErrors:
    """At most ``limit`` runs of failures, those that failed last. The owner's lock guards it."""

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._runs: dict[int, ErrorRun] = {}
        """By the number of its latest failure, the oldest first."""
        self._open: dict[tuple[str, str, Lane, Reason], int] = {}
        """The run that the next failure of this kind continues."""
        self._count = 0

    def add(self, account: str, stream: str, lane: Lane, reason: Reason, at: datetime) -> None:
        """Record a failure; ``at``: aware UTC."""
        key = (account, stream, lane, reason)
        before = self._runs.pop(self._open.get(key, 0), None)
        self._count += 1
        self._runs[self._count] = ErrorRun(
            account=account,
            stream=stream,
            lane=lane,
            reason=reason,
            times=1 if before is None else before.times + 1,
            first_at=at if before is None else before.first_at,
            last_at=at,
        )
        self._open[key] = self._count
        if len(self._runs) > self._limit:
            del self._runs[next(iter(self._runs))]

    def end_runs(self, account: str, stream: str) -> None:
        """The stream succeeded: its next failure begins a new run."""
        for key in [key for key in self._open if key[:2] == (account, stream)]:
            del self._open[key]

    def forget(self, account: str) -> None:
        """The account is not read any more."""
        self._runs = {number: run for number, run in self._runs.items() if run.account != account}
        self._open = {key: number for key, number in self._open.items() if key[0] != account}

    def latest(self) -> list[ErrorRun]:
        """The run that failed last comes first."""
        return list(reversed(self._runs.values()))
