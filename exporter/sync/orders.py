"""Orders: the open ones by a plain poll, the closed ones by windows, by id what left both.

A pass reads the list of open orders, then the newest window. What is open in Postgres and not in
the list has left it: it is looked for where it was created, or by its id, and is unknown when the
exchange does not tell of it any more. Each step is derived from what Postgres holds.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from math import inf

from exporter.api.client import OnError
from exporter.api.identity import made_up
from exporter.api.open_list import OpenList, OpenListReader
from exporter.model.errors import DataRefused, UnexpectedPayload
from exporter.model.live_history import LiveHistory
from exporter.model.stream import Metric, Partition, Sample
from exporter.model.window import EPOCH, Window
from exporter.store import order_trades, orders
from exporter.store.loader import Batch, Loaded
from exporter.store.order_trades import Place
from exporter.sync.account import Account
from exporter.sync.history import LONGEST_DEADLINE_S, HistorySync
from exporter.sync.left_orders import LeftOrders
from exporter.sync.outside import AHEAD
from exporter.sync.stream_sync import SyncContext

_log = logging.getLogger(__name__)
_CHECK_S = 5.0
"""How long the trades inside of orders are compared in a pass; what is left waits for the next."""


class OrdersSync(HistorySync):
    """Reads the orders of one account into Postgres, and shows the open ones."""

    stream: LiveHistory
    starts_with_others = True

    def __init__(self, account: Account, stream: LiveHistory, shared: SyncContext) -> None:
        super().__init__(account, stream, shared)
        self.stream = stream
        self._instrumentation = shared.metrics.instrumentation
        self._open = OpenListReader(account.client, stream)
        self._left = LeftOrders(self)
        self._listed: list[Sample] = []
        """What the last good list says."""
        self._unknown: list[Sample] = []
        self._zeros: dict[tuple[Metric, tuple[str, ...]], Sample] = {}
        self._listed_at: datetime | None = None
        """When the last conclusive list was read, by the exchange's time; None: not by us."""
        self._polls = False
        """Whether this process lists what is open; commands that only fill gaps do not."""
        trades = (account.name, stream.embedded.stream.name)
        self._reads_trades = trades in shared.metrics.streams.keys
        """Whether this process reads the list of trades, too."""

    def poll(self, on_error: OnError) -> None:
        """Read and show what is open, then what was closed, then what became of the others."""
        self._polls = True
        found, malformed = self._read_open(on_error)
        if self.storage.database is not None:
            partition = self.account.partition(self.stream)
            left = self._store_open(partition, found)
            self.tail(on_error)
            self._left.resolve(partition, left, on_error)
            self._check_trades(_CHECK_S)
            unknown = self.database.look(orders.unknown, partition)
            self._unknown = [self.stream.unknown(unknown)]
            self._conclude(self.partitions(), [partition] if malformed is None else [])
        if malformed is not None:
            raise malformed
        self._metrics.streams.record_success(*self.key, self.samples())

    def samples(self) -> list[Sample]:
        """The gauges of the last good list; what it lacks and an earlier one had is 0."""
        listed = {(sample.metric, sample.labels) for sample in self._listed}
        zeros = [zero for series, zero in self._zeros.items() if series not in listed]
        return [*self._listed, *zeros, *self._unknown]

    @property
    def ready_for_backfill(self) -> bool:
        """Without Postgres there is nothing to fill; and nothing is before the first list."""
        ready = self.storage.database is not None and self._tail_tried
        return ready and self._listed_at is not None and super().ready_for_backfill

    def stand_by(self) -> None:
        """Another process shows the open orders now."""
        super().stand_by()
        self._listed, self._unknown, self._zeros = [], [], {}

    def refresh(self) -> None:
        """Show what a backfill changed, after the trades inside of its orders were compared."""
        self._check_trades(inf)
        super().refresh()

    def believed_from(self, partition: Partition) -> datetime:  # noqa: ARG002
        """An order may be told of that is older than the required history, if it changed in it."""
        return EPOCH

    def missing(self, partition: Partition, window: Window) -> list[Window]:
        """As of every history, up to the last list: a window need not show an order that is open,
        and nobody would see one that is neither listed nor read again once it is closed."""
        end = self._listed_until(window.end)
        return super().missing(partition, Window(window.start, end)) if end > window.start else []

    def claimable(self, settled: datetime) -> datetime:
        """As `missing`."""
        return self._listed_until(settled)

    def _listed_until(self, at: datetime) -> datetime:
        """``at``, or the last list, if that is earlier; as long as all of them failed, nothing."""
        if self._listed_at is None:
            return EPOCH if self._polls else at
        return min(at, self._listed_at)

    def _read_open(self, on_error: OnError) -> tuple[OpenList | None, UnexpectedPayload | None]:
        """The list, which is shown at once if it is good, and what is wrong with it.

        History goes on while the list is malformed: it tells nothing then.
        """
        if self.storage.up:
            self.account.identified()
        # While Postgres is away, the account may not be known; what is shown does not wait for it.
        account_id = self.account.account_id or made_up(self.account.name)
        partition = Partition(self.account.name, account_id, self.stream.name)
        deadline_s = min(self.interval.total_seconds(), LONGEST_DEADLINE_S)
        try:
            found = self._open.read(partition, deadline_s, on_error)
        except UnexpectedPayload as error:
            return None, error
        if found.rejects:
            reason = found.rejects[0].reason
            _log.warning("could not read %d open orders: %s", len(found.rejects), reason)
            return found, UnexpectedPayload(f"{self.stream.path}: {reason}")
        self._show(found)
        return found, None

    def _show(self, found: OpenList) -> None:
        self._listed = list(self.stream.open_samples(list(found.rows.values())))
        for sample in self._listed:
            if sample.metric.name in self.stream.zeroed:
                self._zeros[sample.metric, sample.labels] = sample._replace(value=0)
        self._metrics.streams.show_samples(*self.key, self.samples())

    def _store_open(self, partition: Partition, found: OpenList | None) -> Sequence[orders.Left]:
        """Keep the list; returns the open orders that are not in it, if it is conclusive."""
        if found is None:
            return []
        listed_at = self.now()
        self.store(
            partition, Batch([*found.older, *found.rows.values()], found.rejects, found.drift)
        )
        if not found.conclusive:
            return []
        self._listed_at = listed_at
        answers_from = self.now() - self.stream.answers_for
        return self.database.look(orders.left, partition, found.listed, answers_from)

    def store(self, partition: Partition, batch: Batch) -> Loaded:
        """Keep orders that were not requested by a window."""
        history = Window(self.required(partition), self.now() + AHEAD)

        def load(*, salvaging: bool) -> Loaded:
            return self.storage.run_leased(
                partition.account_id,
                lambda connection, lease: orders.load_listed(
                    connection, self.stream, partition, batch, lease, history, salvaging=salvaging
                ),
                ahead=True,
            )

        try:
            done = load(salvaging=False)
        except DataRefused as refused:
            _log.debug("looking for the records that cannot be stored: %s", refused)
            done = load(salvaging=True)
        self._record(partition, done)
        return done

    def judge(self, partition: Partition, order_id: str, *, known: bool) -> bool:
        """An order that left the list is closed, or unknown; False when it is not open any more."""
        return self.storage.run_leased(
            partition.account_id,
            lambda connection, lease: orders.judge(
                connection, partition, order_id, lease, known=known
            ),
        )

    def still_open(self, partition: Partition, ids: Sequence[str]) -> set[str]:
        """Those of some orders that are open as far as Postgres knows."""
        return self.database.look(orders.still_open, partition, ids) if ids else set()

    def pages_of(self, partition: Partition, window: Window) -> int:
        """About how many requests a window takes, by the orders that are known of it."""
        known = self.database.look(orders.created_in, partition, window)
        return 1 + known // self.stream.paging.size

    def _check_trades(self, most_s: float) -> None:
        """Compare the trades inside of orders with the stored ones."""
        partition = self.account.partition(self.stream)
        inner = self.account.partition(self.stream.embedded.stream)
        after: Place | None = Place()
        ends_at = self.monotonic() + most_s
        while after is not None and self.monotonic() < ends_at and not self.stop.is_set():
            checked = self.storage.run_leased(
                partition.account_id,
                partial(
                    order_trades.check,
                    stream=self.stream,
                    partition=partition,
                    inner=inner,
                    after=after,
                    awaited=self._reads_trades,
                ),
                ahead=True,
            )
            self._record(inner, checked.loaded)
            if checked.missed:
                _log.warning(
                    "%d trades inside of orders were not in the list of trades: loaded them, see "
                    "onetrading_sync.issues",
                    checked.missed,
                )
            after = checked.upto

    def _record(self, partition: Partition, done: Loaded) -> None:
        rows = {name: value for name, value in done._asdict().items() if name != "run_id"}
        if any(rows.values()):
            self._instrumentation.record_rows(partition.account, partition.stream, **rows)
