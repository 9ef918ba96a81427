"""The exchange's time, learned from its responses; our own clock may be wrong.

A ``Date`` header has a resolution of one second (RFC 9110, 5.6.7 and 6.6.1): the exchange wrote it
at some instant between our sending and our receiving, and that instant lies within the second.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_SECOND = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)
_CREDIBLE = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
"""A server whose clock is not set sends 1970; believing it would request windows that end there."""


class ExchangeClock:
    """Our clock plus an offset, which moves only when a response proves it wrong. Thread-safe.

    ``wall`` is our clock: aware UTC.
    """

    def __init__(self, *, wall: Callable[[], datetime]) -> None:
        self.wall = wall
        self._lock = threading.Lock()
        self._offset = timedelta(0)
        self._latest: datetime | None = None
        self.known = False
        """Whether a response has shown the exchange's time; until then ``now`` is our clock's."""

    def observe_date(self, date_header: str, sent: datetime, received: datetime) -> None:
        """Learn from a ``Date`` header; ``sent`` and ``received`` are by our clock.

        A header that is not a credible HTTP date is ignored.
        """
        server = http_date(date_header)
        if server is not None:
            self._observe(server, _SECOND, sent, received)

    def observe_instant(self, server: datetime, sent: datetime, received: datetime) -> None:
        """Learn from an instant that the exchange truncated to the millisecond (``GET time``)."""
        self._observe(server, _MILLISECOND, sent, received)

    def _observe(
        self, server: datetime, resolution: timedelta, sent: datetime, received: datetime
    ) -> None:
        earliest, latest = _CREDIBLE
        # received < sent: our clock was set back in between, so the pair bounds nothing.
        if not earliest <= server < latest or received < sent:
            return
        lowest, highest = server - received, server + resolution - sent
        with self._lock:
            self.known = True
            offset = min(max(self._offset, lowest), highest)
            if offset != self._offset:
                self._offset = offset
                self._latest = None

    def now(self) -> datetime:
        """The exchange's time, aware UTC. Goes back only when a response corrects it."""
        with self._lock:
            now = self.wall() + self._offset
            # Our clock may be set back at any time; the exchange's is not.
            self._latest = now if self._latest is None else max(self._latest, now)
            return self._latest

    @property
    def skew_s(self) -> float:
        """Seconds by which the exchange's clock is ahead of ours."""
        with self._lock:
            return self._offset.total_seconds()


def http_date(text: str) -> datetime | None:
    """An HTTP date (RFC 9110, 5.6.7) as aware UTC, or None when ``text`` is not one."""
    try:
        parsed = parsedate_to_datetime(text)
        # The obsolete asctime form names no zone; HTTP dates are always in UTC.
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
