"""The chart of coverage timelines: where its bars are drawn, and the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

from exporter.status.humanize import duration, minute
from exporter.status.report import Proven, Report, Segment, StreamReport

_WIDTH = 1000.0
_MIN_WIDTH = 3.0
"""A gap of a minute in a year must still be visible."""
_NORMAL_TAIL = timedelta(minutes=15)
"""The time since the last pass is never proven yet; it is not a gap."""
_GAPS_IN_WORDS = 3
# Height and colour say the same: complete is full, partial half, missing a line at the bottom.
_SHAPES: dict[Proven, tuple[float, float]] = {
    "all": (0.0, 18.0),
    "some": (9.0, 9.0),
    "none": (15.0, 3.0),
}
_DRAWING_ORDER: tuple[Proven, ...] = ("all", "some", "none")
_WORDS: dict[Proven, str] = {
    "all": "proven complete",
    "some": "proven for some instruments",
    "none": "not proven",
}


class CoverageBar(NamedTuple):
    """A rectangle of a timeline, in the units of its view box of 1000 x 18."""

    proven: Proven
    x: float
    y: float
    width: float
    height: float
    title: str


class HistoryRow(NamedTuple):
    """The timeline of one stream of one account."""

    stream: StreamReport
    bars: list[CoverageBar]
    gaps: list[Segment]
    missing: str
    """The total length of the gaps."""
    not_permitted: bool
    """Nothing is proven, and the token may not read the stream."""
    description: str
    """The timeline in words, for people who cannot see it."""


class HistoryChart(NamedTuple):
    """All timelines on one axis."""

    rows: list[HistoryRow]
    start: datetime | None = None
    end: datetime | None = None
    dates: tuple[str, ...] = ()
    """The labels of the axis, one for the start of each quarter."""


def history_chart(report: Report) -> HistoryChart:
    """The timelines of a report, from its earliest required instant to now."""
    lines = [
        (stream, stream.coverage.segments)
        for stream in report.streams
        if stream.coverage is not None and stream.coverage.segments
    ]
    if not lines:
        return HistoryChart([])
    start = min(segments[0].start for _, segments in lines)
    end = max(segments[-1].end for _, segments in lines)
    rows = [_row(stream, segments, start, end) for stream, segments in lines]
    return HistoryChart(rows, start, end, _dates(start, end))


def _row(
    stream: StreamReport, segments: Sequence[Segment], start: datetime, end: datetime
) -> HistoryRow:
    tail = _tail(stream, segments)
    gaps = [s for s in segments if s.proven != "all" and s not in tail]
    # What is missing is drawn last, so that a narrow gap lies on top.
    order = sorted(segments, key=lambda s: _DRAWING_ORDER.index(s.proven))
    return HistoryRow(
        stream,
        bars=[_bar(s, start, end, widen=s in gaps) for s in order if s not in tail],
        gaps=gaps,
        missing=duration(sum((gap.end - gap.start for gap in gaps), timedelta())),
        not_permitted=not stream.permitted and all(s.proven == "none" for s in segments),
        description=_description(stream, segments[0].start, gaps),
    )


def _tail(stream: StreamReport, segments: Sequence[Segment]) -> list[Segment]:
    """The unproven end: instruments that are requested one by one are proven to different times."""
    normal = max(_NORMAL_TAIL, timedelta(seconds=3 * stream.interval_seconds))
    since = segments[-1].end - normal
    unproven = takewhile(lambda s: s.proven != "all", reversed(segments))
    return [segment for segment in unproven if segment.start >= since]


def _bar(segment: Segment, start: datetime, end: datetime, *, widen: bool) -> CoverageBar:
    span = (end - start) / timedelta(seconds=1) or 1.0
    x = _WIDTH * ((segment.start - start) / timedelta(seconds=1)) / span
    width = _WIDTH * ((segment.end - segment.start) / timedelta(seconds=1)) / span
    if widen and width < _MIN_WIDTH:
        x, width = min(x, _WIDTH - _MIN_WIDTH), _MIN_WIDTH
    y, height = _SHAPES[segment.proven]
    title = f"{_WORDS[segment.proven]}: {minute(segment.start)} to {minute(segment.end)} UTC"
    return CoverageBar(segment.proven, round(x, 2), y, round(width, 2), height, title)


def _description(stream: StreamReport, start: datetime, gaps: Sequence[Segment]) -> str:
    subject = f"{stream.stream} of {stream.account} since {minute(start)} UTC"
    if not gaps:
        return f"{subject}: proven complete"
    listed = ", ".join(f"{minute(g.start)} to {minute(g.end)}" for g in gaps[-_GAPS_IN_WORDS:])
    hidden = len(gaps) - _GAPS_IN_WORDS
    more = f" and {hidden} more" if hidden > 0 else ""
    return f"{subject}: not proven complete {listed}{more}"


def _dates(start: datetime, end: datetime) -> tuple[str, ...]:
    shape = "%Y-%m-%d" if end - start >= timedelta(days=8) else "%m-%d %H:%M"
    return tuple(f"{start + (end - start) * n / 4:{shape}}" for n in range(4))
