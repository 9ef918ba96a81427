"""How samples are written: the part that the text format 0.0.4 and OpenMetrics 1.0 share.

Source: prometheus.io/docs/instrumenting/exposition_formats and the OpenMetrics 1.0 specification.
A sample line is the same in both; only the lines that open a family differ. So lines are written
once, when a value arrives, and a scrape joins them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from exporter.model.stream import Metric, Sample

Series = dict[str, str]
"""Name and labels as written, to the value as written: the samples of one family, in order."""

# Outside of these magnitudes positional notation is a row of zeros rather than a number.
_LARGEST = 1e21
_SMALLEST = 1e-12


def number(value: Decimal | float) -> str | None:
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


def label_value(value: str) -> str:
    """A label value as it stands between its quotes."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def series_name(name: str, labels: Sequence[str], values: Sequence[str]) -> str:
    """`name{label="value",...}`. Raises ValueError when labels and values do not pair up."""
    if not labels and not values:
        return name
    pairs = zip(labels, values, strict=True)
    return (
        name + "{" + ",".join([f'{label}="{label_value(value)}"' for label, value in pairs]) + "}"
    )


def lines(series: Mapping[str, str]) -> bytes:
    """The sample lines of one family."""
    text = "".join([f"{name} {value}\n" for name, value in series.items()])
    # A lone surrogate cannot be written as UTF-8; one odd label must not cost the whole scrape.
    return text.encode("utf-8", "replace")


class Head(NamedTuple):
    """What opens a family: its HELP and TYPE lines in either format."""

    text: bytes
    openmetrics: bytes


def head(metric: Metric) -> Head:
    """The opening of ``metric``'s family. OpenMetrics names a counter without its `_total`."""
    plain = metric.help.replace("\\", r"\\").replace("\n", r"\n")
    quoted = plain.replace('"', r"\"")
    family = metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name
    return Head(
        f"# HELP {metric.name} {plain}\n# TYPE {metric.name} {metric.kind}\n".encode(),
        f"# HELP {family} {quoted}\n# TYPE {family} {metric.kind}\n".encode(),
    )


class RenderedSamples(NamedTuple):
    """The samples of one answer, written."""

    families: dict[str, Series]
    duplicates: int


class _Form(NamedTuple):
    """A family being written; ``pattern`` has a place for each label's value."""

    metric: Metric
    pattern: str
    series: Series


def write(
    samples: Iterable[Sample], declared: Mapping[str, Metric], account: str | None
) -> RenderedSamples:
    """Write ``samples``, with ``account`` as their first label unless it is None.

    A value that is not finite is left out; of two samples of one series the first stays. Raises
    ValueError or TypeError for what must never be served: an undeclared metric, labels that do
    not match, a negative counter (OpenMetrics forbids it: the whole scrape would be invalid).
    """
    forms = {name: _form(metric, account) for name, metric in declared.items()}
    known: dict[str, str] = {}  # a few names label most of an answer
    duplicates = 0
    for metric, labels, value in samples:
        form = forms.get(metric.name)
        if form is None or (metric is not form.metric and metric != form.metric):
            raise ValueError(f"{metric.name} is not among the metrics that its stream declares")
        written = number(value)
        if written is None:
            continue
        if metric.kind == "counter" and written[0] == "-":
            raise ValueError(f"{metric.name} is a counter and cannot be {written}")
        for label in labels:
            if label not in known:
                known[label] = label_value(label)
        name = form.pattern % tuple([known[label] for label in labels])
        if name in form.series:
            duplicates += 1
        else:
            form.series[name] = written
    return RenderedSamples(
        {name: form.series for name, form in forms.items() if form.series}, duplicates
    )


def _form(metric: Metric, account: str | None) -> _Form:
    places = ["%s" for _ in metric.labels]
    if account is None:
        return _Form(metric, series_name(metric.name, metric.labels, places), {})
    names = ("account", *metric.labels)
    owner = account.replace("%", "%%")
    return _Form(metric, series_name(metric.name, names, (owner, *places)), {})
