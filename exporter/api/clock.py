"""The exchange's time: learned from its responses, carried forward by a steady clock.

Neither clock is believed alone. Ours may be set at any moment, so it serves as a first guess and as
a witness, and a *steady* clock, which nobody sets and which goes on while the machine is suspended,
carries the time from one response to the next. The exchange's may be wrong for a while: a server
behind a gateway, a page from a cache, `time` itself.

    a response states                         then
    ----------------------------------------- ---------------------------------------------------
    what the steady clock gives, within 5 s   the estimate is refined, within what most endpoints
                                              prove
    something else                            nothing moves: the time is *disputed*, and asked for
    ... confirmed for 30 s                    the estimate jumps there
    ... confirmed for 10 s, and our clock     the same: two witnesses against one
    agrees with it
    a time behind the estimate                history read with it is not claimed beyond it
    the first time, which our clock confirms  it is known
    the first time, behind our clock          it is known once it is confirmed; until then, the
                                              lower of both counts
    the first time, ahead of our clock        the same, but for 10 s
    nothing, nowhere                          our clock counts

*Confirmed*: by three responses and most of the endpoints that spoke lately, see `clock_votes`. So
an endpoint that is always wrong moves nothing, and neither do all of them for a few seconds.

A ``Date`` header has a resolution of one second (RFC 9110, 5.6.7 and 6.6.1): the exchange wrote it
at some instant between our sending and our receiving, and that instant lies within the second.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from exporter.api.clock_votes import BODY, TOLERANCE, Stamp, Votes
from exporter.model.limits import CLOCKS_APART
from exporter.model.window import EPOCH

_log = logging.getLogger(__name__)
_SECOND = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)
_CREDIBLE = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
"""A server whose clock is not set sends 1970; believing it would request windows that end there."""
AGAINST_ONE_S, AGAINST_TWO_S = 10.0, 30.0
"""How long the exchange must insist on a time that one or two other clocks contradict."""
_LARGEST_DRIFT = 0.001
"""Of two clocks that nobody sets, in seconds per second: ten times that of a bad crystal."""
_FIRST_PROBE_S, _LONGEST_PROBE_S = 2.0, 300.0
_STAMPS_KEPT = 64
_QUIET_S = 600.0
"""A dispute is a new one, and logged, when nobody disagreed for so long."""


def boottime() -> float:
    """Seconds that never go back; on Linux they count the time that the machine was suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Witness(NamedTuple):
    """Who a response was for, and of which endpoint it is."""

    account: str
    endpoint: str


