"""What the exchange says: whether it answers, what each token may read, how long history takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter

from exporter.api.clock import ExchangeClock
from exporter.api.identity import identify, made_up
from exporter.api.rate_limiter import Priority
from exporter.api.token_claims import claims_of
from exporter.app import App
from exporter.checks.hints import hinted
from exporter.checks.result import CheckResult
from exporter.checks.stored import Missing, Stored, missing_of
from exporter.logs import context
from exporter.model.errors import (
    ConnectionFailed,
    ExchangeError,
    RetryLater,
    TimedOut,
)
from exporter.model.limits import CLOCK_SKEW_LIMIT_S, TOKEN_EXPIRY_WARNING
from exporter.model.page import read
from exporter.model.stream import PUBLIC_ACCOUNT, PUBLIC_ACCOUNT_ID, History, Page, Stream
from exporter.model.window import Window
from exporter.sync import Account, StreamSync
from exporter.sync.futures_access import CONTROL, denies_futures

RETRY_FOR_S = 1.0
"""How long after the first attempt another one may begin."""
_HEALTHY_SHARE = 0.5
"""Live polling should leave at least half of the budget to history."""
_DEFAULT_HISTORY = timedelta(days=30)
_NOT_ASKED = "not asked, since the exchange does not answer"


def look(app: App, stored: Callable[[], Stored]) -> Iterator[CheckResult]:
    """Everything that the exchange can say. ``stored`` waits for Postgres."""
    check = _Check(app, stored)
    yield from check.exchange()
    for account in app.accounts.values():
        yield from check.account(account)


class _Check:
    """Asks the exchange, as long as it answers."""

    def __init__(self, app: App, stored: Callable[[], Stored]) -> None:
        self._app = app
        self._stored = stored
        self._silent = False
        """It did not answer once: whatever else is asked would wait as long again."""
        self._retry_for_s = RETRY_FOR_S
        self._density: dict[tuple[str, str], float] = {}
        """Pages a second of history, by account and stream, as lately."""

    def exchange(self) -> Iterator[CheckResult]:
        """Whether it answers, and what time it has."""
        app, clock = self._app, self._app.clock
        client = app.accounts[PUBLIC_ACCOUNT].client
        try:
            server = client.server_time(deadline_s=RETRY_FOR_S)
        except ExchangeError as error:
            self._note(error)
            yield CheckResult("exchange", False, hinted(error, app.settings))
            return
        # One response that differs from our clock proves nothing to the service, but is to be told.
        skew_s = clock.skew_s if clock.known else (server - clock.wall()).total_seconds()
        yield CheckResult("exchange", True, app.settings.base_url)
        # No "-0.000": a zero is added to what is rounded.
        message = f"the exchange's clock is {round(skew_s, 3) + 0:+.3f} s ahead of the local one"
        good = abs(skew_s) <= CLOCK_SKEW_LIMIT_S
        remedy = "" if good else "; set this machine's clock, by NTP"
        yield CheckResult("clock", good, message + remedy)
        start = app.settings.history_start
        if start is not None and start > server:
            finding = (
                f"ONETRADING_HISTORY_START, {start:%FT%TZ}, has not come by the exchange's clock:"
                " no history is read before; write an instant that has passed"
            )
            yield CheckResult("history", True, finding, warning=True)

    def account(self, account: Account) -> Iterator[CheckResult]:
        """What its token says and may read, and what its streams take."""
        syncs = [sync for sync in self._app.syncs if sync.account is account]
        if not account.public:
            yield from _token(account.name, account.token(), self._app.clock)
            yield from self._permissions(account, [sync.stream for sync in syncs])
            yield from self._name(account)
        per_minute = self._app.settings.requests_per_minute
        yield _budget(account, syncs, per_minute)
        if self._app.settings.database.kind != "none":
            yield from self._backfill(account, syncs, per_minute)

    def _note(self, error: ExchangeError) -> None:
        self._silent |= isinstance(error, ConnectionFailed | TimedOut)
        if isinstance(error, RetryLater):
            self._retry_for_s = 0.0

    def _permissions(self, account: Account, streams: Sequence[Stream]) -> Iterator[CheckResult]:
        """Whether the token may read each stream, by the smallest request that shows it."""
        asked = [stream for stream in streams if stream.stands_alone]
        if self._silent:
            yield CheckResult(f"token of {account.name}", False, _NOT_ASKED)
            return
        errors = [(stream, self._request(account, stream)) for stream in asked]
        others = [error for stream, error in errors if not stream.requires_futures]
        good = None in (others or [self._get(account, CONTROL, {})])
        for stream, error in errors:
            subject = f"token of {account.name} for {stream.name}"
            if error is None:
                yield CheckResult(subject, True, "permitted")
            elif good and denies_futures(stream, error) and not self._read_before(account, stream):
                finding = f"not permitted, as expected for an account without futures ({error})"
                yield CheckResult(subject, True, finding)
            else:
                finding = _NOT_ASKED if isinstance(error, _NotAsked) else ""
                yield CheckResult(subject, False, finding or hinted(error, self._app.settings))

    def _read_before(self, account: Account, stream: Stream) -> bool:
        """Whether Postgres knows of a success: what was readable once must stay so."""
        return (account.name, stream.name) in self._stored().succeeded

    def _request(self, account: Account, stream: Stream) -> ExchangeError | None:
        """Ask for a stream; of a history a whole page, which tells how busy the account is."""
        params = dict(stream.smallest_request)
        whole = isinstance(stream, History) and not stream.partitioned and stream.paging.size_param
        if whole and isinstance(stream, History):
            params[stream.paging.size_param] = str(stream.paging.size)
        with context.bind(account=account.name, stream=stream.name):
            return self._get(account, stream.path, params, stream)

    def _get(
        self, account: Account, path: str, params: Mapping[str, str], stream: Stream | None = None
    ) -> ExchangeError | None:
        if self._silent:
            return _NotAsked(_NOT_ASKED)
        try:
            body = account.client.get(
                path, params, priority=Priority.LIVE, deadline_s=self._retry_for_s
            )
            if stream is not None:
                page = read(stream, body, PUBLIC_ACCOUNT_ID)
                if isinstance(stream, History):
                    self._density[account.name, stream.name] = _density(stream, page)
        except ExchangeError as error:
            self._note(error)
            return error
        return None

    def _name(self, account: Account) -> Iterator[CheckResult]:
        """A name stands for one account for ever: the service would refuse another one's token."""
        known = self._stored().ids.get(account.name)
        if self._silent or known in (None, made_up(account.name)):
            return
        try:
            found = identify(account.client, deadline_s=self._retry_for_s)
        except ExchangeError as error:
            self._note(error)
            return
        if found not in (None, known):
            yield CheckResult(
                f"name {account.name}",
                True,
                f"Postgres knows this name as account {known}, but its token reads {found}: nothing"
                " of it will be read; choose another name, or the other account's token",
                warning=True,
            )

    def _backfill(
        self, account: Account, syncs: Sequence[StreamSync], per_minute: int
    ) -> Iterator[CheckResult]:
        """About how long it takes to read what is missing of the history."""
        total, exact = 0.0, True
        for sync in syncs:
            if isinstance(sync.stream, History):
                missing = self._missing(sync.stream, account.name)
                pages = missing.span.total_seconds() * self._density.get(sync.key, 0.0)
                total += max(missing.windows, pages)
                exact &= sync.key in self._density
        if not any(isinstance(sync.stream, History) for sync in syncs):
            return
        about = "about" if exact else "at least"
        took = _span(timedelta(minutes=total / per_minute))
        finding = (
            f"the history that is missing takes {about} {total:.0f} requests, {took} at"
            f" {per_minute} a minute"
            if total
            else "no history is missing"
        )
        yield CheckResult(f"backfill of {account.name}", True, finding)

    def _missing(self, stream: History, account: str) -> Missing:
        found = self._stored().missing.get((account, stream.name))
        if found is not None:
            return found
        now = datetime.now(UTC)
        start = self._app.settings.history_start or now - _DEFAULT_HISTORY
        one = missing_of(stream, [Window(start, now)])
        scopes = stream.requests_per_pass
        return Missing(one.span * scopes, one.windows * scopes)


