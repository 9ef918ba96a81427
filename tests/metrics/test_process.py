"""The families of the process and of Python, against prometheus_client's."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.utils import floatToGoString

from exporter.metrics.process import Process
from exporter.metrics.text import go_float
from tests.support.expositions import samples, text_families

# The library has no types for this function.
their_float: Callable[[float], str] = floatToGoString
FORMATS = pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])


def ours(accept: str) -> str:
    parts = [
        (header.openmetrics if accept else header.text) + lines
        for header, lines in Process().families()
    ]
    return b"".join(parts).decode()


def theirs(accept: str) -> str:
    registry = CollectorRegistry(auto_describe=True)
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return choose_encoder(accept)[0](registry).decode().removesuffix("# EOF\n")


def outline(text: str) -> list[str]:
    """All but the values of what changes while one looks."""
    kept = ("#", "process_start_time_seconds ", "process_max_fds ")
    return [
        line if line.startswith(kept) else line.rpartition(" ")[0] for line in text.splitlines()
    ]


@FORMATS
def test_the_families_are_those_of_prometheus_client(accept: str) -> None:
    assert outline(ours(accept)) == outline(theirs(accept))
    assert "process_cpu_seconds" in ours(accept)
    assert "python_gc_collections" in ours(accept)


def test_the_values_are_those_of_this_moment() -> None:
    """Between what prometheus_client reads before and after."""
    before, shown, after = (
        samples(text_families(text)) for text in (theirs(""), ours(""), theirs(""))
    )
    within = [
        series
        for series, value in shown.items()
        if series[0].endswith("_total") and before[series] <= value <= after[series]
    ]
    assert within == [series for series in shown if series[0].endswith("_total")]
    for name in ("process_resident_memory_bytes", "process_virtual_memory_bytes"):
        [(series, value)] = [(s, v) for s, v in shown.items() if s[0] == name]
        assert 0.5 < value / before[series] < 2


@pytest.fixture
def held() -> Iterator[list[int]]:
    """Twenty more open descriptors."""
    found = [os.open("/dev/null", os.O_RDONLY) for _ in range(20)]
    yield found
    for descriptor in found:
        os.close(descriptor)


def test_open_descriptors_are_counted_without_that_of_counting(held: list[int]) -> None:
    [count] = [v for s, v in samples(text_families(ours(""))).items() if s[0] == "process_open_fds"]
    listed = {int(path.name) for path in Path("/proc/self/fd").iterdir()}
    still_open = [number for number in listed if is_open(number)]
    assert count == len(still_open)
    assert count >= len(held)


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def test_the_limit_of_descriptors_is_the_one_in_force() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    try:
        assert f"process_max_fds {go_float(soft - 1)}\n" in ours("")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@given(st.one_of(st.floats(), st.integers(-(10**18), 10**18)))
def test_floats_are_written_as_prometheus_client_does(value: float) -> None:
    assert go_float(value) == their_float(value)
