"""The simulated exchange on a port, as the tests, `demo` and `simulate` use it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from threading import Event
from types import TracebackType
from typing import Any, Self

from exporter.simulator.endpoints.faults import NO_FAULTS, Faults
from exporter.simulator.market.market import (
    DEFAULT_ACCOUNTS,
    AccountSpec,
    Market,
    from_nanos,
    to_nanos,
)
from exporter.simulator.server.clock import SimulatedClock
from exporter.simulator.server.control import CONTROL, Control
from exporter.simulator.server.exchange import PREFIX, ReceivedRequest, SimulatedExchange
from exporter.simulator.server.http_server import HttpServer


class Simulator:
    """An exchange with `history_days` of history that serves from construction until `stop`.

    `now` is the simulated present at the start (default: the real one); `speed` simulated seconds
    pass per second, none at 0. `pages` maps paths below the base URL to bodies that are served
    verbatim to a valid token. `port` 0 picks a free one. Raises OSError when the port is taken.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        now: datetime | None = None,
        speed: float = 1.0,
        history_days: float = 30,
        accounts: Sequence[AccountSpec] = DEFAULT_ACCOUNTS,
        faults: Faults = NO_FAULTS,
        host: str = "127.0.0.1",
        port: int = 0,
        pages: Mapping[str, bytes] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        present = now or datetime.now(UTC)
        # The clock starts first: generating the past takes time, and the first request catches up.
        clock = SimulatedClock(to_nanos(present), speed, monotonic)
        self.market = Market(seed, present - timedelta(days=history_days), present, accounts)
        self._exchange = SimulatedExchange(self.market, clock, monotonic, faults, pages or {})
        self._control = Control(self._exchange)
        self._server = HttpServer(host, port, self._exchange, self._control)
        self.tokens: dict[str, str] = dict(self._exchange.tokens)
        self.account_ids = {name: account.id for name, account in self.market.accounts.items()}
        address = f"http://{host}:{self._server.server_port}"
        self.base_url = address + PREFIX
        self.control_url = address + CONTROL.rstrip("/")
        self._server.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def now(self) -> datetime:
        """Return the simulated present."""
        return from_nanos(self._exchange.clock.now())

    @property
    def requests(self) -> deque[ReceivedRequest]:
        """Return the request log, oldest first; at most the last million."""
        return self._exchange.requests

    @property
    def state(self) -> dict[str, Any]:
        """Return the same as `GET /_control/state`."""
        return self._control.state()

    @property
    def faults(self) -> Faults:
        """Return the active faults."""
        return self._exchange.faults

    def set_faults(self, faults: Faults | None = None, /, **values: Any) -> None:
        """Replace the active faults, by a set or by names; without either, end all faults.

        Raises ValueError for an unknown fault or a value out of range.
        """
        self._control.set_faults(Faults.of(values) if faults is None else faults)

    def restore(self) -> None:
        """End the faults that hide or alter rows; the other faults stay."""
        self._control.restore()

    def advance(self, seconds: float) -> None:
        """Let `seconds` of simulated time pass. Raises ValueError when negative."""
        self._control.advance(seconds)

    def truth(self, stream: str, account: str | None = None) -> Any:
        """Return every record of a stream as it is now; see `endpoints.truth.truth`."""
        return self._control.truth(stream, account)

    def override_position(
        self, account: str, *, positions: list[dict[str, Any]] | None = None, **summary: Any
    ) -> None:
        """Override an account's positions or summary members; without either, end the override."""
        self._control.override_position(account, positions=positions, **summary)

    def override_balance(
        self, account: str, currency: str, *, remove: bool = False, **members: Any
    ) -> None:
        """Override or remove one currency of an account; without either, end the override."""
        self._control.override_balance(account, currency, remove=remove, **members)

    def override_fee_tier(self, account: str, tier: int | None = None) -> None:
        """Put an account into a tier of the fee schedule, by number; None ends the override."""
        self._control.override_fee_tier(account, tier)

    def stop(self) -> None:
        """Close the port and every connection."""
        self._server.stop()


def serve(
    stop_event: Event,
    *,
    listen: str = "127.0.0.1:0",
    seed: int = 1,
    speed: float = 1.0,
    faults: Faults = NO_FAULTS,
    accounts: Sequence[AccountSpec] = DEFAULT_ACCOUNTS,
    history_days: float = 30,
    ready: Callable[[Simulator], None] | None = None,
) -> None:
    """Serve a simulated exchange until `stop_event`; `ready` is called once it serves.

    Raises ValueError when `listen` is not `host:port`, OSError when the port is taken.
    """
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit():
        raise ValueError(f"not host:port: {listen!r}")
    with Simulator(
        seed=seed,
        speed=speed,
        history_days=history_days,
        accounts=accounts,
        faults=faults,
        host=host.strip("[]") or "127.0.0.1",
        port=int(port),
    ) as simulator:
        if ready is not None:
            ready(simulator)
        stop_event.wait()
