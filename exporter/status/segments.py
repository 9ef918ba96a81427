"""Coverage as a line of segments: what is proven for all scopes, for some, for none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from exporter.model.window import Window, merge, subtract
from exporter.status.report import Proven, Segment

MOST_SEGMENTS = 400
_RANK: dict[Proven, int] = {"all": 0, "some": 1, "none": 2}


def segments(
    required: Window, by_all: Sequence[Window], by_any: Sequence[Window], most: int = MOST_SEGMENTS
) -> tuple[Segment, ...]:
    """Cut ``required`` where what is proven changes; oldest first, without gap or overlap.

    More than ``most`` segments are made coarser, towards less proven, never towards more.
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
    found = tuple(Segment(window.start, window.end, proven) for window, proven in sorted(parts))
    return found if len(found) <= most else tuple(_joined(_slots(found, required, most)))


def _within(required: Window, windows: Iterable[Window]) -> list[Window]:
    return merge(window.intersect(required) for window in windows)


def _slots(found: Sequence[Segment], required: Window, count: int) -> Iterator[Segment]:
    """Equal slots, each as little proven as the worst of what it touches."""
    edges = [required.start + required.span * n / count for n in range(count)] + [required.end]
    at = 0
    for start, end in pairwise(edges):
        worst: Proven = "all"
        while True:
            worst = max(worst, found[at].proven, key=_RANK.__getitem__)
            if found[at].end >= end:
                break
            at += 1
        if found[at].end == end and at + 1 < len(found):
            at += 1
        if start < end:
            yield Segment(start, end, worst)


def _joined(found: Iterable[Segment]) -> Iterator[Segment]:
    """Neighbours that are alike as one."""
    last: Segment | None = None
    for segment in found:
        if last is not None and last.proven == segment.proven:
            last = Segment(last.start, segment.end, last.proven)
            continue
        if last is not None:
            yield last
        last = segment
    if last is not None:
        yield last
