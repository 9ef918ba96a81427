"""Regular work that belongs to no stream: heartbeat, data-quality counts, pruning of old runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, timedelta
from math import inf

from exporter.api.clock import ExchangeClock
from exporter.api.token_claims import claims_of
from exporter.metrics import Metrics
from exporter.model.errors import DatabaseError, NotYet, StandingBy
from exporter.model.limits import HEARTBEAT_LIMIT_S
from exporter.model.retention import Retention
from exporter.model.stream import PUBLIC_ACCOUNT, Stream
from exporter.store import (
    bookkeeping,
    closes,
    fact_counts,
    lots,
    moving,
    partitions,
    report_settings,
    retention,
    rollups,
    verified,
)
from exporter.store.spool import Spool
from exporter.store.storage import Storage
from exporter.sync import Account

_log = logging.getLogger(__name__)
THINNED_EVERY = timedelta(days=7)
"""By how much observed state is older than it has to be when it is thinned: each time the whole
partition of a month is written again."""
_YOUNG = timedelta(days=1)
"""What is younger is not due to be verified."""
_MOVING_S = 2.0
"""Of each turn; what polls write has the rest."""
_MOVED_S = 3600.0
"""How long no records are looked for once all were moved."""
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
        self._records_moved_at = -inf

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

    def roll_months(self, account_ids: Mapping[str, str | None]) -> bool:
        """Sum the trades of finished months, by account name and id, of accounts that this process
        writes. Returns whether Postgres answered.
        """
        for account, account_id in account_ids.items():
            if account_id is None or not self._storage.up or not self._storage.leads(account):
                continue
            try:
                rollups.roll_finished_months(self._storage, account_id)
            except StandingBy:
                continue
            except DatabaseError:
                return False
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

    def make_partitions(self) -> bool:
        """Make the months ahead of the tables of snapshots. Returns whether Postgres answered."""
        if not self._storage.up:
            return False
        try:
            made = self._storage.writable().run_briefly(partitions.make_ahead)
        except DatabaseError:
            return False
        if made:
            _log.info("made partitions: %s", ", ".join(made))
        return True

    def thin(
        self, kept: Retention, streams: Iterable[Stream], wait: Callable[[float], object]
    ) -> bool:
        """Thin what was observed long ago, on the process that reads the public streams.

        Returns whether Postgres answered, also of which process that is: what cannot be thinned
        today is tried again tomorrow.
        """
        if not self._storage.up:
            return False
        if not self._storage.leads(PUBLIC_ACCOUNT):
            return self._storage.stands_by(PUBLIC_ACCOUNT)
        try:
            database = self._storage.writable()
            wanted = database.run(retention.rules, kept, streams)
            suffixes = database.run(retention.due, wanted, THINNED_EVERY)
            for suffix in suffixes:
                done = database.run_slowly(retention.thin, suffix, wanted, wait)
                if done is not None:
                    _log.info("%s", done)
            if suffixes:
                database.run(fact_counts.correct_snapshots, streams)
        except DatabaseError as error:
            if self._storage.up:
                _log.warning("%s", error)
            return self._storage.up
        return True

    def show_sizes(self) -> bool:
        """Export how large tables are, and since when is observed, where this process reads the
        public streams. Returns whether Postgres answered.
        """
        if not self._storage.leads(PUBLIC_ACCOUNT):
            self._metrics.service.set_sizes({}, {})
            return self._storage.stands_by(PUBLIC_ACCOUNT)
        if not self._storage.up:
            return False
        try:
            database = self._storage.writable()
            sizes = database.run_briefly(retention.table_sizes)
            oldest = database.run_briefly(retention.oldest_observations)
        except DatabaseError:
            return False
        self._metrics.service.set_sizes(sizes, oldest)
        return True

    def prune(self, streams: Iterable[Stream]) -> bool:
        """Delete old records of walks, and compare the numbers of facts with what is stored.
        Returns whether Postgres answered."""
        if not self._storage.up:
            return False
        try:
            database = self._storage.writable()
            database.run(bookkeeping.prune)
            for stream in streams:
                database.run(fact_counts.correct, stream)
        except DatabaseError:
            return False
        return True

    def move_records(self) -> bool:
        """Move records as sent into full pages, some each time.

        Returns whether Postgres answered.
        """
        if self._clock.steady() - self._records_moved_at < _MOVED_S:
            return True
        if not self._storage.up:
            return False
        try:
            done = moving.move(self._storage, _MOVING_S)
        except DatabaseError:
            return False
        if not done.left:
            self._records_moved_at = self._clock.steady()
        if done.records:
            _log.info("moved %d records as sent into full pages", done.records)
        return True
