"""Prepare what reports begin with: open lots and pools at the ends of months, and sums of days.

Nothing depends on it but their speed: Postgres deletes what a later write makes stale.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import partial

from exporter.store.database import Connection
from exporter.store.lease import Lease, check
from exporter.store.queries import QUERIES
from exporter.store.storage import Storage


def carry_finished_months(storage: Storage, account_id: str) -> int:
    """Carry the state at the end of each finished month whose trades are proven complete; how many.

    Each in a transaction of its own, the oldest first: the next one begins there. Writers of the
    account's trades wait meanwhile. Raises StandingBy and DatabaseError.
    """
    due = storage.writable().run(states_to_carry, account_id)
    for at in due:
        storage.run_leased(account_id, partial(carry, account_id=account_id, at=at))
    return len(due)


def states_to_carry(connection: Connection, account_id: str) -> list[datetime]:
    """The ends of months that are due, oldest first.

    Nothing while a backfill is on its way: what it brings would make the state stale.
    """
    found = connection.execute(QUERIES["states_to_carry"], {"account_id": account_id})
    return [at for (at,) in found]


def carry(connection: Connection, lease: Lease | None, account_id: str, at: datetime) -> None:
    """Store the state at an instant, in the caller's transaction. Raises LeaseLost."""
    check(connection, account_id, lease)
    connection.execute(QUERIES["carry"], {"account_id": account_id, "at": at})


def sum_finished_days(storage: Storage, account_id: str) -> int:
    """Sum the trades of each day in UTC that is proven complete, by hours; how many days.

    A transaction for each month. Writers of the account's trades wait meanwhile. Raises StandingBy
    and DatabaseError.
    """
    due = storage.writable().run(days_to_sum, account_id)
    return sum(
        storage.run_leased(
            account_id, partial(sum_days, account_id=account_id, first=first, last=last)
        )
        for first, last in due
    )


def days_to_sum(connection: Connection, account_id: str) -> list[tuple[date, date]]:
    """The first and the last day of each month that are due, oldest first; those between that are
    summed are not summed again. Nothing while a backfill is on its way.
    """
    found = connection.execute(QUERIES["days_to_sum"], {"account_id": account_id})
    return [(first, last) for first, last in found]


def sum_days(
    connection: Connection, lease: Lease | None, account_id: str, first: date, last: date
) -> int:
    """Store the sums of days, in the caller's transaction; of how many. Raises LeaseLost."""
    check(connection, account_id, lease)
    values = {"account_id": account_id, "first": first, "last": last}
    [(summed,)] = connection.execute(QUERIES["sum_days"], values)
    return int(summed)
