"""What the report takes from Postgres: read at most every few seconds, waited for only briefly.

However many people look, it costs one query; while Postgres hangs or is away they see what was
read last, and when that was.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from exporter.model.errors import DatabaseError
from exporter.store.database import Database
from exporter.store.reports import Timeline, timelines

_log = logging.getLogger(__name__)
EVERY_S = 3.0
_PATIENCE_S = 0.3
"""How long whoever starts a reading waits for it; everybody else takes what is there."""
_STATEMENT_MS = 2_000


class CachedCoverage(NamedTuple):
    """What was read, and when; None: nothing yet."""

    timelines: tuple[Timeline, ...] = ()
    read_at: datetime | None = None


class CoverageCache:
    """The part of the report that Postgres holds. Safe to use from any thread."""

    def __init__(
        self,
        database: Database | None,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        every_s: float = EVERY_S,
    ) -> None:
        self._database = database
        self._now = now
        self._monotonic = monotonic
        self._every_s = every_s
        self._lock = threading.Lock()
        self._reading = False
        self._due_at = 0.0
        self._known = CachedCoverage()

    def get(self) -> CachedCoverage:
        """What is known now. Reads again when that is due; raises nothing, waits a moment."""
        database = self._database
        if database is not None and database.up and self._claim():
            reading = threading.Thread(
                target=self._read, args=[database], name="status", daemon=True
            )
            try:
                reading.start()
            except RuntimeError:  # the system has no thread left; a later look tries again
                self._over()
            else:
                reading.join(_PATIENCE_S)
        return self._known

    def _claim(self) -> bool:
        """Whether the caller is the one who has to read."""
        with self._lock:
            if self._reading or self._monotonic() < self._due_at:
                return False
            self._reading = True
            return True

    def _read(self, database: Database) -> None:
        try:
            found = database.run_briefly(timelines, within_ms=_STATEMENT_MS)
            self._known = CachedCoverage(tuple(found), self._now())
        except DatabaseError as error:
            _log.debug("coverage cannot be read: %s", error)
        except Exception:  # noqa: BLE001  whoever looks must still see the rest
            _log.exception("coverage cannot be read: a fault of ours")
        finally:
            self._over()

    def _over(self) -> None:
        with self._lock:
            self._due_at = self._monotonic() + self._every_s
            self._reading = False
