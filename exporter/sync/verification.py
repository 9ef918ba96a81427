"""Read a proven window of history again and compare it with what is stored.

The comparison only reads: a fact that is stored as it is sent costs no write. What came late is
loaded, what came back different replaces what was stored, as in any walk, and both are noted. What
is stored and no longer shown has *vanished*: it is told once and stays. That takes evidence:

1. Only a walk to the explicit end of the window counts, and the part in question is read twice: a
   page may be cut short once. An error, a refusal (400, 404) among them, shows nothing.
2. No record of it could not be read: that may be the fact.
3. The fact was stored before the walk began.
4. The exchange still serves its time: it has shown something older, or does so when asked for a
   page of it; or it shows something else of the window, and the fact is younger than any history
   that the exchange is known to drop. Otherwise the time is *not served any more*, which is no
   difference.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

from exporter.logs import context
from exporter.model.stream import Partition, Reject
from exporter.model.window import RESOLUTION, Window
from exporter.store import verified
from exporter.store.loader import Batch, Found, Loaded, Run
from exporter.store.verified import Result
from exporter.sync.history import HistorySync

_log = logging.getLogger(__name__)
_MOST_FACTS = 2_000
"""Stored facts of one window: their keys are kept in memory while it is read."""
_SHORTEST = timedelta(hours=1)
_PRECISION = timedelta(seconds=1)
"""A stamp may be sent in another precision than before, and lie beyond the edge of a window."""
_ALWAYS_SERVED = timedelta(days=30)
"""The exchange is not known to drop younger history (its windows are as long)."""


class Compared(NamedTuple):
    """What one window, or several, have shown."""

    facts: int = 0
    """How many are stored of the windows."""
    late: int = 0
    changed: int = 0
    vanished: int = 0
    told_before: int = 0
    """Those of the vanished that were told before, and are still gone."""
    returned: int = 0
    """Facts that had vanished and are shown again."""
    not_served: int = 0
    rejected: int = 0
    pages: int = 0

    def plus(self, other: Compared) -> Compared:
        """Both together."""
        return Compared(*map(sum, zip(self, other, strict=True)))

    @property
    def differs(self) -> bool:
        """Whether the exchange shows something else than what was stored."""
        return bool(self.late or self.changed or self.vanished)

    @property
    def news(self) -> bool:
        """Whether something was found that was not known."""
        return bool(self.late or self.changed or self.returned or self.vanished > self.told_before)


@dataclass
class _Shown:
    """What walks through a window have shown."""

    sync: HistorySync
    keys: set[Any] = field(default_factory=set)
    oldest: datetime | None = None
    rejects: list[Reject] = field(default_factory=list)
    found: dict[Found, set[str]] = field(default_factory=lambda: defaultdict(set))
    pages: int = 0
    rejected: int = 0

    def add(self, run: Run, loaded: Loaded, batch: Batch) -> None:
        """A batch was committed."""
        stream = self.sync.stream
        key, instant = attrgetter(*stream.table.key), attrgetter(stream.instant)
        self.keys.update(map(key, batch.rows))
        # A closed position may not tell when it was opened.
        told = [at for at in map(instant, batch.rows) if at is not None]
        inside = [at for at in told if run.wanted.holds(at)]
        self.oldest = min(inside + ([] if self.oldest is None else [self.oldest]), default=None)
        self.rejects.extend(batch.rejects)
        self.pages += batch.pages
        self.rejected += loaded.rejected
        for kind, keys in run.found.items():
            self.found[kind] |= keys

    def may_be_rejected(self, key: dict[str, str], at: datetime) -> bool:
        """Whether a record that could not be read may be the fact with this key."""
        return any(
            reject.key == key
            if reject.key is not None
            else reject.happened_at is None or abs(reject.happened_at - at) < timedelta(seconds=1)
            for reject in self.rejects
        )


class Verification:
    """Verifies windows of one history stream of one account; one thread at a time.

    ``deadline_s``: how long a page is retried.
    """

    def __init__(self, sync: HistorySync, deadline_s: float) -> None:
        self._sync = sync
        self._deadline_s = deadline_s

    def windows(self, partition: Partition, parts: Iterable[Window]) -> Iterator[Window]:
        """``parts`` in windows that may be requested and hold few facts, the newest first."""
        for part in sorted(parts, reverse=True):
            end, longest = part.end, self._sync.max_window(partition)
            while end > part.start:
                window = Window(max(part.start, end - longest), end)
                window = self._sized(partition, window)
                yield window
                end = window.start

    def _sized(self, partition: Partition, window: Window) -> Window:
        count = _MOST_FACTS + 1
        while (
            window.span > _SHORTEST and len(self._stored(partition, window, limit=count)) == count
        ):
            window = window.halves()[1]
        return window

    def verify(self, partition: Partition, window: Window) -> Compared:
        """Read a proven window again, and note what that shows.

        Raises ExchangeError, DatabaseError, StandingBy, NotYet and Stopping: then nothing is known
        of the window, but what was read is compared and loaded.
        """
        sync = self._sync
        sync.account.check_lease()
        began = sync.database.run(verified.server_time)
        shown = _Shown(sync)
        self._walk(partition, window, shown)
        stored = self._stored(partition, window, before=began)
        missing = self._missing(stored, shown)
        gone: set[Any] = set()
        if missing:
            served = self._still_served(partition, missing, shown)
            if served:
                at = [missing[key] for key in served]
                again = Window(min(at) - _PRECISION, max(at) + _PRECISION)
                self._walk(partition, again, shown)
            gone = served & self._missing(stored, shown).keys()
            missing = {key: at for key, at in missing.items() if key not in served}
        result = Result(window, sync.now(), len(stored), gone, len(missing))
        new = sync.storage.run_leased(
            partition.account_id,
            lambda connection, lease: verified.note(
                connection, sync.stream, partition, result, lease
            ),
        )
        compared = Compared(
            **{kind: len(keys) for kind, keys in shown.found.items()},
            facts=len(stored),
            vanished=len(gone),
            told_before=len(gone) - new,
            not_served=len(missing),
            rejected=shown.rejected,
            pages=shown.pages,
        )
        _tell(partition, window, compared)
        return compared

    def _walk(self, partition: Partition, window: Window, shown: _Shown) -> None:
        """Read a window to its end."""
        run = Run("verify", window)
        self._sync.load(
            partition,
            self._sync.paginator(partition, window, "verify", self._deadline_s),
            run,
            self._sync.settled(),
            partial(shown.add, run),
        )

    def _stored(self, partition: Partition, window: Window, **more: Any) -> dict[Any, datetime]:
        return self._sync.database.run(
            lambda connection: verified.stored_keys(
                connection, self._sync.stream, partition, window, **more
            )
        )

    def _missing(self, stored: dict[Any, datetime], shown: _Shown) -> dict[Any, datetime]:
        """What is stored and was not shown, unless it may be among what could not be read."""
        names = self._sync.stream.table.key
        return {
            key: at
            for key, at in stored.items()
            if key not in shown.keys and not shown.may_be_rejected(_named(names, key), at)
        }

    def _still_served(
        self, partition: Partition, missing: dict[Any, datetime], shown: _Shown
    ) -> set[Any]:
        """Those of the missing facts whose time the exchange still serves."""
        oldest = shown.oldest
        served = {key for key, at in missing.items() if oldest is not None and at >= oldest}
        older = {key: at for key, at in missing.items() if key not in served}
        if not older:
            return served
        if self._serves_before(partition, min(older.values())):
            return served | older.keys()
        if oldest is not None:
            young = self._sync.now() - _ALWAYS_SERVED
            served |= {key for key, at in older.items() if at > young}
        return served

    def _serves_before(self, partition: Partition, instant: datetime) -> bool:
        """Whether the exchange shows anything older, where something is stored if anything is.

        Only looks: what it reads is proven already, or is read by whoever proves it.
        """
        known = self._sync.database.run(
            lambda connection: verified.newest_before(
                connection, self._sync.stream, partition, instant
            )
        )
        end = instant if known is None else known + RESOLUTION
        window = Window(end - self._sync.max_window(partition), end)
        paginator = self._sync.paginator(partition, window, "verify", self._deadline_s)
        return any(result.rows for result in paginator.pages())


def _named(names: tuple[str, ...], key: Any) -> dict[str, str]:
    values = key if len(names) > 1 else (key,)
    return dict(zip(names, map(str, values), strict=True))


def _tell(partition: Partition, window: Window, compared: Compared) -> None:
    facts = {name: count for name, count in compared._asdict().items() if count}
    with context.bind(scope=partition.instrument):
        if compared.news:
            text = "verified %s: the exchange shows something else than was stored, see %s"
            _log.warning(text, _spelt(window), "reporting.late_facts", extra=facts)
        elif compared.not_served:
            text = "verified %s: the exchange no longer serves all of it"
            _log.info(text, _spelt(window), extra=facts)
        else:
            _log.debug("verified %s", _spelt(window), extra=facts)


def _spelt(window: Window) -> str:
    return f"{window.start:%FT%TZ} .. {window.end:%FT%TZ}"
