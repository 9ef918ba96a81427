"""All metric families together: whether their declarations fit each other, and their table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from exporter.metrics.families import (
    INSTRUMENTATION_FAMILIES,
    SERVICE_FAMILIES,
    SYNC_FAMILIES,
    Family,
)
from exporter.model.stream import Metric, Stream

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED_ENDINGS = ("_total", "_count", "_sum", "_bucket", "_created")
_RESERVED_LABELS = frozenset({"account", "le", "quantile", "job", "instance", "__name__"})


def domain_metrics(streams: Iterable[Stream]) -> dict[str, Metric]:
    """Every metric that ``streams`` declare, by name.

    Raises ValueError when a declaration is invalid, or clashes with another stream's or with one
    of the exporter's own families.
    """
    own: list[Metric | Family] = [*SYNC_FAMILIES, *SERVICE_FAMILIES, *INSTRUMENTATION_FAMILIES]
    reserved = {_openmetrics_name(family.name) for family in own}
    declared: dict[str, Metric] = {}
    labels: dict[str, tuple[str, ...]] = {}
    for stream in streams:
        for metric in stream.metrics:
            _validate(metric)
            name, full = _openmetrics_name(metric.name), _labels(stream, metric)
            if name in reserved or declared.setdefault(name, metric) != metric:
                raise ValueError(f"{metric.name} of {stream.name} clashes with another metric")
            if labels.setdefault(name, full) != full:
                raise ValueError(f"{metric.name} is declared both with and without an account")
    return {metric.name: metric for metric in declared.values()}


def _openmetrics_name(name: str) -> str:
    """The name that OpenMetrics gives the family; two families must not share it."""
    return name.removesuffix("_total")


def _labels(stream: Stream, metric: Metric) -> tuple[str, ...]:
    return metric.labels if stream.public else ("account", *metric.labels)


def _validate(metric: Metric) -> None:
    """Raises ValueError when the declaration alone would make the exposition invalid."""
    checks = {
        "name": not _NAME.fullmatch(metric.name)
        or (metric.kind == "counter") != metric.name.endswith("_total")
        or (metric.kind == "gauge" and metric.name.endswith(_RESERVED_ENDINGS)),
        "help": not metric.help.strip(),
        "label": any(not _NAME.fullmatch(label) for label in metric.labels)
        or len(set(metric.labels)) < len(metric.labels)
        or not _RESERVED_LABELS.isdisjoint(metric.labels),
    }
    invalid = [part for part, is_invalid in checks.items() if is_invalid]
    if invalid:
        raise ValueError(f"{metric.name}: invalid {' and '.join(invalid)}")


def catalogue(streams: Sequence[Stream]) -> list[Family]:
    """Every family of the exporter and of ``streams``, by name.

    Not included: the `process_*` and `python_gc_*` families, which prometheus_client documents.
    Raises ValueError when declarations are invalid or clash.
    """
    domain_metrics(streams)
    families = {family.name: family for family in INSTRUMENTATION_FAMILIES}
    for metric in (*SYNC_FAMILIES, *SERVICE_FAMILIES):
        families[metric.name] = Family(metric.name, metric.kind, metric.labels, metric.help)
    for stream in streams:
        for metric in stream.metrics:
            labels = _labels(stream, metric)
            families[metric.name] = Family(metric.name, metric.kind, labels, metric.help)
    return [families[name] for name in sorted(families)]
