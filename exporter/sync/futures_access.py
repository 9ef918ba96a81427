"""Whether an account has futures: what the exchange says of it, when it says nothing clear.

What a token of an account without futures gets from the futures endpoints is not documented: 400,
401, 403, 404 and empty objects are all possible. Any of these means that there are no futures, on
two conditions. The stream never succeeded for this account, neither in this process nor before:
afterwards the same response is a failure. And the token is good: another endpoint accepts it.
"""

from __future__ import annotations

import logging
import threading

from exporter.api.rate_limiter import Priority
from exporter.model.errors import (
    BadRequest,
    CursorExpired,
    DatabaseError,
    EmptyPayload,
    ExchangeError,
    NoFutures,
    NotPermitted,
    NotYet,
    Stopping,
    TokenRefused,
)
from exporter.model.retirement import NO_FUTURES
from exporter.model.stream import Stream
from exporter.store import bookkeeping
from exporter.store.storage import Storage
from exporter.sync.account import Account
from exporter.sync.stream_sync import StreamSync

_log = logging.getLogger(__name__)
CONTROL = "account/balances"
"""Every token that may read anything of an account may read this, with futures or without."""
_DEADLINE_S = 10.0


def denies_futures(stream: Stream, error: Exception) -> bool:
    """Whether ``error`` may be how the exchange says that an account has no futures."""
    denied = isinstance(error, BadRequest | NotPermitted | TokenRefused | EmptyPayload)
    return stream.requires_futures and denied and not isinstance(error, CursorExpired)


class FuturesAccess:
    """What this process knows of each account's futures. Safe to use from any thread."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._lock = threading.Lock()
        self._succeeded: set[tuple[str, str]] = set()
        self._good_tokens: dict[str, str | None] = {}
        """By account, the token that an endpoint accepted last."""

    def record_read(self, sync: StreamSync) -> None:
        """A pass succeeded, so its token is good, and the account has what it read."""
        with self._lock:
            if sync.stream.requires_futures:
                self._succeeded.add(sync.key)
            self._good_tokens[sync.account.name] = sync.account.token()

    def record_token_refused(self, sync: StreamSync) -> None:
        """The token itself was refused."""
        with self._lock:
            self._good_tokens.pop(sync.account.name, None)

    def forget(self, account: str) -> None:
        """The account is not read any more; another one may come under its name."""
        with self._lock:
            self._succeeded = {key for key in self._succeeded if key[0] != account}
            self._good_tokens.pop(account, None)

    def explain(self, sync: StreamSync, error: ExchangeError) -> ExchangeError:
        """NoFutures where ``error`` means that; else ``error``. May send one request."""
        if not denies_futures(sync.stream, error) or isinstance(error, NoFutures):
            return error
        if self.succeeded_before(sync) is not False or not self._token_is_good(sync.account):
            return error
        return NoFutures(f"{NO_FUTURES}, or its token may not read them: {error}")

    def read_before(self, key: tuple[str, str]) -> bool:
        """Whether a futures stream is known to have succeeded; asks nobody."""
        with self._lock:
            return key in self._succeeded

    def succeeded_before(self, sync: StreamSync) -> bool | None:
        """Whether the stream ever succeeded; None while Postgres, which knows it, is away."""
        with self._lock:
            if sync.key in self._succeeded:
                return True
        if self._storage.database is None:
            return False
        try:
            database = self._storage.writable()
            found = database.run_briefly(bookkeeping.ever_succeeded, *sync.key)
        except (DatabaseError, NotYet):
            return None
        if found:
            with self._lock:
                self._succeeded.add(sync.key)
        return found

    def _token_is_good(self, account: Account) -> bool:
        token = account.token()
        with self._lock:
            if token is not None and self._good_tokens.get(account.name) == token:
                return True
        try:
            account.client.get(CONTROL, {}, priority=Priority.LIVE, deadline_s=_DEADLINE_S)
        except (ExchangeError, Stopping) as error:
            _log.debug("could not find out whether the token is good: %s", error)
            return False
        with self._lock:
            self._good_tokens[account.name] = token
        return True
