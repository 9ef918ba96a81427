"""Whether names of accounts are taken: one name stands for one account of the exchange."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from exporter.api.client import Client
from exporter.api.identity import identify, made_up
from exporter.model.errors import ExchangeError, ExporterError, SettingsError
from exporter.settings import AccountSettings
from exporter.store import bookkeeping
from exporter.store.storage import Storage

_log = logging.getLogger(__name__)
_DEADLINE_S = 10.0


def require_free(
    accounts: Iterable[AccountSettings],
    storage: Storage,
    client_of: Callable[[AccountSettings], Client],
) -> None:
    """Check that Postgres knows none of these names as another account than its token reads.

    What cannot be found out now, because Postgres or the exchange is away, is found out by the
    first pass, which then refuses to mix the two. Raises SettingsError.
    """
    faults = [fault for account in accounts for fault in _taken(account, storage, client_of)]
    if faults:
        raise SettingsError(faults)


def _taken(
    account: AccountSettings, storage: Storage, client_of: Callable[[AccountSettings], Client]
) -> Iterator[str]:
    try:
        known = storage.writable().run_briefly(bookkeeping.account_id, account.name)
        if known is None or known == made_up(account.name):
            return
        with _closing(client_of(account)) as client:
            found = identify(client, deadline_s=_DEADLINE_S)
    except (ExporterError, ExchangeError) as error:
        _log.debug("could not find out whether the name %s is taken: %s", account.name, error)
        return
    if found not in (None, known):
        yield (
            f"Postgres knows the name {account.name} as account {known}, but its token reads "
            f"{found}; choose another name (to exchange two names, use a third one in between)"
        )


@contextmanager
def _closing(client: Client) -> Iterator[Client]:
    try:
        yield client
    finally:
        client.close()
