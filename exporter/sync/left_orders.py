"""Find out what became of orders that left the list of open ones.

Many of one hour are read by a window, where that takes fewer requests; the others by their id,
which the exchange responds to for 30 days, then where they were created. What it does not tell of
in either way is unknown.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from exporter.api.client import OnError
from exporter.api.paginator import check_account
from exporter.api.rate_limiter import Priority
from exporter.model.errors import (
    BadRequest,
    ExchangeError,
    NotPermitted,
    RateLimited,
    UnexpectedPayload,
)
from exporter.model.page import read
from exporter.model.stream import Page, Partition
from exporter.model.window import RESOLUTION, Window
from exporter.store.loader import Batch, Run
from exporter.store.orders import Left

if TYPE_CHECKING:
    from exporter.sync.orders import OrdersSync

_log = logging.getLogger(__name__)
_MOST_ASKED = 20
"""Orders that are asked for by id in one pass; the others wait for the next."""
_MOST_WINDOWS = 5
_TOGETHER = timedelta(hours=1)
_MANY = 3
"""So many orders, none more than an hour after the one before, are read by one window, if that
takes fewer requests."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 60.0, 3_600.0
"""Until an order of which nothing new is told is asked for again: twice as long each time."""
_DEADLINE_S = 10.0


class LeftOrders:
    """Resolves what left the list, for one account. Remembers only when to ask again."""

    def __init__(self, sync: OrdersSync) -> None:
        self._sync = sync
        self._stream = sync.stream
        self._pauses: dict[str, tuple[float, float]] = {}
        """By order: when it is asked for again, and the pause after that."""

    def resolve(self, partition: Partition, left: Sequence[Left], on_error: OnError) -> None:
        """Ask for those of ``left`` that nothing has told of meanwhile.

        Raises ExchangeError when the exchange cannot be asked at all now, DatabaseError, StandingBy
        and Stopping.
        """
        ids = {order.order_id for order in left}
        self._pauses = {name: pause for name, pause in self._pauses.items() if name in ids}
        due = self._due(partition, left)
        for window, count in _windows(due)[:_MOST_WINDOWS]:
            if self._sync.pages_of(partition, window) < count:
                self._read_window(partition, window, on_error)
        if len(due) >= _MANY:
            due = self._due(partition, due)
        for order in due[:_MOST_ASKED]:
            self._sync.account.check_lease()
            self._ask(partition, order, on_error)

    def _due(self, partition: Partition, left: Sequence[Left]) -> list[Left]:
        now = self._sync.monotonic()
        due = [order for order in left if now >= self._pauses.get(order.order_id, (0.0, 0.0))[0]]
        still = self._sync.still_open(partition, [order.order_id for order in due])
        return [order for order in due if order.order_id in still]

    def _read_window(self, partition: Partition, window: Window, on_error: OnError) -> None:
        """Read orders where they were created. It proves nothing: it is no gap that is filled.

        An order may be older than what the exchange serves: a refusal tells nothing more of it.
        """
        sync = self._sync
        paginator = sync.paginator(partition, window, "tail", _DEADLINE_S, _unless_told(on_error))
        try:
            sync.load(partition, paginator, Run("tail", window), window.start)
        except BadRequest as refusal:
            _log.debug("could not read where orders were created: %s", refusal)

    def _ask(self, partition: Partition, order: Left, on_error: OnError) -> None:
        try:
            page = self._page(partition, order.order_id, on_error)
        except (BadRequest, NotPermitted, UnexpectedPayload) as error:
            self._look_where_created(partition, order, error, on_error)
            return
        except RateLimited:
            raise
        except ExchangeError as error:
            _log.info("could not ask for an order that is not listed as open any more: %s", error)
            self._pause(order)
            return
        batch = Batch(page.rows, page.rejects, set(page.drift))
        self._sync.store(partition, batch)
        if self._sync.still_open(partition, [order.order_id]):
            self._judge_open(partition, order, page)

    def _judge_open(self, partition: Partition, order: Left, page: Page) -> None:
        """An order that is not listed as open and does not say that it is closed."""
        said = [row.status for row in page.rows if row.order_id == order.order_id]
        if said and said[-1] not in self._stream.open_statuses:
            self._sync.judge(partition, order.order_id, known=True)
        else:  # it says that it is open, or cannot be read
            self._pause(order)

    def _look_where_created(
        self, partition: Partition, order: Left, error: ExchangeError, on_error: OnError
    ) -> None:
        window = Window(order.created_at, order.created_at + RESOLUTION)
        self._read_window(partition, window, on_error)
        if self._sync.judge(partition, order.order_id, known=False):
            _log.warning(
                "order %s left the list of open ones, and the exchange does not tell what became of"
                " it: its state is unknown, see reporting.current_orders: %s",
                order.order_id,
                error,
            )

    def _page(self, partition: Partition, order_id: str, on_error: OnError) -> Page:
        """The response to a request for one order. Raises ExchangeError."""
        path = self._stream.path
        body = self._sync.account.client.get(
            f"{path}/{order_id}",
            {},
            priority=Priority.LIVE,
            deadline_s=_DEADLINE_S,
            endpoint=f"{path}/{{id}}",
            on_error=_unless_told(on_error),
        )
        page = read(self._stream.single, body, partition.account_id)
        check_account(self._stream, partition, page)
        others = [row.order_id for row in page.rows if row.order_id != order_id]
        if others:
            raise UnexpectedPayload(f"{path}: asked for {order_id}, but got {others[0]}")
        return page

    def _pause(self, order: Left) -> None:
        _, pause_s = self._pauses.get(order.order_id, (0.0, _FIRST_PAUSE_S))
        due = self._sync.monotonic() + pause_s
        self._pauses[order.order_id] = due, min(2 * pause_s, _LONGEST_PAUSE_S)


def _unless_told(on_error: OnError) -> OnError:
    """``on_error`` for a request whose refusal tells that the exchange does not know an order."""
    return lambda error: None if isinstance(error, BadRequest) else on_error(error)


def _windows(left: Sequence[Left]) -> list[tuple[Window, int]]:
    """Windows of a day at most in which several orders were created, none more than an hour after
    the one before; and how many."""
    instants = sorted(order.created_at for order in left)
    groups = [instants[:1]]
    for before, at in pairwise(instants):
        if at - before > _TOGETHER or at - groups[-1][0] > 24 * _TOGETHER:
            groups.append([])
        groups[-1].append(at)
    return [(Window(g[0], g[-1] + RESOLUTION), len(g)) for g in groups if len(g) >= _MANY]
