"""How far back the exchange serves a history, and how long a window it accepts.

Neither is documented for sure, so a window that is refused (HTTP 400) is not the end of it: some
requests of a single row find out what it was.

    refused is                   it means that             what follows
    ---------------------------- ------------------------- -----------------------------------------
    a window, not its two ends   windows must be shorter   windows half as long
    the oldest, not the newest   history begins between    remembered; nothing older is asked for
    anything else                                          the refusal is reported

What is remembered is kept in ``onetrading_sync.progress``, as what history can be required to
reach back to, and asked for again after a week: the exchange may serve more by then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from exporter.api.client import Client
from exporter.api.paginator import parameters
from exporter.api.rate_limiter import Priority
from exporter.logs import context
from exporter.model.errors import BadRequest, CursorExpired
from exporter.model.stream import History, Partition
from exporter.model.window import Window
from exporter.store import bookkeeping
from exporter.store.database import Database

_log = logging.getLogger(__name__)
_PROBE = timedelta(hours=1)
"""How long a probed window is, and how closely the start of what is served is found."""
_SHORTEST = timedelta(days=1)
"""No shorter windows are asked for because longer ones are refused."""
_REMEMBERED = timedelta(days=7)
_PAUSE_S = 3_600.0
"""Until a refusal that was not understood is looked into again."""
_DEADLINE_S = 60.0

IsServed = Callable[[Window], bool]


def served_from(served: IsServed, window: Window) -> datetime | None:
    """The start of what is served of ``window``, to the hour; its own start where all of it is.

    None when not even its newest part is served. What is served is taken for one piece. Raises as
    ``served``.
    """
    good, refused = max(window.start, window.end - _PROBE), window.start
    if not served(Window(good, window.end)):
        return None
    if served(Window(refused, min(window.end, refused + _PROBE))):
        return refused
    while good - refused > _PROBE:
        middle = refused + (good - refused) / 2
        if served(Window(middle, middle + _PROBE)):
            good = middle
        else:
            refused = middle
    return good


class Reach:
    """What the exchange serves of one history stream of one account. Safe to use from any thread.

    ``database`` and ``now`` are asked whenever they are needed, and may raise; ``monotonic``
    returns seconds that never go back.
    """

    def __init__(
        self,
        client: Client,
        stream: History,
        database: Callable[[], Database],
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._client = client
        self._stream = stream
        self._database = database
        self._now = now
        self._monotonic = monotonic
        self._not_before: dict[Partition, float] = {}
        self._accepted: timedelta | None = None
        """How long windows may be at most; None until the exchange refuses what is documented."""

    def of(self, partition: Partition) -> datetime | None:
        """From when on the exchange serves a partition; None where it was not found to end."""
        return self._database().look(bookkeeping.reach, partition)

    def longest_window(self, partition: Partition) -> timedelta:
        """How long a requested window may be: as documented, until that is refused."""
        documented = self._stream.of(partition.instrument).max_window
        return documented if self._accepted is None else min(documented, self._accepted)

    def learn(
        self, partition: Partition, required: datetime, refused: Window, error: BadRequest
    ) -> bool:
        """A window was refused: find out why. False when there is nothing to be learned from it.

        ``required``: from when on the history is asked for. Raises ExchangeError, DatabaseError and
        Stopping.
        """
        if error.about_instrument or isinstance(error, CursorExpired):
            return False
        if self._monotonic() < self._not_before.get(partition, 0.0):
            return False
        oldest = min(required, refused.start)
        if self._served(partition, Window(oldest, oldest + _PROBE)):
            learned = self._both_ends_are_served(partition, refused)
            learned = learned and self._shorten(refused, error)
        else:
            whole = Window(oldest, self._now())
            found = served_from(lambda window: self._served(partition, window), whole)
            learned = found is not None
            if found is not None:
                self._remember(partition, found)
        if not learned:
            self._not_before[partition] = self._monotonic() + _PAUSE_S
        return learned

    def _both_ends_are_served(self, partition: Partition, window: Window) -> bool:
        ends = Window(window.start, window.start + _PROBE), Window(window.end - _PROBE, window.end)
        return all(self._served(partition, end) for end in ends)

    def ask_again(self, partition: Partition) -> None:
        """See whether the exchange serves by now what it did not a week ago. Raises as `learn`."""
        asked_from = self._database().look(bookkeeping.reach_to_ask_again, partition, _REMEMBERED)
        if asked_from is None:
            return
        if self._served(partition, Window(asked_from, asked_from + _PROBE)):
            self._database().run(bookkeeping.remember_reach, partition, None)
        else:
            self._database().run(bookkeeping.note_reach_asked, partition)

    def _served(self, partition: Partition, window: Window) -> bool:
        """Whether the exchange answers a request for a window."""
        stream = self._stream.of(partition.instrument)
        query = parameters(stream, window, partition.instrument, None)
        if stream.paging.size_param:
            query[stream.paging.size_param] = "1"
        try:
            self._client.get(
                stream.path,
                query,
                priority=Priority.HISTORY,
                deadline_s=_DEADLINE_S,
                endpoint=stream.endpoint or None,
            )
        except BadRequest as error:
            if error.about_instrument:
                raise
            return False
        return True

    def _shorten(self, refused: Window, error: BadRequest) -> bool:
        shorter = refused.span / 2
        if shorter < _SHORTEST:
            return False
        if self._accepted is None or shorter < self._accepted:
            text = "the exchange refuses windows of %s: asking for half as much from now on: %s"
            _log.warning(text, refused.span, error)
            self._accepted = shorter
        return True

    def _remember(self, partition: Partition, reach: datetime) -> None:
        self._database().run(bookkeeping.remember_reach, partition, reach)
        with context.bind(scope=partition.instrument):
            _log.warning(
                "the exchange serves this history from %s on: what is older cannot be had",
                reach.isoformat(timespec="minutes"),
            )
