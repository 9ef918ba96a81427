"""All metrics together: whether their declarations fit each other, and their table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from exporter.metrics.families import INSTRUMENTS, SYNC_FAMILIES, VITAL_FAMILIES, Entry
from exporter.model.stream import Metric, Stream

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED_ENDINGS = ("_total", "_count", "_sum", "_bucket", "_created")
_RESERVED_LABELS = frozenset({"account", "le", "quantile", "job", "instance", "__name__"})


def domain(streams: Iterable[Stream]) -> dict[str, Metric]:
    """Every metric of ``streams`` by name.

    Raises ValueError when a declaration is invalid, or clashes with another one or with ours.
    """
    ours: list[Metric | Entry] = [*SYNC_FAMILIES, *VITAL_FAMILIES, *INSTRUMENTS]
    taken = {_family(entry.name) for entry in ours}
    found: dict[str, Metric] = {}
    labels: dict[str, tuple[str, ...]] = {}
    for stream in streams:
        for metric in stream.metrics:
            _check(metric)
            name, full = _family(metric.name), _labels(stream, metric)
            if name in taken or found.setdefault(name, metric) != metric:
                raise ValueError(f"{metric.name} of {stream.name} clashes with another metric")
            if labels.setdefault(name, full) != full:
                raise ValueError(f"{metric.name} is shown both with and without an account")
    return {metric.name: metric for metric in found.values()}


def _family(name: str) -> str:
    """The name that OpenMetrics gives the family; two families must not share it."""
    return name.removesuffix("_total")


def _labels(stream: Stream, metric: Metric) -> tuple[str, ...]:
    return metric.labels if stream.public else ("account", *metric.labels)


def _check(metric: Metric) -> None:
    """Raises ValueError when the declaration alone would make the exposition invalid."""
    faults = {
        "the name": not _NAME.fullmatch(metric.name)
        or (metric.kind == "counter") != metric.name.endswith("_total")
        or (metric.kind == "gauge" and metric.name.endswith(_RESERVED_ENDINGS)),
        "the help": not metric.help.strip(),
        "a label": any(not _NAME.fullmatch(label) for label in metric.labels)
        or len(set(metric.labels)) < len(metric.labels)
        or not _RESERVED_LABELS.isdisjoint(metric.labels),
    }
    wrong = [what for what, is_wrong in faults.items() if is_wrong]
    if wrong:
        raise ValueError(f"{metric.name}: {' and '.join(wrong)} cannot be shown")


def catalogue(streams: Sequence[Stream]) -> list[Entry]:
    """Every metric of this program and of ``streams``, by name.

    Not in it: the `process_*` and `python_gc_*` families, which prometheus_client documents.
    """
    domain(streams)
    entries = {entry.name: entry for entry in INSTRUMENTS}
    for metric in (*SYNC_FAMILIES, *VITAL_FAMILIES):
        entries[metric.name] = Entry(metric.name, metric.kind, metric.labels, metric.help)
    for stream in streams:
        for metric in stream.metrics:
            labels = _labels(stream, metric)
            entries[metric.name] = Entry(metric.name, metric.kind, labels, metric.help)
    return [entries[name] for name in sorted(entries)]