class _NotAsked(ExchangeError):
    """Nothing was sent."""


def _density(stream: History, page: Page) -> float:
    """Pages a second of history; 0 where one page holds all of the default window."""
    instants = [attrgetter(stream.instant)(row) for row in page.rows] if stream.ordered else []
    if len(instants) < stream.paging.size:
        return 0.0
    span: timedelta = max(instants) - min(instants)
    return 1 / max(span.total_seconds(), 1.0)


def _span(value: timedelta) -> str:
    if value < timedelta(minutes=2):
        return f"{value.total_seconds():.0f} s"
    if value < timedelta(hours=2):
        return f"{value / timedelta(minutes=1):.0f} min"
    return f"{value / timedelta(hours=1):.1f} h"


def _token(name: str, token: str | None, clock: ExchangeClock) -> Iterator[CheckResult]:
    """What the token says of itself: nothing of that is verified, and nothing more of it shown."""
    claims = claims_of(token)
    if claims.rights is not None:
        subject, rights = f"scopes of the token of {name}", " and ".join(claims.rights)
        finding = f"it may {rights}: a token with the scope Read only is enough; create one"
        yield CheckResult(subject, True, finding if rights else "Read only", bool(rights))
    if claims.expires_at is not None:
        subject, at = f"expiry of the token of {name}", f"{claims.expires_at:%Y-%m-%d %H:%M} UTC"
        left = claims.expires_at - (clock.now() if clock.known else clock.wall())
        if left <= timedelta(0):
            yield CheckResult(subject, False, f"it expired at {at}; create another one")
        else:
            soon = left < TOKEN_EXPIRY_WARNING
            finding = f"it expires at {at}" + ("; create another one until then" if soon else "")
            yield CheckResult(subject, True, finding, soon)


def _budget(account: Account, syncs: Sequence[StreamSync], limit: int) -> CheckResult:
    """Requests per minute that live polling needs."""
    a_minute = sum(60 / sync.interval.total_seconds() * sync.requests_per_pass for sync in syncs)
    message = f"live polling takes {a_minute:.0f} of {limit} requests a minute"
    good = a_minute <= limit * _HEALTHY_SHARE
    remedy = "" if good else "; lengthen ONETRADING_INTERVAL_<STREAM>, or read fewer streams"
    return CheckResult(f"budget of {account.name}", good, message + remedy)
