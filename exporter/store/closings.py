"""As of when closed positions are complete, and what may have been closed since.

Closed positions are listed by the time at which they were opened, once they are closed. So what is
proven of them gets old: a position that was open when its range was read may be closed by now. It
was seen in the snapshots of open positions; from when on it must be read is told by the last
snapshot that did not have it, or else by the account's trades. Each function runs in the caller's
transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from exporter.model.closings import Closings
from exporter.model.stream import Partition
from exporter.store.database import Connection
from exporter.store.lease import Lease, check
from exporter.store.queries import QUERIES, identity_of

SLACK = timedelta(minutes=1)
"""By how much an observation, a trade and a position may tell different times."""
LONGEST_PAUSE = timedelta(minutes=5)
"""Between two observations of the open positions. In a longer one, a position may have been closed
and another one opened that looks the same."""


class State(NamedTuple):
    """As of when an account's closed positions are complete: a row of ``closings``."""

    closed_to: datetime
    open_read_at: datetime
    all_read_at: datetime


class Held(NamedTuple):
    """A position that was observed open since an instant."""

    instrument: str
    direction: str
    appeared_at: datetime
    missing: bool
    """It was not listed in a later snapshot."""
    unobserved: bool
    """Nobody looked for a while."""
    reduced: bool
    """So much was traded against it that it may have been closed between two snapshots."""
    told_by_trades: bool
    """Trades are complete for the whole time, so they tell where nobody looked."""

    def may_have_closed(self, *, stale: bool) -> bool:
        """``stale``: nobody has looked until now."""
        return (
            self.missing or self.reduced or ((self.unobserved or stale) and not self.told_by_trades)
        )


class Since(NamedTuple):
    """From when on must be read again, for all that may have been closed since an instant."""

    suspects: datetime | None
    """The earliest opening of what may have been closed; None when nothing may."""
    still_open: datetime | None
    """The earliest opening of all that was open; None when nothing was."""
    observed: bool
    """Whether the open positions of that instant are known; else anything may have been closed."""


def state(connection: Connection, partition: Partition) -> State | None:
    """None before the first walk."""
    row = connection.execute(QUERIES["closings"], identity_of(partition)).fetchone()
    return None if row is None else State(*row)


def begin(
    connection: Connection,
    partition: Partition,
    lease: Lease | None,
    closed_to: datetime,
    now: datetime,
) -> None:
    """Record that whatever is read from now on holds what was closed before ``closed_to``."""
    connection.execute(QUERIES["lock_stream"], identity_of(partition))
    check(connection, partition.account_id, lease)
    parameters = identity_of(partition) | {"closed_to": closed_to, "now": now}
    connection.execute(QUERIES["begin_closings"], parameters)


def advance(
    connection: Connection,
    partition: Partition,
    closed_to: datetime,
    now: datetime,
    *,
    open_read: bool,
    all_read: bool,
) -> None:
    """Record that all that was closed before ``closed_to`` is stored, with the rows of the walk.

    ``open_read``, ``all_read``: it has read everything from the oldest open position on, or all.
    """
    parameters = {
        "closed_to": closed_to,
        "now": now,
        "open_read": open_read or all_read,
        "all_read": all_read,
    }
    connection.execute(QUERIES["advance_closings"], identity_of(partition) | parameters)


def first_covered(connection: Connection, partition: Partition) -> datetime | None:
    """The oldest proven instant."""
    row = connection.execute(QUERIES["first_covered"], identity_of(partition)).fetchone()
    return None if row is None else row[0]


def since(
    connection: Connection,
    stream: Closings,
    partition: Partition,
    closed_to: datetime,
    until: datetime,
    earliest: datetime,
    *,
    all_open: bool,
) -> Since:
    """From when on must be read what may have been closed between ``closed_to`` and ``until``.

    ``earliest`` stands for an opening that cannot be found out. ``all_open``: look for the openings
    of those that are still open as well; it may take long where they are old.
    """
    identity = identity_of(partition) | {"open": stream.seen_open_in, "slack": SLACK}
    at = connection.execute(QUERIES["positions_observed"], identity | {"at": closed_to}).fetchone()
    if at is None:
        return Since(None, None, observed=False)
    first, last, newest, before = at
    bounds = {"since": first, "until": until, "longest_pause": LONGEST_PAUSE}
    rows = connection.execute(QUERIES["positions_held"], identity | bounds).fetchall()
    held = [Held(*row) for row in rows]
    stale = newest < until
    suspects = [one for one in held if one.may_have_closed(stale=stale)]
    # What was opened after the last look before `closed_to` was seen by nobody then.
    openings = {one: _opened_after(connection, identity, one, earliest) for one in suspects}
    others = held if all_open else []
    openings |= {
        one: _opened_after(connection, identity, one, earliest)
        for one in others
        if one not in openings
    }
    return Since(
        min([last - SLACK, *(openings[one] for one in suspects)]),
        min(openings.values(), default=None),
        observed=before,
    )


def _opened_after(
    connection: Connection, identity: dict[str, object], held: Held, earliest: datetime
) -> datetime:
    """An instant before a position was opened, as late as can be told."""
    one = {
        "appeared_at": held.appeared_at,
        "instrument": held.instrument,
        "direction": held.direction,
    }
    for query in ("last_flat", "opened_by_trades"):
        row = connection.execute(QUERIES[query], identity | one).fetchone()
        if row is not None:
            at: datetime = row[0]
            return at - SLACK
    return earliest
