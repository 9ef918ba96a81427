"""The scopes of a history stream: which of them are read, how often, and why others are not.

Where the exchange wants an instrument in each request, each instrument is a *scope* with a state of
its own, so that one that the exchange does not serve costs the others nothing. Candlesticks have
the scopes that a setting names:

    state    reason                       read                          must be complete
    -------- ---------------------------- ----------------------------- ----------------
    served                                on every pass, and backfilled yes
    refused  the exchange refuses it      newest part, once an hour     no
    closed   the instrument is closed     what is missing, once an hour no
    gone     the list does not have it    what is missing, once an hour no
    dropped  the setting does not name it never                         no

The reason is kept in ``onetrading_sync.progress.retired_because``, so that whoever asks which month
is complete comes to the same result as this process, and a restart does not forget it. A refusal
only counts while the exchange serves other scopes: where it serves none, the stream fails.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from exporter.logs import context
from exporter.model.errors import REASON_MEANINGS, BadRequest, ExchangeError, NotYet
from exporter.model.limits import GONE_AFTER_READS
from exporter.model.retirement import CLOSED, GONE, REFUSED, SCOPE_NOT_CONFIGURED
from exporter.model.stream import History, Partition
from exporter.store import bookkeeping
from exporter.store.bookkeeping import Progress
from exporter.store.database import Database
from exporter.sync.account import Account

_log = logging.getLogger(__name__)
_HOUR_S = 3_600.0
_FIRST_PAUSE_S = 300.0
_CODE = re.compile(r"[A-Z][A-Z0-9_]{2,63}")


class Survey(NamedTuple):
    """The scopes of a stream at one time."""

    served: list[Partition]
    """Read on every pass; their history must be complete."""
    refused: list[Partition]
    ended: dict[Partition, str]
    """Closed, gone or no longer configured, with the reason."""
    progress: Mapping[str, Progress]
    """By instrument, as Postgres knows it; only of scopes that were ever to be read."""

    @property
    def stored(self) -> Mapping[str, str | None]:
        """By instrument, the reason in Postgres why it is not read."""
        return {scope: known.retired_because for scope, known in self.progress.items()}

    @property
    def wound_up(self) -> list[Partition]:
        """Those that ended and are read all the same, as far as the exchange serves them."""
        return [place for place, why in self.ended.items() if why != SCOPE_NOT_CONFIGURED]


@dataclass
class _Refusal:
    """Of one scope, as this process met it."""

    times: int = 0
    """In a row."""
    again_at: float = 0.0


class Scopes:
    """The scopes of one history stream of one account. Safe to use from any thread.

    ``database`` and ``now`` are asked whenever they are needed, and may raise; ``monotonic``
    returns seconds that never go back. ``list_interval``: how often the instruments are read.
    ``configured``: the scopes that a setting names, for a stream that has such a setting.
    """

    def __init__(
        self,
        account: Account,
        stream: History,
        database: Callable[[], Database],
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
        list_interval: timedelta,
        configured: Sequence[str] = (),
    ) -> None:
        self._account = account
        self._stream = stream
        self._database = database
        self._monotonic = monotonic
        self._now = now
        self._gone_after = GONE_AFTER_READS * list_interval
        self._configured = tuple(configured)
        self._lock = threading.Lock()
        self._refusals: dict[str, _Refusal] = {}
        self._unread: dict[str, str] = {}
        self._surveyed: Survey | None = None
        """The last survey, as long as nothing else was recorded since."""

    @property
    def unread(self) -> Mapping[str, str]:
        """Instrument to reason of those refused or gone, as of the last pass; {} while unknown."""
        return self._unread

    @property
    def configured_count(self) -> int:
        """How many scopes a setting names."""
        return len(self._configured)

    def refused_count(self) -> int:
        """How many scopes were refused, as of the last pass."""
        return sum(reason.startswith(REFUSED) for reason in self._unread.values())

    def served(self) -> list[Partition]:
        """What is read on every pass, as surveyed last. Raises as `survey`."""
        return (self._surveyed or self.survey()).served

    def survey(self) -> Survey:
        """The scopes as they are now; changes nothing.

        Raises NotYet before the instruments are known, and what `Account.partition` raises.
        """
        self._surveyed = found = self._survey()
        return found

    def _survey(self) -> Survey:
        base = self._account.partition(self._stream)
        if not self._stream.partition_by:
            return Survey([base], [], {}, {})
        if self._stream.needs_scopes:
            return self._named_by_setting(base)
        listings, progress = self._database().run_at_once(bookkeeping.ask_scopes, base)
        if not listings:
            raise NotYet("no futures instrument is known yet")
        stored = {scope: known.retired_because for scope, known in progress.items()}
        ended = {base._replace(instrument=code): GONE for code in stored if code}
        served, refused = list[Partition](), list[Partition]()
        now = self._now()
        for listing in listings:
            partition = base._replace(instrument=listing.code)
            ended.pop(partition, None)
            if (why := self._ended(listing, now)) is not None:
                ended[partition] = why
            elif (stored.get(listing.code) or "").startswith(REFUSED):
                refused.append(partition)
            else:
                served.append(partition)
        if not served:  # none is served beside them, so that the stream is at fault
            served, refused = refused, []
        return Survey(served, refused, ended, progress)

    def _ended(self, listing: bookkeeping.Listing, now: datetime) -> str | None:
        if listing.state == "CLOSED":
            return CLOSED
        gone = listing.gone_at is not None and now - listing.gone_at >= self._gone_after
        return GONE if gone else None

    def _named_by_setting(self, base: Partition) -> Survey:
        progress = self._database().run_at_once(bookkeeping.ask_progress, base)
        stored = {scope: known.retired_because for scope, known in progress.items()}
        served, refused = list[Partition](), list[Partition]()
        for scope in self._configured:
            denied = (stored.get(scope) or "").startswith(REFUSED)
            (refused if denied else served).append(base._replace(instrument=scope))
        if not served:
            served, refused = refused, []
        ended = {
            base._replace(instrument=scope): SCOPE_NOT_CONFIGURED
            for scope in stored
            if scope and scope not in self._configured
        }
        return Survey(served, refused, ended, progress)

    def due(self, survey: Survey) -> list[Partition]:
        """The refused scopes whose turn it is; after a start all of them."""
        now = self._monotonic()
        with self._lock:
            return [
                partition
                for partition in survey.refused
                if self._refusals.get(partition.instrument, _Refusal()).again_at <= now
            ]

    def reconcile(self, survey: Survey) -> None:
        """Record in Postgres which scopes have ended, and which are read again.

        Scopes without a row there are left alone: nobody expects anything of them yet.
        """
        ended = {partition.instrument: why for partition, why in survey.ended.items()}
        refused = {partition.instrument for partition in survey.refused}
        for partition in (*survey.served, *survey.ended):
            code = partition.instrument
            before, now = survey.stored.get(code), ended.get(code)
            if code in survey.stored and before != now:
                self._record(partition, now)
        kept = {code: survey.stored[code] or "" for code in refused}
        gone = {code: why for code, why in ended.items() if why == GONE and code in survey.stored}
        self._unread = dict(sorted((kept | gone).items()))

    def refuse(self, partition: Partition, error: ExchangeError) -> None:
        """The exchange refuses a scope while it serves others: ask for it again later."""
        pause_s = self._pause_s(partition.instrument, error)
        because = REFUSED + _brief(error)
        self._surveyed = None
        known = self._database().run(bookkeeping.refuse, partition, because, str(error), pause_s)
        self._unread = dict(sorted({**self._unread, partition.instrument: because}.items()))
        level = logging.DEBUG if known else logging.WARNING
        with context.bind(scope=partition.instrument):
            facts = {"pause_s": pause_s}
            _log.log(level, "not served, unlike others; asking again later: %s", error, extra=facts)

    def serve(self, partitions: Iterable[Partition], survey: Survey) -> None:
        """The exchange served these scopes: those that it refused before are read again."""
        for partition in partitions:
            with self._lock:
                self._refusals.pop(partition.instrument, None)
            if (survey.stored.get(partition.instrument) or "").startswith(REFUSED):
                self._record(partition, None)
                others = {c: why for c, why in self._unread.items() if c != partition.instrument}
                self._unread = others

    def forget(self) -> None:
        """Another process reads the stream: what this one knew is outdated after a takeover."""
        with self._lock:
            self._refusals.clear()
        self._surveyed = None
        self._unread = {}

    def _pause_s(self, instrument: str, error: ExchangeError) -> float:
        """An hour; less at first where the reason may pass (403, 5xx)."""
        with self._lock:
            refusal = self._refusals.setdefault(instrument, _Refusal())
            refusal.times += 1
            pause_s = _HOUR_S
            if not isinstance(error, BadRequest):
                pause_s = min(_FIRST_PAUSE_S * 2 ** min(refusal.times - 1, 10), _HOUR_S)
            refusal.again_at = self._monotonic() + pause_s
            return pause_s

    def _record(self, partition: Partition, because: str | None) -> None:
        self._surveyed = None
        self._database().run(bookkeeping.retire, partition, because)
        with context.bind(scope=partition.instrument):
            if because is None:
                _log.info("the history of this instrument is read again, and must be complete")
            else:
                _log.info("the history of this instrument need not be complete: %s", because)


def _brief(error: ExchangeError) -> str:
    """Status and error code, or what went wrong: no free text of the exchange."""
    if not error.status:
        return REASON_MEANINGS[error.reason]
    code = error.code if _CODE.fullmatch(error.code) else ""
    return f"{error.status} {code}".rstrip()
