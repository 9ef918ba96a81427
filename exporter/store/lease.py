"""The right to write an account, as each writing transaction checks it; see `leases`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from exporter.model.errors import LeaseLost
from exporter.store.pool import Connection
from exporter.store.queries import QUERIES


class Lease(NamedTuple):
    """The right to write an account; each writing transaction checks that it is still valid."""

    holder: str
    epoch: int


def check(connection: Connection, account_id: str, lease: Lease | None) -> None:
    """Check the lease and hold it until the transaction ends. Raises LeaseLost.

    Without a lease only the stream lock keeps writers apart.
    """
    ask(connection, account_id, lease)()


def ask(connection: Connection, account_id: str, lease: Lease | None) -> Callable[[], None]:
    """As `check`; the function returned reads the answer, and raises."""
    if lease is None:
        return lambda: None
    found = connection.execute(QUERIES["check_lease"], _of(account_id, lease))

    def read() -> None:
        if found.fetchone() is None:
            raise LeaseLost("another process took over the lease of this account")

    return read


def demand(connection: Connection, account_id: str, lease: Lease | None) -> None:
    """As `check`, without waiting for the answer: if the lease is lost, nothing that is sent after
    it in the same pipeline is executed, nor committed, and the transaction fails by DataRefused."""
    if lease is not None:
        connection.execute(QUERIES["demand_lease"], _of(account_id, lease))


def _of(account_id: str, lease: Lease) -> dict[str, object]:
    return {"account_id": account_id, "holder": lease.holder, "epoch": lease.epoch}
