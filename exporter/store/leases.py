"""One writer per account: a lease with an epoch, held over a dedicated connection.

Each writing transaction checks holder and epoch (`lease.check`), so a process that was paused
and wakes up late can no longer write. `takeover` says when the lease of another process is free.

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
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import psycopg

from exporter.model.errors import ExporterError
from exporter.store.lease import Lease
from exporter.store.lease_table import LeaseTable
from exporter.store.pool import message_of
from exporter.store.session import MEANING, Session, connect
from exporter.store.takeover import Watch

_log = logging.getLogger(__name__)
_RELEASE_TIMEOUT_S = 1.0
_MOST_NAMED = 4
_CLAIMS = uuid.UUID("b6a1c1a8-5f0e-4f53-9d0c-3d4f1c8f5e20")
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

LeaseState = Literal["unknown", "held", "elsewhere"]
"""``unknown``: Postgres has not answered yet. ``held``: by this process. ``elsewhere``: by another
one."""


def claim_of(name: str) -> str:
    """The id under which an account is leased by its name, until its own id is known."""
    return str(uuid.uuid5(_CLAIMS, name))


def _ignore(_accounts: Collection[str]) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class _View:
    """What Postgres said last. Replaced as a whole, so that readers need no lock."""

    ids: Mapping[str, str | None]
    """By name; None where Postgres knows no account of the name yet."""
    held: Mapping[str, Lease] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()

    def key(self, account: str) -> str:
        """What the lease of an account is kept under."""
        return self.ids.get(account) or claim_of(account)

    def state(self, account: str) -> LeaseState:
        key = self.key(account)
        if key in self.elsewhere:
            return "elsewhere"
        return "held" if key in self.held else "unknown"

    def states(self) -> dict[str, LeaseState]:
        return {account: self.state(account) for account in self.ids}


class Leases:
    """Takes and renews the leases of accounts. Safe to use from any thread.

    ``address`` returns a libpq URL and may raise ExporterError. ``holder`` must be unique to this
    process. ``accounts`` maps the names of the accounts to their ids; an id that is None is looked
    up in Postgres. ``on_change`` is called with the names of accounts whose state has changed.
    All leases are renewed every ``renew_every_s`` seconds, and every ``retry_every_s`` while one is
    missing: after an outage, and while another process may be about to end. ``monotonic`` returns
    seconds that never go back.
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
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._table = LeaseTable(holder)
        self.on_change = on_change
        self._renew_every_s = renew_every_s
        self._retry_every_s = retry_every_s
        self._monotonic = monotonic
        self._view = _View(dict(accounts or {}))
        self._more: set[str] = set()
        """Ids that were asked for, beside those of the named accounts."""
        self._swap = threading.Lock()
        """Guards the replacement of the view, and nothing that waits."""
        self._watch = Watch()
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
            self._ask(lambda connection: self._table.release_some(connection, left))
            held = {key: lease for key, lease in before.held.items() if key not in left}
            self._show(_View(ids, held, before.elsewhere - left))

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
        _tell(before, after)
        self._announce(before)

    def held_elsewhere(self, account_id: str) -> bool:
        """Whether another process holds the lease of an account, by its id."""
        return account_id in self._view.elsewhere

    @property
    def leading(self) -> bool:
        """Whether this process holds the lease of every account."""
        view = self._view
        return view.held.keys() >= {*map(view.key, view.ids), *self._more}

    def renew(self) -> None:
        """Take or renew every lease once: what the thread does at intervals."""
        with self._lock:
            before = self._view
            self._ask(self._renew_all)
        self._announce(before)

    def stop(self) -> None:
        """Release the leases, unless Postgres does not respond within a second."""
        self._stopped.set()
        if not self._lock.acquire(timeout=_RELEASE_TIMEOUT_S):
            return
        try:
            if self._connection is not None:
                self._table.release(self._connection)
        except psycopg.Error as error:
            _log.debug("could not release the leases, they will expire: %s", error)
        finally:
            self._view = replace(self._view, held={})
            self._disconnect()
            self._lock.release()

    def _keep(self) -> None:
        while not self._stopped.is_set():
            try:
                self.renew()
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
        ours = self._table.renew(connection, {*keys, *claims.values()})
        rest = keys - ours.keys()
        ours |= self._take(connection, rest, claims, ours)
        held = {key: lease for key, lease in ours.items() if key in keys}
        self._show(replace(view, held=held, elsewhere=frozenset(keys - held.keys())))
        settled = {claim_of(name) for name, account_id in learned.items() if account_id in held}
        self._table.drop_claims(connection, settled, ours.keys() & set(claims.values()))

    def _take_one(self, connection: Session, account_id: str) -> None:
        """Ask for the lease of one account, whose id a response has just named."""
        before, ids = self._view, dict(self._view.ids)
        name = self._table.name(connection, account_id)
        if name in ids:
            ids[name] = account_id
        found = self._table.renew(connection, [account_id])
        found = found or self._take(connection, {account_id}, {}, {})
        elsewhere = before.elsewhere if found else before.elsewhere | {account_id}
        self._show(_View(ids, {**before.held, **found}, elsewhere))
        if name in ids:
            self._table.drop_claims(connection, (), [claim_of(name)])

    def _take(
        self,
        connection: Session,
        wanted: Collection[str],
        claims: Mapping[str, str],
        ours: Collection[str],
    ) -> dict[str, Lease]:
        """Take those leases that are free, and return them."""
        if not wanted:
            return {}
        others = self._table.others(connection, {*wanted, *claims.values()})
        now = self._monotonic()
        free = {key for key, seen in others.items() if self._watch.is_free(key, seen, now)}
        versions: dict[str, str | None] = {}
        for key in sorted(wanted):
            claim = claims.get(key)
            claimed = claim in others and claim not in free and claim not in ours
            if key in free:
                versions[key] = others[key].version
            elif key not in others and not claimed:
                versions[key] = None
        return self._table.take(connection, versions) if versions else {}

    def _show(self, view: _View) -> None:
        with self._swap:
            before, self._view = self._view, view
        _tell(before, view)

    def _announce(self, before: _View) -> None:
        """Outside of the lock: whoever listens may ask for a lease."""
        states = before.states()
        changed = {name for name, now in self._view.states().items() if now != states.get(name)}
        if changed:
            self.on_change(changed)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _tell(before: _View, view: _View) -> None:
    """Log what has changed: one line, however many accounts it concerns."""
    names = {key: name for name in view.ids for key in (claim_of(name), view.key(name))}
    lost = (before.held.keys() & view.elsewhere) - view.held.keys()
    if lost:
        _log.warning("lost to another process: the lease of %s", _listed(lost, names))
    gained = before.elsewhere & view.held.keys()
    if gained:
        _log.info("took over the lease of %s", _listed(gained, names))
    new = view.elsewhere - before.elsewhere - before.held.keys()
    if new:
        _log.info("standing by: another process has the lease of %s", _listed(new, names))


def _listed(keys: Collection[str], names: Mapping[str, str]) -> str:
    """A few accounts by name, many by their number."""
    if len(keys) > _MOST_NAMED:
        return f"{len(keys)} accounts"
    return ", ".join(sorted(names.get(key, key) for key in keys))
