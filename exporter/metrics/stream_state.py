"""What is known of one stream of one account, and how it changes: values without a clock or lock.

The rules are those of "What a failed poll does" in the README.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Literal, NamedTuple

from exporter.metrics import families
from exporter.metrics.text import Series, lines, number, series_name
from exporter.model.errors import REASONS, Reason
from exporter.model.stream import Metric

Freshness = Literal["empty", "fresh", "held", "withdrawn"]

_SHORTEST_HOLD_S = 60.0
_INTERVALS_HELD = 3
_INTERVALS_LATE = 2


class StreamSummary(NamedTuple):
    """One stream of one account, for readiness and the status page. Times are in seconds."""

    account: str
    stream: str
    tried: bool
    success: bool
    permitted: bool
    freshness: Freshness
    """``empty``: no answer yet. ``held``: shown, but of an older answer than is due."""
    last_success: float | None
    """Unix time."""
    age_s: float | None
    """Since the last good answer."""
    interval_s: float
    hold_s: float
    """The age at which values are withdrawn."""
    last_error: Reason | None
    """Of the last pass; None when it succeeded."""
    failing_since: float | None
    """Unix time of the first of the failures in a row; None when the last pass succeeded."""
    lag_s: float | None
    gap_s: float | None
    progress_ratio: float | None


class MeasuredCoverage(NamedTuple):
    """How much history was proven complete at monotonic time ``at``; None is not known."""

    lag_s: float | None = None
    gap_s: float | None = None
    progress_ratio: float | None = None
    at: float = 0.0

    def lag(self, at: float) -> float | None:
        """Grows with the clock, so that a sync that stands still does not freeze its own lag."""
        return None if self.lag_s is None else self.lag_s + (at - self.at)


@dataclass(frozen=True)
class StreamState:
    """Replaced as a whole, never changed: who reads it needs no lock. ``at`` is monotonic time."""

    account: str
    stream: str
    interval_s: float
    chunks: Mapping[str, bytes] = field(default_factory=dict)
    """The last good answer, written, by family."""
    shared: Mapping[str, Series] = field(default_factory=dict)
    """The same for families that several streams show; the board compares them."""
    good_at: float | None = None
    """The age of what is shown counts from here."""
    tried: bool = False
    success: bool = False
    permitted: bool = True
    last_success: float = 0.0
    last_error: Reason | None = None
    failing_since: float | None = None
    """Unix time."""
    errors: Mapping[Reason, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    duplicates: int = 0
    coverage: MeasuredCoverage = field(default_factory=MeasuredCoverage)

    def succeeded(self, at: float, now: float) -> StreamState:
        """A good answer; the caller puts its samples in."""
        return replace(
            self,
            good_at=at,
            tried=True,
            success=True,
            permitted=True,
            last_success=now,
            last_error=None,
            failing_since=None,
        )

    def failed(self, reason: Reason, at: float, now: float) -> StreamState:
        """No value changes. `database` says nothing about the values' age: it starts it again."""
        renewed = reason == "database" and self.shown(at)
        return replace(
            self,
            good_at=at if renewed else self.good_at,
            tried=True,
            success=False,
            permitted=self.permitted and reason not in ("auth", "permission"),
            last_error=reason,
            failing_since=now if self.failing_since is None else self.failing_since,
            errors={**self.errors, reason: self.errors[reason] + 1},
        )

    def waited(self) -> StreamState:
        """The stream had its turn, but something else must come first."""
        return replace(self, tried=True)

    def erred(self, reason: Reason) -> StreamState:
        """Something beside the polls failed: counted, and nothing else changes."""
        return replace(self, errors={**self.errors, reason: self.errors[reason] + 1})

    @property
    def hold_s(self) -> float:
        """The age at which values are withdrawn."""
        return max(_INTERVALS_HELD * self.interval_s, _SHORTEST_HOLD_S)

    def freshness(self, at: float) -> Freshness:
        """How good the values are."""
        if self.good_at is None:
            return "empty"
        age = at - self.good_at
        if age > self.hold_s:
            return "withdrawn"
        return "fresh" if self.success and age <= _INTERVALS_LATE * self.interval_s else "held"

    def shown(self, at: float) -> bool:
        """Whether the values may still be seen."""
        return self.freshness(at) in ("fresh", "held")

    def summary(self, at: float) -> StreamSummary:
        """What people want to know of it."""
        return StreamSummary(
            self.account,
            self.stream,
            tried=self.tried,
            success=self.success,
            permitted=self.permitted,
            freshness=self.freshness(at),
            last_success=self.last_success or None,
            age_s=None if self.good_at is None else at - self.good_at,
            interval_s=self.interval_s,
            hold_s=self.hold_s,
            last_error=self.last_error,
            failing_since=self.failing_since,
            lag_s=self.coverage.lag(at),
            gap_s=self.coverage.gap_s,
            progress_ratio=self.coverage.progress_ratio,
        )

    def own_chunks(self, at: float) -> Iterator[tuple[str, bytes]]:
        """The `onetrading_sync_*` families of this stream and account."""
        yield from self._steady
        yield self._line(families.SYNC_HELD, self.freshness(at) == "held")
        lag = self.coverage.lag(at)
        if lag is not None:
            yield self._line(families.COVERAGE_LAG, lag)

    @cached_property
    def _steady(self) -> tuple[tuple[str, bytes], ...]:
        """What does not change with the clock; written once for each state, at its first scrape."""
        values: dict[Metric, float | None] = {
            families.SYNC_SUCCESS: self.success,
            families.SYNC_LAST_SUCCESS: self.last_success,
            families.SYNC_INTERVAL: self.interval_s,
            families.SYNC_PERMITTED: self.permitted,
            families.DUPLICATES: self.duplicates,
            families.COVERAGE_GAP: self.coverage.gap_s,
            families.BACKFILL_PROGRESS: self.coverage.progress_ratio,
        }
        errors = [self._line(families.SYNC_ERRORS, n, reason) for reason, n in self.errors.items()]
        known = [self._line(metric, v) for metric, v in values.items() if v is not None]
        return (*known, (families.SYNC_ERRORS.name, b"".join(text for _, text in errors)))

    def _line(self, metric: Metric, value: Decimal | float, *labels: str) -> tuple[str, bytes]:
        name = series_name(metric.name, metric.labels, (self.account, self.stream, *labels))
        written = number(value)
        return metric.name, b"" if written is None else lines({name: written})
