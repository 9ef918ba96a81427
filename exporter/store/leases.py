"""One writer per account: a lease with an epoch, held over a dedicated connection.

Each writing transaction checks holder and epoch (`lease.check`), so a process that was paused
and wakes up late can no longer write. `takeover` says when the lease of another process is free,
and `spread` which of them each process takes or asks for. Who is asked for an account begins
nothing more of it, lets what is under way end, and gives the lease back.

An account that Postgres does not know yet has no id, so its first reader holds a *claim* instead: a
lease under an id made from the configured name. Whoever has it reads the account and learns its id;
the account's own lease is then taken by the same process, and the claim is dropped.

A thread does the asking; everybody else reads what it found. While Postgres is away the last holder
continues and no other process takes over.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from math import inf
from typing import Any

import psycopg

from exporter.model.errors import ExporterError
from exporter.store.budgets import Budgets
from exporter.store.lease import Lease
from exporter.store.lease_table import LeaseTable, Other
from exporter.store.lease_view import LeaseState, View, claim_of, tell
from exporter.store.pool import message_of
from exporter.store.session import MEANING, Session, connect
from exporter.store.spread import Spread
from exporter.store.takeover import Watch

_log = logging.getLogger(__name__)
_RELEASE_TIMEOUT_S = 1.0
_LIBPQ: Mapping[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
}
"""A server that hangs or vanished is noticed before a lease expires."""
_SETTINGS = {
    **MEANING,
    "lock_timeout": "1s",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "15s",
    "idle_session_timeout": "0",
}


def _ignore(_accounts: Collection[str]) -> None:
    """Nobody listens."""


class Leases:
    """Takes and renews the leases of accounts. Safe to use from any thread.

    ``address`` returns a libpq URL and may raise ExporterError. ``holder`` must be unique to this
    process. ``accounts`` maps the names of the accounts to their ids; an id that is None is looked
    up in Postgres. ``on_change`` is called with the names of accounts whose state has changed.
    All leases are renewed every ``renew_every_s`` seconds; every ``retry_every_s`` this looks what
    others hold, while one is missing. ``spread``: how many to take, and to ask for. ``budgets``:
    the request budgets, which move along. ``monotonic`` returns seconds that never go back.
    """

    def __init__(
        self,
        address: Callable[[], str],
        holder: str,
        accounts: Mapping[str, str | None] | None = None,
        *,
        on_change: Callable[[Collection[str]], None] = _ignore,
        renew_every_s: float = 5.0,
        retry_every_s: float = 1.0,
        spread: Spread | None = None,
        budgets: Budgets | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._table = LeaseTable(holder)
        self.on_change = on_change
        self._renew_every_s = renew_every_s
        self._retry_every_s = retry_every_s
        self._monotonic = monotonic
        self._view = View(dict(accounts or {}))
        self._more: set[str] = set()
        """Ids that were asked for, beside those of the named accounts."""
        self._swap = threading.Lock()
        """Guards the replacement of the view, and nothing that waits."""
        self._watch = Watch()
        self._spread = spread or Spread()
        self._budgets = budgets
        self._renewed_at = -inf
        self.why_unknown = "Postgres was not asked yet"
        """Why no lease can be taken or renewed; empty while they can."""
        self._connection: Session | None = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)

    def start(self) -> None:
        """Start the thread that takes and renews, at once."""
        self._thread.start()

    def state(self, account: str) -> LeaseState:
        """Who holds the lease of an account, by its name, as Postgres said last. Never waits."""
        return self._view.state(account)

    def get(self, account_id: str) -> Lease | None:
        """The lease of an account; None while another process holds it or Postgres is away.

        The first call for an account that Postgres had no id of tries to take its lease.
        """
        if not self._asked(account_id):
            with self._lock:
                before = self._view
                if not self._asked(account_id):
                    self._ask(lambda connection: self._take_one(connection, account_id))
                    # Last, so that a thread that calls meanwhile waits for the result.
                    self._more.add(account_id)
            self._announce(before)
        # Without the lock, because a renewal that hangs must not block threads that poll.
        return self._view.held.get(account_id)

    def follow(self, account: str, account_id: str | None = None) -> None:
        """Take and renew the lease of one more account, from the next renewal on."""
        with self._lock, self._swap:
            self._view = replace(self._view, ids={account: account_id, **self._view.ids})

    def leave(self, account: str, account_id: str | None = None) -> None:
        """Release the lease of an account that this process reads no more, if Postgres responds;
        otherwise it expires. ``account_id``: as far as it was learned."""
        with self._lock:
            before = self._view
            ids = {name: id_ for name, id_ in before.ids.items() if name != account}
            others = {*map(replace(before, ids=ids).key, ids)}
            left = {key for key in (account_id, claim_of(account), before.key(account)) if key}
            left -= others
            self._more -= left
            # First, so that whoever is told that it is gone can rely on it.
            self._ask(lambda connection: self._let_go(connection, before, left))
            held = {key: lease for key, lease in before.held.items() if key not in left}
            elsewhere, leaving = before.elsewhere - left, before.leaving - left
            self._show(View(ids, held, elsewhere, leaving))

    def _asked(self, account_id: str) -> bool:
        view = self._view
        return any(account_id in known for known in (view.held, view.elsewhere, self._more))

    def report_lost(self, account_id: str, lease: Lease) -> None:
        """A transaction found ``lease`` invalid: another process has taken it over. Never waits."""
        with self._swap:
            before = self._view
            if before.held.get(account_id) != lease:
                return
            held = {id_: kept for id_, kept in before.held.items() if id_ != account_id}
            after = replace(before, held=held, elsewhere=before.elsewhere | {account_id})
            self._view = after
        tell(before, after)
        self._announce(before)

    def held_elsewhere(self, account_id: str) -> bool:
        """Whether another process holds the lease of an account, by its id."""
        return account_id in self._view.elsewhere

    @property
    def leading(self) -> bool:
        """Whether this process holds the lease of every account."""
        view = self._view
        return view.held.keys() - view.leaving >= {*map(view.key, view.ids), *self._more}

    def renew(self) -> None:
        """Take or renew every lease once: what the thread does at intervals."""
        self._go_round(self._renew_all)

    def _go_round(self, work: Callable[[Session], None]) -> None:
        with self._lock:
            before = self._view
            self._ask(work)
        self._announce(before)

    def stop(self) -> None:
        """Release the leases, unless Postgres does not respond within a second."""
        self._stopped.set()
        if not self._lock.acquire(timeout=_RELEASE_TIMEOUT_S):
            return
        try:
            if self._connection is not None:
                self._tell_spent(self._connection, self._view, self._view.held.keys())
                self._table.release(self._connection)
        except psycopg.Error as error:
            _log.debug("could not release the leases, they will expire: %s", error)
        finally:
            self._view = replace(self._view, held={})
            self._disconnect()
            self._lock.release()

    def _keep(self) -> None:
        while not self._stopped.is_set():
            due = self._monotonic() - self._renewed_at >= self._renew_every_s
            # A claim may be gone because its account is known by now.
            full = due or self.why_unknown or None in self._view.ids.values()
            try:
                self._go_round(self._renew_all if full else self._look)
            except Exception:  # noqa: BLE001  without renewals every lease would be lost
                _log.exception("bug: unhandled exception while renewing the leases")
            self._stopped.wait(self._interval_s())

    def _interval_s(self) -> float:
        view = self._view
        complete = self.leading and None not in view.ids.values() and not self.why_unknown
        return self._renew_every_s if complete else self._retry_every_s

    def _ask(self, work: Callable[[Session], None]) -> None:
        """Run ``work``, once more over a new connection when an older one turns out to be cut."""
        while not self._stopped.is_set():
            established = self._connection is not None
            try:
                if self._connection is None:
                    address = self._address()
                    self._connection = connect(address, _SETTINGS, autocommit=True, **_LIBPQ)
                work(self._connection)
            except psycopg.errors.LockNotAvailable as error:
                self._explain(message_of(error))  # the holders stay the same meanwhile
                return
            except (psycopg.Error, ExporterError) as error:
                self._disconnect()
                if not established:
                    self._watch.interrupt()
                    self._explain(message_of(error))
                    return
            else:
                self.why_unknown = ""
                return

    def _explain(self, why: str) -> None:
        """Log a cause once."""
        level = logging.DEBUG if why == self.why_unknown else logging.WARNING
        self.why_unknown = why
        _log.log(level, "could not take or renew the leases: %s", why)

    def _renew_all(self, connection: Session) -> None:
        before = self._view
        unnamed = [name for name, account_id in before.ids.items() if account_id is None]
        learned = self._table.ids(connection, unnamed)
        view = replace(before, ids={**before.ids, **learned})
        keys = {view.key(name) for name in view.ids} | self._more
        # Who claims an account is about to take its lease, as soon as its id is known.
        claims = {
            account_id: claim_of(name)
            for name, account_id in view.ids.items()
            if account_id is not None and (name in learned or account_id not in before.held)
        }
        renewed = self._table.renew(connection, {*keys, *claims.values()})
        self._renewed_at = self._monotonic()
        if self._budgets is not None:
            held = {name for name in view.ids if view.key(name) in renewed}
            self._budgets.follow(connection, self._table.shared & held)
        ours = {key: found.lease for key, found in renewed.items()}
        asked_for = {key for key, found in renewed.items() if found.asked_for}
        # A claim is kept until its account is known, which takes no longer than one request.
        known = {id_ for id_ in view.ids.values() if id_ is not None}
        self._settle(connection, view, ours, claims, frozenset(asked_for & known))
        settled = {claim_of(name) for name, id_ in learned.items() if id_ in self._view.held}
        self._table.drop_claims(connection, settled, ours.keys() & set(claims.values()))

    def _look(self, connection: Session) -> None:
        """Take what is free, and give up what another process has asked for; renew nothing."""
        self._settle(connection, self._view, dict(self._view.held), {}, frozenset())

    def _settle(
        self,
        connection: Session,
        view: View,
        ours: dict[str, Lease],
        claims: Mapping[str, str],
        asked_for: frozenset[str],
    ) -> None:
        """Give up, take and ask for leases, and show what came of it."""
        keys = {view.key(name) for name in view.ids} | self._more
        given = view.leaving & ours.keys()
        if given:  # what was under way has had a moment to end
            self._let_go(connection, view, given)
            ours = {key: lease for key, lease in ours.items() if key not in given}
        taken = self._take(connection, keys - ours.keys(), claims, ours, len(asked_for - given))
        # What it claimed by the name before was its own already.
        new = {name for name in view.ids if view.key(name) in taken}
        new = {name for name in new if self._view.state(name) != "held"}
        if new and self._budgets is not None:
            self._budgets.taken(connection, new)
        ours |= taken
        held = {key: lease for key, lease in ours.items() if key in keys}
        elsewhere = frozenset(keys - held.keys())
        leaving = (asked_for & held.keys()) - given
        self._show(View(view.ids, held, elsewhere, leaving))

    def _let_go(self, connection: Session, view: View, keys: Collection[str]) -> None:
        self._tell_spent(connection, view, keys)
        self._table.release_some(connection, keys)

    def _tell_spent(self, connection: Session, view: View, keys: Collection[str]) -> None:
        if self._budgets is not None:
            names = [name for name in view.ids if view.key(name) in keys]
            self._budgets.given(connection, names)

    def _take_one(self, connection: Session, account_id: str) -> None:
        """Ask for the lease of one account, whose id a response has just named."""
        before, ids = self._view, dict(self._view.ids)
        name = self._table.name(connection, account_id)
        if name in ids:
            ids[name] = account_id
        renewed = self._table.renew(connection, [account_id])
        found = {key: one.lease for key, one in renewed.items()}
        if not found:
            free, _ = self._free(connection, {account_id}, {}, {})
            found = self._table.take(connection, free) if free else {}
        elsewhere = before.elsewhere if found else before.elsewhere | {account_id}
        self._show(View(ids, {**before.held, **found}, elsewhere, before.leaving))
        if name in ids:
            self._table.drop_claims(connection, (), [claim_of(name)])

    def _take(
        self,
        connection: Session,
        wanted: Collection[str],
        claims: Mapping[str, str],
        ours: Collection[str],
        leaving: int,
    ) -> dict[str, Lease]:
        """Take this process' share of those leases that are free, and return them; ask for more
        if others hold more."""
        if not wanted:
            self._spread.note_free(())
            return {}
        free, others = self._free(connection, wanted, claims, ours)
        us, now = self._table.holder, self._monotonic()
        asked = {key for key, other in others.items() if other.asked_by == us}
        held = {key: other.holder for key, other in others.items() if key not in free}
        mine = len(set(ours) - set(claims.values())) - leaving
        first = [key for key in sorted(free) if key in asked or claims.get(key) in ours]
        reserved = {key for key in free.keys() & others if others[key].asked_by not in (None, us)}
        chosen = self._spread.to_take(free, first, reserved, held, mine, now)
        taken = self._table.take(connection, {key: free[key] for key in chosen}) if chosen else {}
        meant = {key: others[key].asked_by or holder for key, holder in held.items()}
        # Of a claim it will be asked under the account's id, as soon as that is known.
        known = set(self._view.ids.values())
        meant = {key: holder for key, holder in meant.items() if holder != us and key in known}
        coming = len(taken) + len(asked & held.keys())
        requested = self._spread.to_request(meant, mine + coming, now)
        if requested:
            self._table.request(connection, requested)
        return taken

    def _free(
        self,
        connection: Session,
        wanted: Collection[str],
        claims: Mapping[str, str],
        ours: Collection[str],
    ) -> tuple[dict[str, str | None], dict[str, Other]]:
        """The versions of those of the leases that are free, and what is known of all that
        somebody else has, or had."""
        others = self._table.others(connection, {*wanted, *claims.values()})
        now = self._monotonic()
        free = {key for key, one in others.items() if self._watch.is_free(key, one.seen, now)}
        versions: dict[str, str | None] = {}
        for key in sorted(wanted):
            claim = claims.get(key)
            claimed = claim in others and claim not in free and claim not in ours
            if key in free:
                versions[key] = others[key].seen.version
            elif key not in others and not claimed:
                versions[key] = None
        return versions, {key: one for key, one in others.items() if key in wanted}

    def _show(self, view: View) -> None:
        with self._swap:
            before, self._view = self._view, view
        tell(before, view)

    def _announce(self, before: View) -> None:
        """Outside of the lock: whoever listens may ask for a lease."""
        states = before.states()
        changed = {name for name, now in self._view.states().items() if now != states.get(name)}
        if changed:
            self.on_change(changed)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
