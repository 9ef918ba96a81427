"""Whether the times that responses state agree with each other, endpoint by endpoint.

One endpoint has one vote, its latest: a server that is wrong is wrong in each of its responses, so
their number proves little. Pure: no clock, no lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

TOLERANCE = timedelta(seconds=5)
"""Stamps this close agree: servers behind one name differ by a second or two, and a ``Date`` tells
whole seconds. It is small against the time that rows may come late, and large against jitter."""
RECENT_S = 120.0
"""A vote counts for so long: several turns of the streams that are polled often."""
LEAST_RESPONSES = 3
TIME = "time"
BODY = "time, as its body states it"
"""The exchange's own word; the ``Date`` of a response may be that of a gateway in front of it."""


class Stamp(NamedTuple):
    """What one response tells: where the exchange's clock stood when the steady clock began.

    The offset lies between ``lowest`` and ``highest``, if the response tells the truth. ``at``:
    when it arrived, in seconds of the steady clock.
    """

    source: str
    """The endpoint, or `BODY`."""
    at: float
    lowest: timedelta
    highest: timedelta

    def nearest(self, offset: timedelta) -> timedelta:
        """The possible offset that is nearest to this one."""
        return min(max(offset, self.lowest), self.highest)

    def agrees(self, offset: timedelta) -> bool:
        """Whether a clock with this offset is near enough."""
        return abs(self.nearest(offset) - offset) <= TOLERANCE

    def near(self, other: Stamp) -> bool:
        """Whether two responses can be of clocks that agree."""
        apart = max(self.lowest - other.highest, other.lowest - self.highest)
        return apart <= TOLERANCE


@dataclass
class _Vote:
    """The latest stamp of a source, and for how long it has said the same."""

    stamp: Stamp
    since: float
    responses: int = 1


class Votes:
    """The latest vote of each source."""

    def __init__(self) -> None:
        self._votes: dict[str, _Vote] = {}

    def add(self, stamp: Stamp) -> None:
        """The vote of a source is what it said last."""
        before = self._votes.get(stamp.source)
        if before is None or not stamp.near(before.stamp) or _old(before, stamp.at):
            self._votes[stamp.source] = _Vote(stamp, stamp.at)
        else:
            before.stamp = stamp
            before.responses += 1

    def recent(self, at: float) -> list[Stamp]:
        """The latest stamp of each source that still counts."""
        return [vote.stamp for vote in self._votes.values() if not _old(vote, at)]

    def confirm(self, stamp: Stamp, patience_s: float) -> bool:
        """Whether what ``stamp`` states is confirmed, and has been for ``patience_s``.

        Needed are three responses and the majority of the endpoints that spoke lately: two at
        least, unless it is the body of `time` and nobody else tells a time. While that body says
        otherwise, no ``Date`` confirms anything.
        """
        voting = {name: vote for name, vote in self._votes.items() if not _old(vote, stamp.at)}
        if BODY in voting:
            voting.pop(TIME, None)  # one response, one vote
        agreeing = [vote for vote in voting.values() if vote.stamp.near(stamp)]
        told = BODY in voting and voting[BODY].stamp.near(stamp)
        if (BODY in voting and not told) or len(agreeing) < (1 if told else 2):
            return False
        majority = len(voting) // 2 + 1
        if len(agreeing) < majority or sum(v.responses for v in agreeing) < LEAST_RESPONSES:
            return False
        # The majority began with the vote that completed it.
        began = sorted(vote.since for vote in agreeing)[majority - 1]
        return stamp.at - began >= patience_s

    def consensus(self, offset: timedelta, stamps: Iterable[Stamp]) -> timedelta:
        """``offset``, moved no further than what most of ``stamps`` prove.

        As long as most are right, the true offset is not below the bound that most exceed, nor
        above the one that most stay under (after K. Marzullo, 1984).
        """
        found = list(stamps)
        if not found:
            return offset
        most = len(found) // 2
        lowest = sorted((stamp.lowest for stamp in found), reverse=True)[most]
        highest = sorted(stamp.highest for stamp in found)[most]
        # The bounds may cross by as much as servers that agree differ.
        return min(max(offset, min(lowest, highest)), max(lowest, highest))


def _old(vote: _Vote, at: float) -> bool:
    return at - vote.stamp.at > RECENT_S
