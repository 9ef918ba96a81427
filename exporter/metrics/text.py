"""How samples are written: the part that the text format 0.0.4 and OpenMetrics 1.0 share.

Sources: prometheus.io/docs/instrumenting/exposition_formats and the OpenMetrics 1.0 specification.
A sample line is the same in both; only the lines that open a family differ. So lines are written
once, when a value arrives, and a scrape joins them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from exporter.metrics.families import Family
from exporter.model.stream import Metric, Sample

Series = dict[str, str]
"""Name and labels as written, to the value as written: the samples of one family, in order."""

# Outside of these magnitudes positional notation is a row of zeros rather than a number.
_LARGEST = 1e21
_SMALLEST = 1e-12


def format_value(value: Decimal | float) -> str | None:
    """The nearest float64, shortest form that reads back as the same; None if it is not finite.

    Positional where a person would write it so: `1e+06` is valid, and gets reported as a bug.
    """
    try:
        nearest = float(value) + 0.0  # turns -0.0 into 0.0
    except (OverflowError, ValueError):  # an int beyond float64; a signalling NaN
        return None
    if not math.isfinite(nearest):
        return None
    shortest = repr(nearest)
    if "e" not in shortest:
        return shortest.removesuffix(".0")
    if nearest.is_integer() and abs(nearest) < _LARGEST:
        return str(int(nearest))  # exact, for parsers that read whole numbers as such
    return f"{Decimal(shortest):f}" if _SMALLEST <= abs(nearest) < 1 else shortest


def escape_label(value: str) -> str:
    """A label value as it is written between quotes."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def series_name(name: str, labels: Sequence[str], values: Sequence[str]) -> str:
    """`name{label="value",...}`. Raises ValueError when labels and values do not pair up."""
    if not labels and not values:
        return name
    pairs = zip(labels, values, strict=True)
    return (
        name + "{" + ",".join([f'{label}="{escape_label(value)}"' for label, value in pairs]) + "}"
    )


def sample_lines(series: Mapping[str, str]) -> bytes:
    """The sample lines of one family, in UTF-8."""
    text = "".join([f"{name} {value}\n" for name, value in series.items()])
    # UTF-8 has no lone surrogates: replaced, because one such label must not fail the whole scrape.
    return text.encode("utf-8", "replace")


class FamilyHeader(NamedTuple):
    """The HELP and TYPE lines that open a family, in either format."""

    text: bytes
    openmetrics: bytes


def family_header(metric: Metric | Family) -> FamilyHeader:
    """The header of ``metric``'s family. OpenMetrics names a counter without its `_total`."""
    plain = metric.help.replace("\\", r"\\").replace("\n", r"\n")
    quoted = plain.replace('"', r"\"")
    family = metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name
    return FamilyHeader(
        f"# HELP {metric.name} {plain}\n# TYPE {metric.name} {metric.kind}\n".encode(),
        f"# HELP {family} {quoted}\n# TYPE {family} {metric.kind}\n".encode(),
    )


class RenderedSamples(NamedTuple):
    """The samples of one response, as text by family name."""

    families: dict[str, Series]
    duplicates: int
    """Samples dropped because their series was already there."""


class _FamilyBuffer(NamedTuple):
    """A family being written; ``pattern`` has a `%s` for the value of each label."""

    metric: Metric
    pattern: str
    series: Series


def render_samples(
    samples: Iterable[Sample], declared: Mapping[str, Metric], account: str | None
) -> RenderedSamples:
    """Write ``samples``, with ``account`` as their first label unless it is None.

    A value that is not finite is left out; of two samples of one series the first stays. Raises
    ValueError or TypeError for what must never be exported: an undeclared metric, labels that do
    not match, a negative counter (OpenMetrics forbids it: the whole scrape would be invalid).
    """
    buffers = {name: _buffer(metric, account) for name, metric in declared.items()}
    escaped: dict[str, str] = {}  # the same few values label most samples of a response
    duplicates = 0
    for metric, labels, value in samples:
        buffer = buffers.get(metric.name)
        if buffer is None or (metric is not buffer.metric and metric != buffer.metric):
            raise ValueError(f"{metric.name} is not declared by its stream")
        text = format_value(value)
        if text is None:
            continue
        if metric.kind == "counter" and text[0] == "-":
            raise ValueError(f"{metric.name} is a counter and must not be negative: {text}")
        for label in labels:
            if label not in escaped:
                escaped[label] = escape_label(label)
        name = buffer.pattern % tuple([escaped[label] for label in labels])
        if name in buffer.series:
            duplicates += 1
        else:
            buffer.series[name] = text
    return RenderedSamples(
        {name: buffer.series for name, buffer in buffers.items() if buffer.series}, duplicates
    )


def _buffer(metric: Metric, account: str | None) -> _FamilyBuffer:
    places = ["%s" for _ in metric.labels]
    if account is None:
        return _FamilyBuffer(metric, series_name(metric.name, metric.labels, places), {})
    names = ("account", *metric.labels)
    values = (account.replace("%", "%%"), *places)
    return _FamilyBuffer(metric, series_name(metric.name, names, values), {})
