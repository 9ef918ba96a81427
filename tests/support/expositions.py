"""Expositions as read by prometheus_client's own parsers, and by promtool."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

Parse = Callable[[str], Iterable[Metric]]

_parse_text: Parse = text_string_to_metric_families
_parse_openmetrics: Parse = openmetrics.text_string_to_metric_families  # it has no types
_PROMTOOL = shutil.which("promtool")

Series = tuple[str, tuple[tuple[str, str], ...]]
"""Name and labels of a sample."""


def text_families(text: str) -> list[Metric]:
    """The families of an exposition in the text format. Raises ValueError."""
    return list(_parse_text(text))


def openmetrics_families(text: str) -> list[Metric]:
    """The families of an exposition in OpenMetrics. Raises ValueError."""
    return list(_parse_openmetrics(text))


def samples(families: list[Metric]) -> dict[Series, float]:
    """Every sample; fails on a series or a family that is there twice."""
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    found: dict[Series, float] = {}
    for family in families:
        for sample in family.samples:
            series = (sample.name, tuple(sorted(labels(sample.labels).items())))
            assert series not in found, series
            found[series] = sample.value
    return found


def labels(given: Mapping[str, str]) -> dict[str, str]:
    """The labels as a plain dictionary."""
    return dict(given)


def lint(text: str) -> None:
    """Check an exposition with promtool; skips the test where it is not installed."""
    if _PROMTOOL is None:
        pytest.skip("promtool is not installed: the exposition was not linted")
    checked = subprocess.run(
        [_PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def series(text: str) -> dict[str, str]:
    """Series to value as they are written, unparsed; fails on a series that is there twice."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, value = line.rsplit(" ", 1)
        assert name not in found, f"twice: {name}"
        found[name] = value
    return found
