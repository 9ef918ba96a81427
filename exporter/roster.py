"""The accounts of a process, which come and go: each is one unit that begins and ends as a whole.

The start takes the same way as a later change, from no account to those that are configured.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, Protocol

from exporter.api.rate_limiter import RateLimiter
from exporter.metrics import Metrics
from exporter.model.stream import PUBLIC_ACCOUNT
from exporter.scheduler import Task
from exporter.settings import AccountSettings
from exporter.stop_event import StopEvent
from exporter.store.storage import Storage
from exporter.sync import (
    Account,
    Fillers,
    GapFiller,
    HistorySync,
    SnapshotQueue,
    StreamSync,
    SyncRunner,
)

_log = logging.getLogger(__name__)


class AccountUnit:
    """Everything that one account needs: token, request budget, client, streams, jobs, backfill.

    ``configured``: None for `public`. ``stop`` ends whatever waits in it.
    """

    def __init__(
        self,
        configured: AccountSettings | None,
        account: Account,
        rate_limiter: RateLimiter,
        syncs: Sequence[StreamSync],
        stop: StopEvent,
    ) -> None:
        self.configured = configured
        self.name = account.name
        self.account = account
        self.rate_limiter = rate_limiter
        self.syncs = tuple(syncs)
        self.stop = stop
        self._idle = threading.Condition()
        self._passes = 0
        """That are running, filling gaps included."""
        self._filling = False

    @property
    def histories(self) -> list[HistorySync]:
        """The history streams among its streams."""
        return [sync for sync in self.syncs if isinstance(sync, HistorySync)]

    def tasks(self, runner: SyncRunner) -> list[Task]:
        """A pass of each stream, again and again."""
        return [
            Task(sync.name, sync.interval, partial(self._pass, runner, sync)) for sync in self.syncs
        ]

    def _pass(self, runner: SyncRunner, sync: StreamSync) -> bool:
        with self._working() as may_work:
            return not may_work or runner.run(sync) == "ok"

    @contextmanager
    def _working(self) -> Iterator[bool]:
        """Inside, `join` waits; yields False once it is too late to begin."""
        with self._idle:
            may_work = not self.stop.is_set()
            self._passes += may_work
        try:
            yield may_work
        finally:
            with self._idle:
                self._passes -= may_work
                self._idle.notify_all()

    def begin_backfill(self, filler: GapFiller, fillers: Fillers, after_s: float = 0.0) -> None:
        """Keep its history complete from now on. Does nothing once that has begun."""

        def turn() -> float | None:
            with self._working() as may_work:
                return filler.turn() if may_work else None

        with self._idle:
            if not self._filling and self.histories and not self.stop.is_set():
                fillers.add(turn, after_s)
                self._filling = True

    def end(self) -> None:
        """Begin nothing new, and end every wait of what is under way. Returns at once."""
        self.stop.set()
        self.account.client.interrupt()

    def join(self) -> None:
        """Wait until nothing of it is under way: from then on it writes nothing."""
        with self._idle:
            self._idle.wait_for(lambda: not self._passes)


class Jobs(Protocol):
    """What a service runs for its accounts."""

    def begin(self, units: Sequence[AccountUnit]) -> None:
        """Poll them at their intervals and keep their histories complete, from now on."""

    def end(self, units: Sequence[AccountUnit]) -> None:
        """Begin no more runs for them."""


class Change(NamedTuple):
    """Which accounts came, went or have other settings, by name. Empty: nothing has changed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = zip(self._fields, self, strict=True)
        return "; ".join(f"{what}: {', '.join(names)}" for what, names in parts if names)


class Roster:
    """The accounts of a process. Safe to use from any thread; one at a time makes a change.

    ``build`` makes the unit of an account, and has no effect beside that. ``units`` is replaced as
    a whole, so whoever takes it once sees accounts that fit together.
    """

    def __init__(
        self,
        build: Callable[[AccountSettings | None], AccountUnit],
        *,
        metrics: Metrics,
        storage: Storage,
        snapshots: SnapshotQueue,
        runner: SyncRunner,
        stop: StopEvent,
    ) -> None:
        self._build = build
        self._metrics = metrics
        self._storage = storage
        self._snapshots = snapshots
        self._runner = runner
        self._stop = stop
        self._lock = threading.Lock()
        self._jobs: Jobs | None = None
        self.units: tuple[AccountUnit, ...] = ()
        """In the order configured, `public` last."""

    def chosen_streams(self) -> dict[str, list[str]]:
        """The streams that are read of each account, `public` last."""
        return {unit.name: [sync.stream.name for sync in unit.syncs] for unit in self.units}

    def attach(self, jobs: Jobs) -> None:
        """Let ``jobs`` run for every account, now and later."""
        with self._lock:
            self._jobs = jobs
            jobs.begin(self.units)

    def compare(self, accounts: Sequence[AccountSettings]) -> Change:
        """What `change` would change."""
        before, after = self._configured(), {account.name: account for account in accounts}
        return Change(
            tuple(name for name in after if name not in before),
            tuple(name for name in before if name not in after),
            tuple(n for n, a in after.items() if n in before and not a.same_as(before[n])),
        )

    def change(self, accounts: Sequence[AccountSettings]) -> Change:
        """Let these be the accounts of the process; `public` always is.

        What leaves, or changes, ends in order first: its passes in flight end, then its lease is
        released. An account that changes keeps its lease. Waits for that, except when the process
        ends: then nothing begins any more.
        """
        with self._lock:
            change = self.compare(accounts)
            leaving = [u for u in self.units if u.name in (*change.removed, *change.changed)]
            self._end(leaving, kept=change.changed)
            if not self._stop.is_set():
                self._begin(accounts, kept=change.changed)
        return change

    def _configured(self) -> Mapping[str, AccountSettings]:
        return {unit.name: unit.configured for unit in self.units if unit.configured is not None}

    def _end(self, leaving: Sequence[AccountUnit], *, kept: Sequence[str]) -> None:
        """End units as a whole. ``kept``: of which names the lease is needed by their successor."""
        if not leaving:
            return
        for unit in leaving:
            unit.end()
        if self._jobs is not None:
            self._jobs.end(leaving)
        self._publish([unit for unit in self.units if unit not in leaving])
        for unit in leaving:
            unit.join()
            unit.account.client.close()
            self._snapshots.remove(unit.name)
            self._runner.forget(unit.name, [sync.stream.name for sync in unit.syncs])
            if unit.name not in kept:
                self._storage.leave(unit.name, unit.account.account_id)
        self._publish(self.units)  # without what their last passes have measured

    def _begin(self, accounts: Sequence[AccountSettings], *, kept: Sequence[str]) -> None:
        present = {unit.name: unit for unit in self.units}
        joining = [
            self._build(configured)
            for configured in (*accounts, None)
            if (configured.name if configured else PUBLIC_ACCOUNT) not in present
        ]
        for unit in joining:
            if unit.syncs:
                self._storage.follow(unit.name, unit.account.account_id)
            elif unit.name in kept:
                self._storage.leave(unit.name)
            present[unit.name] = unit
        self._publish([present[name] for name in (*(a.name for a in accounts), PUBLIC_ACCOUNT)])
        if self._jobs is not None and joining:
            self._jobs.begin(joining)

    def _publish(self, units: Sequence[AccountUnit]) -> None:
        """Let everybody see these units."""
        self.units = tuple(units)
        self._metrics.set_accounts(self.chosen_streams())
        for unit in units:
            self._metrics.service.track_rate_limiter(
                unit.name, partial(getattr, unit.rate_limiter, "remaining")
            )
