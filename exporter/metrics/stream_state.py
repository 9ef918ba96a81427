"""The state of one stream of one account: immutable values, without a clock or a lock.

What each event does to it. The first four columns are the freshness of the exported values before
the event, what stands below them is the freshness after it; `*`: the age of the values restarts;
`+`: only the time for which they are held does; `-`: no change; `?`: fresh if `success`,
else held. The others are flags.
`tests/metrics/test_stream_state.py` walks this table.

    event                   empty  fresh     held      withdrawn tried success permitted standing_by
    ----------------------  ------ --------- --------- --------- ----- ------- --------- -----------
    record_success          fresh* fresh*    fresh*    fresh*    yes   yes     yes       no
    show_samples            ?*     ?*        ?*        ?*        -     -       -         -
    record_failure          -      held      -         -         yes   no      -         no
    ... auth, permission    -      held      -         -         yes   no      no        no
    ... database            -      held+     held+     -         yes   no      -         no
    mark_tried              -      -         -         -         yes   -       -         -
    mark_standing_by        -      empty     empty     empty     yes   no      yes       yes
    record_backfill_error   -      -         -         -         -     -       -         -
    replace_samples         -      -         -         -         -     -       -         -
    older than 2 intervals  -      held      -         -         -     -       -         -
    older than hold_s       -      withdrawn withdrawn -         -     no      -         -

`success` as it is exported: a pass that succeeded long ago says nothing about one that never ends.
`held` values are exported although they are stale, `withdrawn` ones are not. A database failure
says nothing about the exchange: while Postgres is down, values stay, and tell their true age.
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
from exporter.metrics.text import Series, format_value, sample_lines, series_name
from exporter.model.errors import REASONS, Reason
from exporter.model.limits import hold
from exporter.model.stream import Metric

Freshness = Literal["empty", "fresh", "held", "withdrawn"]

_INTERVALS_FRESH = 2


class CoverageSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a stream's history was proven complete in Postgres, as of its last pass."""

    lag_seconds: float | None
    """From the newest proven instant to now: `onetrading_coverage_lag_seconds`."""
    gap_seconds: float | None
    """Not proven before that, over all scopes: `onetrading_coverage_gap_seconds`."""
    progress_ratio: float | None
    """Proven share, 0 to 1: `onetrading_backfill_progress_ratio`."""


class StreamSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One stream of one account, for readiness, the status page and `/api/status`."""

    account: str
    stream: str
    tried: bool
    success: bool
    """Of the last pass, unless the next is long overdue: `onetrading_sync_success`."""
    permitted: bool
    """`onetrading_sync_permitted`"""
    standing_by: bool
    """Another process holds the lease of the account: this one neither reads nor exports it."""
    freshness: Freshness
    """``empty``: no values yet; ``fresh``; ``held``: stale, still exported; ``withdrawn``."""
    age_seconds: float | None
    """Of the values last read; null before there are any."""
    interval_seconds: float
    hold_seconds: float
    """The age at which values are withdrawn."""
    last_success_at: datetime | None
    last_error: Reason | None
    """Of the last pass; null if it succeeded."""
    failing_since: datetime | None
    """The first of the current consecutive failures; null if the last pass succeeded."""
    error_since: datetime | None = None
    """The first of them since when all had the reason ``last_error``."""
    coverage: CoverageSummary | None
    """Null except for history streams."""


class MeasuredCoverage(NamedTuple):
    """How much history was proven complete at monotonic time ``at``; None: not known."""

    lag_s: float | None = None
    gap_s: float | None = None
    progress_ratio: float | None = None
    at: float = 0.0
    scopes_refused: int | None = None

    def lag(self, at: float) -> float | None:
        """Grows with the clock, so that a sync that has stopped does not freeze its own lag."""
        return None if self.lag_s is None else self.lag_s + (at - self.at)


@dataclass(frozen=True)
class StreamState:
    """Replaced as a whole, never mutated: readers need no lock.

    ``at`` is monotonic time, ``now`` Unix time, both in seconds.
    """

    account: str
    stream: str
    interval_s: float
    backfilled: bool = False
    """Whether it has coverage."""
    partitioned: bool = False
    """Whether it is read for each instrument by itself."""
    chunks: Mapping[str, bytes] = field(default_factory=dict)
    """The last good response as sample lines, by family."""
    shared: Mapping[str, Series] = field(default_factory=dict)
    """The same for families of several streams, among which series must be unique."""
    good_at: float | None = None
    """The age of the exported values counts from here."""
    held_at: float | None = None
    """The time until they are withdrawn counts from here: the same, or later."""
    tried: bool = False
    success: bool = False
    permitted: bool = True
    standing_by: bool = False
    last_success: float = 0.0
    """Unix time."""
    succeeded_at: float | None = None
    """The same by the monotonic clock; None while this process does not read the stream."""
    last_error: Reason | None = None
    failing_since: float | None = None
    """Unix time."""
    error_since: float | None = None
    """The same of failures for the reason of the last one only."""
    errors: Mapping[Reason, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    duplicates: int = 0
    coverage: MeasuredCoverage = field(default_factory=MeasuredCoverage)

    def record_success(self, at: float, now: float) -> StreamState:
        """After a good response; its samples follow with `replace_samples`."""
        return replace(
            self,
            good_at=at,
            held_at=at,
            succeeded_at=at,
            tried=True,
            success=True,
            permitted=True,
            standing_by=False,
            last_success=now,
            last_error=None,
            failing_since=None,
            error_since=None,
        )

    def show_samples(self, at: float) -> StreamState:
        """In a pass that is not over yet; the samples follow with `replace_samples`."""
        return replace(self, good_at=at, held_at=at, success=self.succeeding(at))

    def record_failure(self, reason: Reason, at: float, now: float) -> StreamState:
        """After a pass without a good response: the values stay as they are."""
        renewed = reason == "database" and self.exported(at)
        return replace(
            self,
            held_at=at if renewed else self.held_at,
            tried=True,
            success=False,
            permitted=self.permitted and reason not in ("auth", "permission"),
            standing_by=False,
            last_error=reason,
            failing_since=now if self.failing_since is None else self.failing_since,
            error_since=self.error_since if reason == self.last_error else now,
            errors=self._counted(reason),
        )

    def mark_tried(self) -> StreamState:
        """After a turn in which no request could be sent yet."""
        return replace(self, tried=True)

    def mark_standing_by(self) -> StreamState:
        """After a turn that is another process's, which says now how the stream is."""
        return replace(
            self,
            tried=True,
            success=False,
            permitted=True,
            standing_by=True,
            good_at=None,
            held_at=None,
            succeeded_at=None,
            chunks={},
            shared={},
            last_error=None,
            failing_since=None,
            error_since=None,
            coverage=MeasuredCoverage(),
        )

    def record_backfill_error(self, reason: Reason) -> StreamState:
        """The error is counted; it says nothing about the polls."""
        return replace(self, errors=self._counted(reason))

    def replace_samples(
        self, own: Mapping[str, Series], shared: Mapping[str, Series], duplicates: int
    ) -> StreamState:
        """Export these samples instead, of which ``duplicates`` were dropped."""
        return replace(
            self,
            chunks={name: sample_lines(series) for name, series in own.items()},
            shared=shared,
            duplicates=self.duplicates + duplicates,
        )

    def _counted(self, reason: Reason) -> Mapping[Reason, int]:
        return {**self.errors, reason: self.errors[reason] + 1}

    @property
    def hold_s(self) -> float:
        """The age at which values are withdrawn."""
        return hold(timedelta(seconds=self.interval_s)).total_seconds()

    def freshness(self, at: float) -> Freshness:
        """Whether there are values, whether they are stale, whether too stale to be exported."""
        if self.good_at is None or self.held_at is None:
            return "empty"
        if at - self.held_at > self.hold_s:
            return "withdrawn"
        young = at - self.good_at <= _INTERVALS_FRESH * self.interval_s
        return "fresh" if self.success and young else "held"

    def succeeding(self, at: float) -> bool:
        """Whether the last pass succeeded, and is not so long ago that the next must be stuck."""
        return self.success and self.freshness(at) != "withdrawn"

    def exported(self, at: float) -> bool:
        """Whether the values are on `/metrics`."""
        return self.freshness(at) in ("fresh", "held")

    def summary(self, at: float) -> StreamSummary:
        """The state as of ``at``."""
        coverage = CoverageSummary(
            lag_seconds=_rounded(self.coverage.lag(at)),
            gap_seconds=_rounded(self.coverage.gap_s),
            progress_ratio=self.coverage.progress_ratio,
        )
        return StreamSummary(
            account=self.account,
            stream=self.stream,
            tried=self.tried,
            success=self.succeeding(at),
            permitted=self.permitted,
            standing_by=self.standing_by,
            freshness=self.freshness(at),
            age_seconds=_rounded(None if self.good_at is None else max(at - self.good_at, 0.0)),
            interval_seconds=self.interval_s,
            hold_seconds=self.hold_s,
            last_success_at=instant(self.last_success) if self.last_success else None,
            last_error=self.last_error,
            failing_since=None if self.failing_since is None else instant(self.failing_since),
            error_since=None if self.error_since is None else instant(self.error_since),
            coverage=coverage if self.backfilled else None,
        )

    def sync_chunks(self, at: float) -> Iterator[tuple[str, bytes]]:
        """Sample lines of the families about the sync, as pairs of family name and lines."""
        yield from self._steady
        yield self._line(families.SYNC_SUCCESS, self.succeeding(at))
        yield self._line(families.SYNC_HELD, self.freshness(at) == "held")
        if self.succeeded_at is not None:
            # A pass may succeed between the moment ``at`` and this line.
            age_s = max(at - self.succeeded_at, 0.0)
            yield self._line(families.SYNC_AGE, round(age_s, 3))
        lag = self.coverage.lag(at)
        if lag is not None:
            yield self._line(families.COVERAGE_LAG, lag)

    @cached_property
    def _steady(self) -> tuple[tuple[str, bytes], ...]:
        """What does not change with the clock: rendered once, at the first scrape of a state."""
        values: dict[Metric, float | None] = {
            families.SYNC_LAST_SUCCESS: self.last_success,
            families.SYNC_INTERVAL: self.interval_s,
            families.SYNC_PERMITTED: self.permitted,
            families.DUPLICATES: self.duplicates,
            families.COVERAGE_GAP: self.coverage.gap_s,
            families.BACKFILL_PROGRESS: self.coverage.progress_ratio,
            families.SCOPES_REFUSED: self.coverage.scopes_refused if self.partitioned else None,
        }
        errors = [self._line(families.SYNC_ERRORS, n, reason) for reason, n in self.errors.items()]
        known = [self._line(metric, v) for metric, v in values.items() if v is not None]
        return (*known, (families.SYNC_ERRORS.name, b"".join(line for _, line in errors)))

    def _line(self, metric: Metric, value: Decimal | float, *labels: str) -> tuple[str, bytes]:
        name = series_name(metric.name, metric.labels, (self.account, self.stream, *labels))
        text = format_value(value)
        return metric.name, b"" if text is None else sample_lines({name: text})


def _rounded(value: float | None) -> float | None:
    """To the millisecond."""
    return None if value is None else round(value, 3)


def instant(unix: float) -> datetime:
    """Unix time as aware UTC, to the millisecond."""
    return datetime.fromtimestamp(round(unix, 3), UTC)
