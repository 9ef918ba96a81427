"""Coverage as a line of segments: what is proven for all scopes, for some, for none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from exporter.model.window import Window, merge, subtract
from exporter.status.report import Proven, Segment

MAX_SEGMENTS = 400
_RANK: dict[Proven, int] = {"all": 0, "some": 1, "none": 2}


def segments(
    required: Window, by_all: Sequence[Window], by_any: Sequence[Window], limit: int = MAX_SEGMENTS
) -> tuple[Segment, ...]:
    """Cut ``required`` where what is proven changes; oldest first, without gap or overlap.

    ``by_all``, ``by_any``: what is proven for every scope, and for at least one. More than
    ``limit`` segments are made coarser, towards less proven, never towards more.
    """
    if required.empty:
        return ()
    complete = _within(required, by_all)
    some = [part for window in _within(required, by_any) for part in subtract(window, complete)]
    none = subtract(required, [*complete, *some])
    parts: list[tuple[Window, Proven]] = [
        *((window, "all") for window in complete),
        *((window, "some") for window in some),
        *((window, "none") for window in none),
    ]
    exact = tuple(Segment(window.start, window.end, proven) for window, proven in sorted(parts))
    return exact if len(exact) <= limit else tuple(_merged(_slots(exact, required, limit)))


def _within(required: Window, windows: Iterable[Window]) -> list[Window]:
    return merge(window.intersect(required) for window in windows)


def _slots(exact: Sequence[Segment], required: Window, count: int) -> Iterator[Segment]:
    """Slots of equal length, each as little proven as the least proven segment that it touches."""
    edges = [required.start + required.span * n / count for n in range(count)] + [required.end]
    at = 0
    for start, end in pairwise(edges):
        worst: Proven = "all"
        while True:
            worst = max(worst, exact[at].proven, key=_RANK.__getitem__)
            if exact[at].end >= end:
                break
            at += 1
        if exact[at].end == end and at + 1 < len(exact):
            at += 1
        if start < end:
            yield Segment(start, end, worst)


def _merged(parts: Iterable[Segment]) -> Iterator[Segment]:
    """Adjacent segments that are equally proven as one."""
    last: Segment | None = None
    for segment in parts:
        if last is not None and last.proven == segment.proven:
            last = Segment(last.start, segment.end, last.proven)
            continue
        if last is not None:
            yield last
        last = segment
    if last is not None:
        yield last
