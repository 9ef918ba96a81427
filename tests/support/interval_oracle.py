"""Interval arithmetic by plain comparisons: an oracle that shares no code with `model.window`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

Span = tuple[datetime, datetime]
"""``[start, end)``; empty when it does not end after its start."""

_STEP = timedelta(microseconds=1)


def within(at: datetime, spans: Iterable[Span]) -> bool:
    """Whether a span contains the instant."""
    return any(start <= at < end for start, end in spans)


def union(spans: Sequence[Span]) -> list[Span]:
    """The union of the spans, in order and in as few spans as possible."""
    return _runs(spans, lambda at: within(at, spans))


def lacking(wanted: Span, spans: Sequence[Span]) -> list[Span]:
    """The parts of ``wanted`` that no other span contains."""
    return _runs([wanted, *spans], lambda at: within(at, [wanted]) and not within(at, spans))


def overlap(one: Span, others: Iterable[Span]) -> bool:
    """Whether ``one`` intersects another span."""
    return any(max(one[0], start) < min(one[1], end) for start, end in others)


def _runs(spans: Sequence[Span], holds: Callable[[datetime], bool]) -> list[Span]:
    """The spans in which ``holds`` is true; it may change only at the ends of ``spans``."""
    edges = sorted({edge for span in spans for edge in span})
    begins = [edge for edge in edges if holds(edge) and not holds(edge - _STEP)]
    ends = [edge for edge in edges if holds(edge - _STEP) and not holds(edge)]
    return list(zip(begins, ends, strict=True))
