"""What the simulated exchange holds at an instant, although its market goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from exporter.simulator import Simulator

T = TypeVar("T")
_TRIES = 20


def steadily(exchange: Simulator, read: Callable[[], T]) -> tuple[T, list[dict[str, Any]]]:
    """What ``read`` returns, and the balances of account ``main`` that held meanwhile: it is called
    again when they changed, as they do every minute."""
    for _ in range(_TRIES):
        before = exchange.truth("balances", "main")["balances"]
        found = read()
        if exchange.truth("balances", "main")["balances"] == before:
            return found, before
    raise AssertionError("the balances change all the time")
