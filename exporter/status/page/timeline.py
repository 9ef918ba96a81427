"""Where the bars of the coverage timelines are drawn, and what is said of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, NamedTuple

from exporter.status.wording import duration, minute

_WIDTH = 1000.0
_LEAST_WIDTH = 3.0
"""A gap of a minute in a year must still be seen."""
_NORMAL_TAIL = timedelta(minutes=15)
"""The time since the last pass is always open; it is no gap."""
# Height tells what colour tells: complete is full, partial half, missing a line at the bottom.
_SHAPES = {"all": (0.0, 18.0), "some": (9.0, 9.0), "none": (15.0, 3.0)}
_WORDS = {"all": "proven complete", "some": "proven for some instruments", "none": "not proven"}


class CoverageBar(NamedTuple):
    """A rectangle of a timeline, in the units of its view box of 1000 x 18."""

    proven: str
    x: float
    y: float
    width: float
    height: float
    title: str


class Row(NamedTuple):
    """The timeline of one stream of one account."""

    stream: Any
    bars: list[CoverageBar]
    gaps: list[Any]
    missing: str
    """How long the gaps are together."""
    forbidden: bool
    """Nothing is proven, and the token may not read it."""
    said: str
    """The same in words, for who cannot see it."""


class HistoryRow(NamedTuple):
    """All timelines on one axis."""

    rows: list[Row]
    start: datetime | None = None
    end: datetime | None = None
    dates: tuple[str, ...] = ()


def history(report: Any) -> HistoryRow:
    """The timelines of a report, from its earliest required instant to now."""
    streams = [s for s in report.streams if s.coverage is not None and s.coverage.segments]
    if not streams:
        return HistoryRow([])
    start = min(stream.coverage.required_from for stream in streams)
    end = max(stream.coverage.settled_to for stream in streams)
    rows = [_row(stream, start, end) for stream in streams]
    return HistoryRow(rows, start, end, _dates(start, end))


def _row(stream: Any, start: datetime, end: datetime) -> Row:
    segments = stream.coverage.segments
    tail = _tail(stream)
    gaps = [s for s in segments if s.proven != "all" and s not in tail]
    # What is missing is drawn last, so that a narrow gap lies on top.
    order = sorted(segments, key=lambda s: ("all", "some", "none").index(s.proven))
    bars = [_bar(s, start, end, s in gaps) for s in order if s not in tail]
    missing = duration(sum((gap.end - gap.start for gap in gaps), timedelta()))
    forbidden = not stream.permitted and all(s.proven == "none" for s in segments)
    return Row(stream, bars, gaps, missing, forbidden, _said(stream, gaps))


def _tail(stream: Any) -> list[Any]:
    """The last segments: instruments that are asked one by one are proven to different instants."""
    normal = max(_NORMAL_TAIL, timedelta(seconds=3 * stream.interval_seconds))
    since = stream.coverage.settled_to - normal
    last = takewhile(lambda s: s.proven != "all", reversed(stream.coverage.segments))
    return [segment for segment in last if segment.start >= since]


def _bar(segment: Any, start: datetime, end: datetime, widen: bool) -> CoverageBar:
    span = (end - start) / timedelta(seconds=1) or 1.0
    x = _WIDTH * ((segment.start - start) / timedelta(seconds=1)) / span
    width = _WIDTH * ((segment.end - segment.start) / timedelta(seconds=1)) / span
    if widen and width < _LEAST_WIDTH:
        x, width = min(x, _WIDTH - _LEAST_WIDTH), _LEAST_WIDTH
    y, height = _SHAPES[segment.proven]
    title = f"{_WORDS[segment.proven]}: {minute(segment.start)} to {minute(segment.end)} UTC"
    return CoverageBar(segment.proven, round(x, 2), y, round(width, 2), height, title)


def _said(stream: Any, gaps: list[Any]) -> str:
    covered = stream.coverage
    whole = f"{stream.stream} of {stream.account} from {minute(covered.required_from)} UTC on"
    if not gaps:
        return f"{whole}: proven complete"
    missing = ", ".join(f"{minute(gap.start)} to {minute(gap.end)}" for gap in gaps[-3:])
    more = f" and {len(gaps) - 3} more" if len(gaps) > 3 else ""
    return f"{whole}: not proven complete {missing}{more}"


def _dates(start: datetime, end: datetime) -> tuple[str, ...]:
    """The start of each quarter of the axis."""
    shape = "%Y-%m-%d" if end - start >= timedelta(days=8) else "%m-%d %H:%M"
    return tuple(f"{start + (end - start) * n / 4:{shape}}" for n in range(4))
