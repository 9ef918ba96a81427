"""One stream of one account: what every kind of stream does when its turn comes."""

from __future__ import annotations

import itertools
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from exporter.api.client import OnError
from exporter.logs import context
from exporter.metrics import Metrics
from exporter.model.stream import Partition, Stream
from exporter.store.storage import Storage
from exporter.sync.account import Account
from exporter.sync.snapshot_queue import SnapshotQueue


@dataclass(frozen=True, kw_only=True)
class SyncContext:
    """What all streams of a process share. Each kind takes what it needs in its constructor."""

    metrics: Metrics
    storage: Storage
    snapshots: SnapshotQueue
    stop: threading.Event
    """Set when the process is to end; every wait is a wait for it."""
    monotonic: Callable[[], float]
    """Seconds that never go back."""
    intervals: Mapping[str, timedelta] = field(default_factory=dict)
    """Stream name to how often it is read, where that is not the stream's own interval."""
    scopes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Stream name to the scopes that a setting names of it."""
    history_start: datetime | None = None
    """From where history must be complete; None: 30 days before the first start."""


class StreamSync(ABC):
    """One stream of one account. A pass of it runs in one thread at a time."""

    _passes: ClassVar[Iterator[int]] = itertools.count(1)

    def __init__(self, account: Account, stream: Stream, shared: SyncContext) -> None:
        self.account = account
        self.stream = stream
        self.interval = shared.intervals.get(stream.name, stream.interval)
        self.key = (account.name, stream.name)

    @property
    def name(self) -> str:
        """``account/stream``."""
        return "/".join(self.key)

    @abstractmethod
    def poll(self, on_error: OnError) -> None:
        """Read what is new, store it and show it.

        ``on_error`` is called for each failed attempt. Raises ExporterError; the caller decides
        what that means for the stream.
        """

    def partitions(self) -> list[Partition]:
        """What is read, and noted in Postgres, one by one. Raises ExchangeError, DatabaseError."""
        return [self.account.partition(self.stream)]

    def failed_partitions(self) -> list[Partition]:
        """Those of which a failed pass is noted. Raises as `partitions`."""
        return self.partitions()

    def stand_by(self) -> None:  # noqa: B027  most kinds have nothing to forget
        """Another process reads the stream now: what a takeover must not rely on is forgotten."""

    @property
    def requests_per_pass(self) -> int:
        """About how many requests a pass sends while there is nothing new."""
        return self.stream.requests_per_pass

    @property
    def unread_scopes(self) -> Mapping[str, str]:
        """Instruments that are not read although others of the stream are, with the reason."""
        return {}

    @contextmanager
    def logged(self) -> Iterator[None]:
        """Log lines inside carry account, stream and a number of this pass as ``run``: `p17`.

        A walk through history has its ``run_id`` there instead.
        """
        run = f"p{next(self._passes)}"
        with context.bind(account=self.account.name, stream=self.stream.name, run=run):
            yield
