"""One exchange for the tests of a file, without faults at the end of each of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exporter.simulator import Simulator
from tests.support.simulator_client import NOW, SimulatorClient


@pytest.fixture(scope="module")
def shared() -> Iterator[Simulator]:
    with Simulator(seed=5, now=NOW, speed=0, history_days=5) as simulator:
        yield simulator


@pytest.fixture
def exchange(shared: Simulator) -> Iterator[Simulator]:
    yield shared
    shared.set_faults()


@pytest.fixture
def main(exchange: Simulator) -> Iterator[SimulatorClient]:
    with SimulatorClient(exchange) as client:
        yield client
