"""What the report takes from Postgres: read at most every few seconds, waited for only briefly.

However many people look, it costs one query. While Postgres hangs or is down they see what was
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
from exporter.store.reports import FailingMonth, Timeline, failing_months, timelines

_log = logging.getLogger(__name__)
REFRESH_S = 3.0
_MONTHS_REFRESH_S = 30.0
_WAIT_S = 0.3
"""How long the caller that starts a query waits for it; all others get what is cached."""
_STATEMENT_TIMEOUT_MS = 2_000


class CachedCoverage(NamedTuple):
    """What was read, and when; None: nothing yet."""

    timelines: tuple[Timeline, ...] = ()
    read_at: datetime | None = None
    failing_months: tuple[FailingMonth, ...] = ()


class CoverageCache:
    """The coverage of all streams, as last read from Postgres. Safe to use from any thread."""

    def __init__(
        self,
        database: Database | None,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        refresh_s: float = REFRESH_S,
    ) -> None:
        self._database = database
        self._now = now
        self._monotonic = monotonic
        self._refresh_s = refresh_s
        self._lock = threading.Lock()
        self._refreshing = False
        self._due_at = 0.0
        self._cached = CachedCoverage()
        self._months_due_at = 0.0

    def get(self) -> CachedCoverage:
        """What is cached, refreshed first when that is due. Waits for a moment, raises nothing."""
        database = self._database
        if database is not None and database.up and self._claim():
            refresh = threading.Thread(
                target=self._refresh, args=[database], name="status", daemon=True
            )
            try:
                refresh.start()
            except RuntimeError:  # the system has no thread left; a later call tries again
                self._release()
            else:
                refresh.join(_WAIT_S)
        return self._cached

    def _claim(self) -> bool:
        """Whether the caller is the one who has to refresh."""
        with self._lock:
            if self._refreshing or self._monotonic() < self._due_at:
                return False
            self._refreshing = True
            return True

    def _release(self) -> None:
        with self._lock:
            self._due_at = self._monotonic() + self._refresh_s
            self._refreshing = False

    def _refresh(self, database: Database) -> None:
        try:
            found = database.run_briefly(timelines, within_ms=_STATEMENT_TIMEOUT_MS)
            self._cached = CachedCoverage(tuple(found), self._now(), self._cached.failing_months)
            # They change slowly, and cost more: nothing else waits for them.
            if self._monotonic() >= self._months_due_at:
                months = database.run_briefly(failing_months)
                self._cached = self._cached._replace(failing_months=tuple(months))
                self._months_due_at = self._monotonic() + _MONTHS_REFRESH_S
        except DatabaseError as error:
            _log.debug("could not read the coverage: %s", error)
        except Exception:  # noqa: BLE001  the rest of the report must still be shown
            _log.exception("bug: could not read the coverage")
        finally:
            self._release()
