"""The exchange's time, asked for where its responses have not told it yet."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime

from exporter.api.client import Client
from exporter.api.clock import ExchangeClock
from exporter.model.errors import ExchangeError, NotYet, UnexpectedResponse

_log = logging.getLogger(__name__)
_DEADLINE_S = 20.0
_TIME_PAUSE_S = 60.0
"""Until the exchange is asked again for a time on which its responses do not agree."""
_PROBE_DEADLINE_S = 5.0


class ExchangeTime:
    """The time of a clock that ``client`` may ask for. Thread-safe."""

    def __init__(self, client: Client, clock: ExchangeClock) -> None:
        self._client = client
        self._clock = clock
        self._ask_again_at = 0.0
        """When the exchange is asked for its time again, by the steady clock."""

    def now(self) -> datetime:
        """The exchange's time, aware UTC. Raises ExchangeError while it cannot be read, and NotYet
        while another thread asks for it.

        The local clock is used only if the exchange sends its time nowhere. While the exchange's
        responses contradict what is known, it is asked for its time.
        """
        if not self._clock.known and self._clock.steady() >= self._ask_again_at:
            self._learn()
        elif self._clock.probe_due():
            with suppress(ExchangeError):
                self._client.server_time(deadline_s=_PROBE_DEADLINE_S)
        return self._clock.now()

    def at(self, steady: float) -> datetime:
        """The exchange's time at an instant of the steady clock, whatever is known of it."""
        with suppress(ExchangeError, NotYet):
            self.now()
        return self._clock.at(steady)

    def _learn(self) -> None:
        if not self._clock.learning.acquire(timeout=_DEADLINE_S):
            raise NotYet("the exchange is being asked for its time")
        try:
            if self._clock.known:
                return
            with suppress(UnexpectedResponse):
                self._client.learn_time(deadline_s=_DEADLINE_S)
            if not self._clock.heard:
                _log.warning("the exchange does not tell its time: using the local clock")
                self._clock.use_wall()
            elif not self._clock.known:
                _log.warning(
                    "the exchange's responses do not agree on the time, nor with the local clock: "
                    "using the earliest"
                )
                self._ask_again_at = self._clock.steady() + _TIME_PAUSE_S
        finally:
            self._clock.learning.release()
