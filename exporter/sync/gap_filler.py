"""Keep the history of an account complete for as long as the service runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from exporter.model.errors import BadRequest, ExchangeError, ExporterError, Stopping
from exporter.model.stream import Stream
from exporter.sync.backfill import Backfill, Show
from exporter.sync.dependencies import Account, Parts
from exporter.sync.failure_streaks import FailureStreaks
from exporter.sync.history import HistorySync

_log = logging.getLogger(__name__)
_CLOSED_EVERY_S = 3_600.0
_CLOSED_DEADLINE_S = 10.0


class GapFiller:
    """Keeps the history of one account complete, for as long as the service runs."""

    def __init__(
        self,
        parts: Parts,
        readers: Iterable[HistorySync],
        refused: Callable[[Account, Stream], bool] = lambda _account, _stream: False,
        look_every_s: float = 10.0,
    ) -> None:
        self._parts = parts
        self._readers = list(readers)
        self._refused = refused
        self._look_every_s = look_every_s
        self._closed_due: dict[str, float] = {}
        self._repeats = FailureStreaks()

    def run(self) -> None:
        """Fill gaps whenever there are any, until the process stops."""
        while not self._parts.stop.is_set():
            for reader in self._readers:
                try:
                    if not self._refused(reader.account, reader.stream):
                        self.fill(reader)
                except Stopping:
                    return
                except Exception:  # noqa: BLE001  a bug in one stream must not end the others
                    _log.exception("backfill failed, a fault of ours")
            self._parts.stop.wait(self._look_every_s)

    def _fill_closed(self, reader: HistorySync) -> None:
        """Read the history of closed instruments once in a while; a refusal is no failure."""
        name = reader.stream.name
        if time.monotonic() < self._closed_due.get(name, 0.0):
            return
        self._closed_due[name] = time.monotonic() + _CLOSED_EVERY_S
        for partition in reader.closed_partitions():
            backfill = Backfill(self._parts, reader, deadline_s=_CLOSED_DEADLINE_S)
            try:
                reader.required(partition)
                reader.retire(partition, closed=True)
                backfill.complete(partitions=[partition])
            except ExchangeError as error:
                _log.info("no history of a closed instrument: %s", error)
        for partition in reader.partitions():
            reader.retire(partition, closed=False)

    def fill(self, reader: HistorySync, show: Show = lambda _progress: None) -> bool:
        """Fill the gaps of one stream; whether it was possible. Raises Stopping."""
        with self._parts.working(reader.account.name, reader.stream.name):
            return self._fill(reader, Backfill(self._parts, reader, show))

    def _fill(self, reader: HistorySync, backfill: Backfill) -> bool:
        try:
            backfill.complete()
            opened = backfill.open_counting()
            self._fill_closed(reader)
            if opened or backfill.progress.pages:
                reader.refresh()
        except Stopping:
            raise
        except BadRequest as error:
            self._tell(reader, logging.WARNING, "a part of history cannot be had: %s", error)
            if backfill.only_refusals:
                backfill.open_counting()
            return False
        except ExporterError as error:
            self._tell(reader, logging.INFO, "history stays incomplete for now: %s", error)
            return False
        self._repeats.over(reader.stream.name)
        if backfill.progress.pages:
            _log.info("history is complete", extra=backfill.progress.told())
        return True

    def _tell(self, reader: HistorySync, level: int, text: str, error: ExporterError) -> None:
        """A gap that stays is looked at every few seconds: say so less and less often."""
        count, due = self._repeats.failed(reader.stream.name, text)
        quiet = not due or self._parts.is_away(error)
        _log.log(logging.DEBUG if quiet else level, text, error, extra={"failures": count})
