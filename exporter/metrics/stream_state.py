"""What is known of one stream of one account, and how it changes: values without a clock or lock.

The rules are those of "What a failed poll does" in the README.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Literal, NamedTuple

import msgspec

from exporter.metrics import families
from exporter.metrics.text import Series, lines, number, series_name
from exporter.model.errors import REASONS, Reason
from exporter.model.limits import hold
from exporter.model.stream import Metric

Freshness = Literal["empty", "fresh", "held", "withdrawn"]

_INTERVALS_LATE = 2


class CoverageSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a stream's history was proven complete in Postgres, as of its last pass."""

    lag_seconds: float | None
    """From the newest proven instant to now; `onetrading_coverage_lag_seconds`."""
    gap_seconds: float | None
    """Not proven before that, of all scopes together; `onetrading_coverage_gap_seconds`."""
    progress_ratio: float | None
    """Proven share, 0 to 1; `onetrading_backfill_progress_ratio`."""


class StreamSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One stream of one account, for readiness, the status page and `/api/status`."""

    account: str
    stream: str
    tried: bool
    success: bool
    """Of the last pass; `onetrading_sync_success`."""
    permitted: bool
    """`onetrading_sync_permitted`"""
    freshness: Freshness
    """``empty``: nothing read yet. ``held``: shown, but of an older response than is due."""
    age_seconds: float | None
    """Of the values shown on `/metrics`."""
    interval_seconds: float
    hold_seconds: float
    """The age at which values are withdrawn."""
    last_success_at: datetime | None
    last_error: Reason | None
    """Of the last pass; null when it succeeded."""
    failing_since: datetime | None
    """The first of the failures in a row; null when the last pass succeeded."""
    coverage: CoverageSummary | None
    """Of history streams."""


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
    backfilled: bool = False
    """It has coverage."""
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
        return hold(timedelta(seconds=self.interval_s)).total_seconds()

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
        coverage = CoverageSummary(
            lag_seconds=_rounded(self.coverage.lag(at)),
            gap_seconds=_rounded(self.coverage.gap_s),
            progress_ratio=self.coverage.progress_ratio,
        )
        return StreamSummary(
            account=self.account,
            stream=self.stream,
            tried=self.tried,
            success=self.success,
            permitted=self.permitted,
            freshness=self.freshness(at),
            age_seconds=_rounded(None if self.good_at is None else at - self.good_at),
            interval_seconds=self.interval_s,
            hold_seconds=self.hold_s,
            last_success_at=_instant(self.last_success or None),
            last_error=self.last_error,
            failing_since=_instant(self.failing_since),
            coverage=coverage if self.backfilled else None,
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


def _rounded(value: float | None) -> float | None:
    """To the millisecond."""
    return None if value is None else round(value, 3)


def _instant(unix: float | None) -> datetime | None:
    """Aware UTC, to the millisecond."""
    return None if unix is None else datetime.fromtimestamp(round(unix, 3), UTC)