class ExchangeClock:
    """The steady clock plus an offset, which moves only as the table says. Thread-safe.

    ``wall`` is our clock: aware UTC. ``steady`` returns seconds of a clock that nobody sets.
    """

    def __init__(
        self, *, wall: Callable[[], datetime], steady: Callable[[], float] = time.monotonic
    ) -> None:
        self.wall = wall
        self.steady = steady
        self.learning = threading.Lock()
        """Held by the one thread that asks for the time while it is not known."""
        self._lock = threading.Lock()
        self._votes = Votes()
        self._offset: timedelta | None = None
        self._anchor = timedelta(0)
        """The offset that stamps are compared with. It follows no faster than clocks drift: many
        small steps would otherwise be one large one."""
        self._seen_at = 0.0
        self._behind: dict[Witness, deque[tuple[float, datetime]]] = {}
        self._in_dispute = False
        self._disputed_at: float | None = None
        """When a response disagreed last."""
        self._probe_at, self._probe_pause_s = 0.0, _FIRST_PROBE_S

    @property
    def known(self) -> bool:
        """Whether the exchange's time is known; until then ``now`` is the lower of all clocks."""
        return self._offset is not None

    @property
    def heard(self) -> bool:
        """Whether a response has stated any time lately."""
        with self._lock:
            return bool(self._votes.recent(self.steady()))

    @property
    def disputed(self) -> bool:
        """Whether a response states a time, lately, that the steady clock contradicts."""
        with self._lock:
            return bool(self._dissenting(self.steady()))

    def observe_date(
        self, date_header: str, sent: float, received: float, witness: Witness, age: str = ""
    ) -> None:
        """Learn from a ``Date`` header; ``sent`` and ``received`` are by the steady clock.

        ``age`` is the ``Age`` header: a cache (RFC 9111, 5.1) sends the ``Date`` of when the
        response was new, which tells no time, but how old the data is. A header that is not a
        credible HTTP date is ignored.
        """
        server = http_date(date_header)
        if server is not None:
            cached = age.strip() not in ("", "0")
            self._observe(server, _SECOND, sent, received, witness, witness.endpoint, cached=cached)

    def observe_instant(
        self, server: datetime, sent: float, received: float, witness: Witness
    ) -> None:
        """Learn from an instant that the exchange truncated to the millisecond (``GET time``)."""
        self._observe(server, _MILLISECOND, sent, received, witness, BODY)

    def use_wall(self) -> None:
        """The exchange tells its time nowhere: go on with ours."""
        with self._lock:
            if self._offset is None:
                self._set(self._wall_offset(), self.steady())

    def now(self) -> datetime:
        """The exchange's time, aware UTC. Goes back only when responses correct it."""
        return self.at(self.steady())

    def at(self, steady: float) -> datetime:
        """The exchange's time at an instant of the steady clock."""
        with self._lock:
            offset = self._offset
            if offset is None:
                told = [stamp.highest for stamp in self._votes.recent(self.steady())]
                offset = min([self._wall_offset(), *told])
        return EPOCH + offset + timedelta(seconds=steady)

    def latest_possible(self) -> datetime:
        """What is later than this lies in the future, whichever clock is right."""
        return max(self.now(), self.wall()) + CLOCKS_APART

    def stated(self, witness: Witness, since: float) -> datetime | None:
        """The lowest time, behind ours, that responses of a witness stated since then, if any did.

        What was read with them is as old as they say: a cache or a replica that lags.
        """
        with self._lock:
            stamps = self._behind.get(witness, ())
            return min((server for at, server in stamps if at >= since), default=None)

    def probe_due(self) -> bool:
        """Whether the time is disputed and should be asked for now; true for one caller."""
        with self._lock:
            now = self.steady()
            if self._offset is None or now < self._probe_at or not self._dissenting(now):
                return False
            self._probe_at = now + self._probe_pause_s
            self._probe_pause_s = min(2 * self._probe_pause_s, _LONGEST_PROBE_S)
            return True

    @property
    def skew_s(self) -> float:
        """Seconds by which the exchange's clock is ahead of ours; 0 while it is not known."""
        return (self.now() - self.wall()).total_seconds() if self.known else 0.0

    def _observe(
        self,
        server: datetime,
        resolution: timedelta,
        sent: float,
        received: float,
        witness: Witness,
        voter: str,
        *,
        cached: bool = False,
    ) -> None:
        earliest, latest = _CREDIBLE
        if not earliest <= server < latest or received < sent:
            return
        since_epoch = server - EPOCH
        lowest = since_epoch - timedelta(seconds=received)
        stamp = Stamp(voter, received, lowest, since_epoch + resolution - timedelta(seconds=sent))
        with self._lock:
            if not cached:
                self._votes.add(stamp)
            event = self._learn(stamp, cached)
            if self._offset is not None and stamp.highest < self._offset - TOLERANCE:
                kept = self._behind.setdefault(witness, deque(maxlen=_STAMPS_KEPT))
                kept.append((received, server))
        if event:
            _log.warning("%s", event, extra={"endpoint": witness.endpoint})

    def _learn(self, stamp: Stamp, cached: bool) -> str:
        """Take a stamp into account; what is to be logged. The lock is held."""
        wall = self._wall_offset()
        if cached:
            return ""
        if self._offset is None:
            if stamp.agrees(wall):
                self._set(stamp.nearest(wall), stamp.at)
            elif self._votes.confirm(stamp, AGAINST_ONE_S if stamp.lowest > wall else 0.0):
                return self._jump(stamp, wall)
            return ""
        self._drift(stamp.at)
        if stamp.agrees(self._anchor):
            recent = self._votes.recent(stamp.at)
            agreeing = [other for other in recent if other.agrees(self._anchor)]
            offset = self._votes.consensus(self._offset, agreeing)
            self._offset = min(max(offset, self._anchor - TOLERANCE), self._anchor + TOLERANCE)
            return self._settled(stamp.at)
        patience_s = AGAINST_ONE_S if stamp.agrees(wall) else AGAINST_TWO_S
        if self._votes.confirm(stamp, patience_s):
            return self._jump(stamp, self._offset)
        return self._dispute(stamp)

    def _jump(self, stamp: Stamp, before: timedelta) -> str:
        """To what ``stamp`` states, which is confirmed."""
        recent = self._votes.recent(stamp.at)
        agreeing = [other for other in recent if other.near(stamp)]
        nearest = self._votes.consensus(stamp.nearest(before), agreeing)
        was = self._offset
        self._set(stamp.nearest(nearest), stamp.at)
        self._in_dispute, self._disputed_at = False, None
        moved_s = (stamp.nearest(nearest) - before).total_seconds()
        if was is None:
            return (
                f"the exchange's clock is {_ahead(moved_s)} the local one: following the exchange"
            )
        return (
            f"the exchange's clock is {_ahead(moved_s)} what it was, as most of its endpoints "
            "confirm: following it"
        )

    def _dispute(self, stamp: Stamp) -> str:
        before, self._disputed_at = self._disputed_at, stamp.at
        self._in_dispute = True
        if before is not None and stamp.at - before <= _QUIET_S:
            return ""
        self._probe_pause_s, self._probe_at = _FIRST_PROBE_S, 0.0
        apart_s = (stamp.nearest(self._anchor) - self._anchor).total_seconds()
        return (
            f"a response states a time that is {_ahead(apart_s)} what a steady clock gives: it is "
            "not believed unless it is confirmed"
        )

    def _settled(self, at: float) -> str:
        """A stamp agrees: the dispute is over when nobody has disagreed for a while."""
        if self._in_dispute and not self._dissenting(at):
            self._in_dispute = False
            _log.debug("the exchange's responses agree on the time again")
        return ""

    def _dissenting(self, at: float) -> list[Stamp]:
        if self._offset is None:
            return []
        return [stamp for stamp in self._votes.recent(at) if not stamp.agrees(self._anchor)]

    def _set(self, offset: timedelta, at: float) -> None:
        self._offset = self._anchor = offset
        self._seen_at = at
        self._behind.clear()

    def _drift(self, at: float) -> None:
        """Let the anchor follow the estimate, as far as clocks may have drifted meanwhile."""
        elapsed_s = max(at - self._seen_at, 0.0)
        self._seen_at = max(at, self._seen_at)
        most = timedelta(seconds=elapsed_s * _LARGEST_DRIFT)
        offset = self._anchor if self._offset is None else self._offset
        self._anchor += min(max(offset - self._anchor, -most), most)

    def _wall_offset(self) -> timedelta:
        return self.wall() - EPOCH - timedelta(seconds=self.steady())


def _ahead(seconds: float) -> str:
    return f"{abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'}"


def http_date(text: str) -> datetime | None:
    """An HTTP date (RFC 9110, 5.6.7) as aware UTC, or None when ``text`` is not one."""
    try:
        parsed = parsedate_to_datetime(text)
        # The obsolete asctime form names no zone; HTTP dates are always in UTC.
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
