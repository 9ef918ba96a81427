"""Open an account: find its token, and build the client that reads it.

The token is in no message, ``repr`` or traceback: what may raise an error is done where no local
variable holds it.
"""

from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from os import PathLike

from exporter.api.client import Client
from exporter.api.clock import ExchangeClock, boottime
from exporter.api.rate_limiter import RateLimiter
from exporter.api.retry import Policy
from exporter.api.sender import Unobserved
from exporter.model.errors import SettingsError
from exporter.model.stream import PUBLIC_ACCOUNT
from exporter.notebook.access import Access
from exporter.notebook.reader import AccountReader
from exporter.settings import AccountSettings, Settings, load
from exporter.streams import STREAMS

_OF_ACCOUNTS = frozenset(
    {
        *("ONETRADING_API_TOKEN", "ONETRADING_API_TOKEN_FILE"),
        *("ONETRADING_ACCOUNT", "ONETRADING_ACCOUNTS"),
    }
)
_USED = _OF_ACCOUNTS | {
    *("ONETRADING_CONFIG", "ONETRADING_BASE_URL", "ONETRADING_REQUESTS_PER_MINUTE"),
}
_SHARE = 4
"""Without a wish of the caller, so much less than a token may send: a service may use it, too."""

_budgets: dict[bytes, tuple[int, RateLimiter]] = {}
_budgets_lock = threading.Lock()


def open_account(
    *,
    token_file: str | PathLike[str] | None = None,
    token: str | None = None,
    account: str | None = None,
    base_url: str | None = None,
    requests_per_minute: int | None = None,
    patience_s: float = 60.0,
) -> AccountReader:
    """Open an account at One Trading for reading; use it in a ``with`` statement.

    ``token_file``: a file with the token, which is read again when it changes; ``token``: the token
    itself. Without either the settings of the exporter count (ONETRADING_API_TOKEN_FILE,
    ONETRADING_ACCOUNTS, ONETRADING_CONFIG, ...), of which ``account`` chooses one of several
    accounts by its name; where they name none, only what needs no token can be read.

    ``base_url``: as ONETRADING_BASE_URL. ``requests_per_minute``: at most; None: a quarter of
    ONETRADING_REQUESTS_PER_MINUTE (60 of 240), so that a service with the same token has the rest.
    Accounts that one Python process opens with one token share that budget. ``patience_s``: how
    many seconds a request is retried before its error is raised.

    Sends no request yet. Raises SettingsError, with everything that is wrong at once.
    """
    settings, faults = _load(_environment(token_file, token, account, base_url))
    del token
    if settings is None:
        raise SettingsError(faults)
    chosen = _choose(settings.accounts, account)
    rate = requests_per_minute or max(1, settings.requests_per_minute // _SHARE)
    if rate < 0 or patience_s < 0:
        raise SettingsError(["requests_per_minute and patience_s must not be below 0"])
    stop, clock = threading.Event(), ExchangeClock(wall=lambda: datetime.now(UTC), steady=boottime)

    def access(configured: AccountSettings | None) -> Access:
        name = PUBLIC_ACCOUNT if configured is None else configured.name
        client = _client(settings, configured, name, rate, patience_s, clock, stop)
        return Access(name, client, clock, patience_s=patience_s)

    return AccountReader(None if chosen is None else access(chosen), access(None), stop)


def _client(
    settings: Settings,
    configured: AccountSettings | None,
    name: str,
    rate: int,
    patience_s: float,
    clock: ExchangeClock,
    stop: threading.Event,
) -> Client:
    token: Callable[[], str | None] = (lambda: None) if configured is None else configured.token.get
    return Client(
        account=name,
        base_url=settings.base_url,
        token=token,
        rate_limiter=budget(settings.base_url, token, rate),
        clock=clock,
        observer=Unobserved(),
        stop=stop,
        policy=Policy(deadline_s=patience_s),
        random=random.random,
        monotonic=time.monotonic,
        route=settings.network.route(settings.base_url),
    )


def _environment(
    token_file: str | PathLike[str] | None,
    token: str | None,
    account: str | None,
    base_url: str | None,
) -> dict[str, str]:
    """The environment, with what the caller has said in place of what it says there."""
    taken = {
        name: text
        for name, text in os.environ.items()
        if name in _USED or not name.startswith(("ONETRADING_", "DATABASE_URL"))
    }
    taken["DATABASE_URL"] = "none"
    if token_file is not None or token is not None:
        taken = {name: text for name, text in taken.items() if name not in _OF_ACCOUNTS}
        if account is not None:
            taken["ONETRADING_ACCOUNT"] = account
    if token_file is not None:
        taken["ONETRADING_API_TOKEN_FILE"] = os.fspath(token_file)
    if token is not None:
        taken["ONETRADING_API_TOKEN"] = token
    if base_url is not None:
        taken["ONETRADING_BASE_URL"] = base_url
    return taken


def _load(environ: Mapping[str, str]) -> tuple[Settings | None, Sequence[str]]:
    """The settings, or what is wrong: raised here, the error's traceback would hold the token."""
    try:
        names = [stream.name for stream in STREAMS]
        public = [stream.name for stream in STREAMS if stream.public]
        return load(environ, stream_names=names, public_streams=public), ()
    except SettingsError as error:
        return None, error.faults


def _choose(accounts: Sequence[AccountSettings], name: str | None) -> AccountSettings | None:
    """The account that is meant. Raises SettingsError when it is not clear which."""
    names = ", ".join(configured.name for configured in accounts) or "none"
    if name is not None:
        for configured in accounts:
            if configured.name == name:
                return configured
        raise SettingsError([f"account={name!r} is not configured; configured: {names}"])
    if len(accounts) > 1:
        raise SettingsError([f"several accounts are configured: choose one, account=...: {names}"])
    return next(iter(accounts), None)


def budget(base_url: str, token: Callable[[], str | None], rate: int) -> RateLimiter:
    """The request budget of a token in this process, whoever opens it and how often."""
    key = hashlib.sha256(f"{base_url}\0{token() or ''}".encode()).digest()
    with _budgets_lock:
        known = _budgets.get(key)
        if known is None or known[0] != rate:
            limiter = RateLimiter(rate, monotonic=time.monotonic, stop=threading.Event())
            known = _budgets[key] = (rate, limiter)
        return known[1]
