"""Regular work that belongs to no stream: heartbeat, data-quality counts, pruning of old runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, timedelta

from exporter.api.clock import ExchangeClock
from exporter.api.token_claims import claims_of
from exporter.metrics import Metrics
from exporter.model.errors import DatabaseError, NotYet, StandingBy
from exporter.model.limits import HEARTBEAT_LIMIT_S
from exporter.store import bookkeeping, closes, lots, report_settings, verified
from exporter.store.spool import Spool
from exporter.store.storage import Storage
from exporter.sync import Account

_log = logging.getLogger(__name__)
_YOUNG = timedelta(days=1)
"""What is younger is not due to be verified."""
_LATELY = timedelta(days=32)
"""Everything is verified monthly: two days are for the budget to spare."""


class Housekeeping:
    """Exports the state of the process and its database.

    ``accounts`` returns those that are configured now, by name, `public` included.
    """

    def __init__(
        self,
        metrics: Metrics,
        storage: Storage,
        spool: Spool,
        clock: ExchangeClock,
        accounts: Callable[[], Mapping[str, Account]],
    ) -> None:
        self._metrics = metrics
        self._storage = storage
        self._spool = spool
        self._clock = clock
        self._accounts = accounts

    def beat(self) -> None:
        """Export the heartbeat, and every state that changes without a pass."""
        service = self._metrics.service
        service.record_heartbeat()
        service.set_spool(len(self._spool), self._spool.dropped)
        service.set_clock_skew(self._accounts(), self._clock.skew_s)
        service.set_clock_disputed(self._clock.disputed)
        service.set_token_expiries(self._token_expiries())
        if self._storage.database is not None:
            service.set_database_up(self._storage.up)
        self.show_leader()

    def _token_expiries(self) -> Mapping[str, float | None]:
        """In Unix time, by account. The files of the tokens are read again when they change."""
        found = {name: claims_of(a.token()).expires_at for name, a in self._accounts().items()}
        return {name: None if at is None else at.timestamp() for name, at in found.items()}

    def show_leader(self) -> None:
        """Export of which accounts this process holds the leases."""
        read = dict.fromkeys(account for account, _ in self._metrics.streams.keys)
        self._metrics.service.set_leader({name: self._storage.leads(name) for name in read})

    @property
    def alive(self) -> bool:
        """Whether the last heartbeat is recent enough."""
        age_s = self._metrics.service.heartbeat_age_s()
        return age_s is not None and age_s <= HEARTBEAT_LIMIT_S

    def show_data_quality(self) -> bool:
        """Export how many rejects, drifts and changed facts Postgres holds, by whatever process.

        Returns whether Postgres answered.
        """
        if not self._storage.up:
            return False
        try:
            found = self._storage.writable().run_briefly(bookkeeping.data_quality_counts)
        except DatabaseError:
            return False
        none = bookkeeping.DataQualityCounts()
        counts = {key: found.get(key, none) for key in self._metrics.streams.keys}
        self._metrics.service.set_data_quality(
            rejects={key: count.rejects for key, count in counts.items()},
            drift={key: count.drift for key, count in counts.items()},
            changed={key: count.changed for key, count in counts.items()},
            newest_drift={
                key: count.newest_drift
                for key, count in counts.items()
                if count.newest_drift is not None
            },
        )
        return True

    def show_verification(self, histories: Iterable[tuple[str, str]]) -> bool:
        """Export what verification found, and how far it is, by whatever process, of these streams
        of accounts. Returns whether Postgres answered.
        """
        if not self._storage.up or not self._clock.known:
            return False
        now = self._clock.now()
        try:
            database = self._storage.writable()
            # With years of hundreds of accounts it takes seconds.
            found = database.run(verified.findings)
            progress = database.run(verified.progress, now - _YOUNG, now - _LATELY)
        except DatabaseError:
            return False
        keys = list(histories)
        shown = {key: progress[key] for key in keys if key in progress}
        self._metrics.service.set_verification(
            findings={
                (*key, kind): found.get((*key, kind), 0) for key in keys for kind in verified.KINDS
            },
            last={
                key: each.last_at.timestamp()
                for key, each in shown.items()
                if each.last_at is not None
            },
            progress={key: each.ratio for key, each in shown.items()},
        )
        return True

    def note_funding_signs(self, account_ids: Mapping[str, str | None]) -> bool:
        """Note where the sign of funding payments has changed, by account name and id, of accounts
        that this process writes. Returns whether Postgres answered.
        """
        for account, account_id in account_ids.items():
            if account_id is None or not self._storage.up or not self._storage.leads(account):
                continue
            try:
                found = self._storage.writable().run(verified.note_funding_signs, account_id)
            except DatabaseError:
                return False
            for before, after, since in found:
                _log.warning(
                    "the sign of funding payments has changed from %s to %s with the one of %s:"
                    " see reporting.funding_sign",
                    before,
                    after,
                    since,
                    extra={"account": account},
                )
        return True

    def carry_lots(self, account_ids: Mapping[str, str | None]) -> bool:
        """Carry the lots of spot trading to the ends of finished months, and sum finished days, of
        accounts (by name and id) that this process writes. Returns whether Postgres answered.
        """
        for account, account_id in account_ids.items():
            if account_id is None or not self._storage.up or not self._storage.leads(account):
                continue
            try:
                lots.sum_finished_days(self._storage, account_id)
                carried = lots.carry_finished_months(self._storage, account_id)
            except StandingBy:
                continue
            except DatabaseError:
                return False
            if carried:
                extra = {"account": account}
                _log.info("carried the open lots of %d finished months", carried, extra=extra)
        return True

    def judge_months(self) -> bool:
        """Ask the checks of the months that are due, whichever process does it, and export what
        they say. Returns whether Postgres answered.
        """
        if not self._storage.up:
            return False
        try:
            database = self._storage.writable()
            zone = database.run(report_settings.business_zone)
            self._judge(zone, database.run(closes.due_months, zone))
            found = database.run(closes.months)
        except DatabaseError:
            return False
        own = {name for name in self._accounts() if not self._storage.stands_by(name)}
        self._metrics.service.set_months(
            {key: float(off) for key, off in found.differences.items() if key[0] in own},
            {name: at.timestamp() for name, at in found.unclosed.items() if name in own},
            {name: count for name, count in found.late.items() if name in own},
        )
        return True

    def _judge(self, zone: str, months: Iterable[date]) -> None:
        """One month that cannot be judged must not hide the others."""
        for month in months:
            try:
                self._storage.writable().run(closes.judge, zone, month)
            except DatabaseError as error:
                _log.warning("could not judge %s (%s): %s", f"{month:%Y-%m}", zone, error)

    def note_accounts(self) -> bool:
        """Record which accounts have left the configuration. Returns whether Postgres answered."""
        if not self._storage.up:
            return False
        try:
            self._storage.writable().run_briefly(bookkeeping.note_configured, self._accounts())
        except DatabaseError:
            return False
        return True

    def record_choice(self, chosen: Mapping[str, Collection[str]]) -> bool:
        """Record which streams are ``chosen`` for each account: nothing is expected of the others.

        Only for accounts that this process writes. Returns whether Postgres answered.
        """
        for account, streams in chosen.items():
            if not streams:  # another process may read it
                continue
            try:
                self._storage.check_lease(account)
                database = self._storage.writable()
                database.run_briefly(bookkeeping.choose_streams, account, streams)
            except StandingBy:
                continue
            except (DatabaseError, NotYet):
                return False
        return True

    def prune(self) -> bool:
        """Delete old records of walks. Returns whether Postgres answered."""
        if not self._storage.up:
            return False
        try:
            self._storage.writable().run(bookkeeping.prune)
        except DatabaseError:
            return False
        return True
