"""Check that everything the service needs is there: one result for each subject."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from exporter.api.clock import ExchangeClock
from exporter.api.rate_limiter import Priority
from exporter.api.token_claims import claims_of
from exporter.app import App, enabled
from exporter.logs import context
from exporter.model.errors import ExchangeError, ExporterError, SettingsError
from exporter.model.limits import CLOCK_SKEW_LIMIT_S, TOKEN_EXPIRY_WARNING
from exporter.model.page import read
from exporter.model.stream import PUBLIC_ACCOUNT, PUBLIC_ACCOUNT_ID, Stream
from exporter.server import WebConfigWatcher
from exporter.server.security import exposure
from exporter.server.security.tls import expiry
from exporter.settings import Settings
from exporter.store import bookkeeping, migrate
from exporter.store.database import Connection, connected
from exporter.store.embedded import examine, running_url
from exporter.store.session import READ_ONLY, accepts_writes, begin
from exporter.sync import Account, StreamSync
from exporter.sync.futures_access import CONTROL, denies_futures

_DEADLINE_S = 10.0
_HEALTHY_SHARE = 0.5
"""Live polling should leave at least half of the budget to history."""


class CheckResult(NamedTuple):
    """The subject of a check, whether it passed, and what was found.

    ``warning``: it works, but deserves attention.
    """

    subject: str
    ok: bool
    finding: str
    warning: bool = False


def run(settings: Settings) -> Iterator[CheckResult]:
    """Check everything; a failure of one subject does not keep others from being checked."""
    yield CheckResult("configuration", True, _counted(len(settings.accounts), "account"))
    proxy = settings.network.route(settings.base_url).proxy
    if proxy is not None:
        yield CheckResult("proxy", True, f"requests go through {proxy}")
    yield _web_config(settings)
    app = App(settings, enabled(settings))
    try:
        yield from _exchange(app)
        for account in app.accounts.values():
            yield from _account(app, account)
    finally:
        app.close()
    yield _database(settings)


def _web_config(settings: Settings) -> CheckResult:
    """Who may connect, and how long the certificate is valid. An endpoint that is open to everybody
    is reported, but does not fail: it may be intended."""
    subject, listen = "web config", settings.listen
    try:
        config = WebConfigWatcher(settings.web_config).active.config
        facts = [_counted(len(config.users), "user") if config.users else "no passwords"]
        if config.tls is None:
            facts.append("no TLS")
        else:
            facts.append(f"certificate valid until {expiry(config.tls):%Y-%m-%d %H:%M} UTC")
    except SettingsError as error:
        return CheckResult(subject, False, "; ".join(error.faults))
    except ValueError as error:
        return CheckResult(
            subject, False, f"clients will refuse the certificate: {error}; renew it"
        )
    facts += exposure.warnings(listen.host, str(listen), config)
    return CheckResult(subject, True, "; ".join(facts))


def _exchange(app: App) -> Iterator[CheckResult]:
    client = app.accounts[PUBLIC_ACCOUNT].client
    try:
        server = client.server_time(deadline_s=_DEADLINE_S)
    except ExchangeError as error:
        yield CheckResult("exchange", False, str(error))
        return
    clock = app.clock
    # One response that differs from our clock proves nothing to the service, but is to be told.
    skew_s = clock.skew_s if clock.known else (server - clock.wall()).total_seconds()
    yield CheckResult("exchange", True, app.settings.base_url)
    message = f"the exchange's clock is {skew_s:+.3f} s ahead of the local one"
    yield CheckResult("clock", abs(skew_s) <= CLOCK_SKEW_LIMIT_S, message)


def _account(app: App, account: Account) -> Iterator[CheckResult]:
    syncs = [sync for sync in app.syncs if sync.account is account]
    if not account.public:
        yield from _token(account.name, account.token(), app.clock)
        yield from _permissions(app.settings, account, [sync.stream for sync in syncs])
    yield _budget(account, syncs, app.settings.requests_per_minute)


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


def _permissions(
    settings: Settings, account: Account, streams: Sequence[Stream]
) -> Iterator[CheckResult]:
    """Whether the token may read each stream, by the smallest request that shows it."""
    asked = [stream for stream in streams if stream.stands_alone]
    errors = [(stream, _request(account, stream)) for stream in asked]
    others = [error for stream, error in errors if not stream.requires_futures]
    token_is_good = None in (others or [_account_error(account)])
    for stream, error in errors:
        subject = f"token of {account.name} for {stream.name}"
        if error is None:
            yield CheckResult(subject, True, "permitted")
        elif (
            token_is_good
            and denies_futures(stream, error)
            and not _read_before(settings, account, stream)
        ):
            finding = f"not permitted, as expected for an account without futures ({error})"
            yield CheckResult(subject, True, finding)
        else:
            yield CheckResult(subject, False, str(error))


def _account_error(account: Account) -> ExchangeError | None:
    """What is wrong with a token of which no stream beside the futures is read."""
    try:
        account.client.get(CONTROL, {}, priority=Priority.LIVE, deadline_s=_DEADLINE_S)
    except ExchangeError as error:
        return error
    return None


def _request(account: Account, stream: Stream) -> ExchangeError | None:
    try:
        with context.bind(account=account.name, stream=stream.name):
            body = account.client.get(
                stream.path,
                stream.smallest_request,
                priority=Priority.LIVE,
                deadline_s=_DEADLINE_S,
            )
            read(stream, body, PUBLIC_ACCOUNT_ID)
    except ExchangeError as error:
        return error
    return None


def _read_before(settings: Settings, account: Account, stream: Stream) -> bool:
    """Whether Postgres knows of a success: what was readable once must stay so."""
    try:
        address = _address(settings)
        if address is None:
            return False
        with connected(address) as connection:
            begin(connection)
            return bookkeeping.ever_succeeded(connection, account.name, stream.name)
    except ExporterError:
        return False


def _budget(account: Account, syncs: Sequence[StreamSync], limit: int) -> CheckResult:
    """Requests per minute that live polling needs."""
    a_minute = sum(60 / sync.interval.total_seconds() * sync.requests_per_pass for sync in syncs)
    message = f"live polling takes {a_minute:.0f} of {limit} requests a minute"
    return CheckResult(f"budget of {account.name}", a_minute <= limit * _HEALTHY_SHARE, message)


def _database(settings: Settings) -> CheckResult:
    if settings.database.kind == "none":
        return CheckResult("database", True, "none: metrics only")
    try:
        address = _address(settings)
        if address is None:
            return CheckResult("database", True, examine(settings.data_dir))
        with connected(address) as connection:
            return _schema(connection)
    except ExporterError as error:
        return CheckResult("database", False, str(error))


def _address(settings: Settings) -> str | None:
    """The URL of a database that may be asked; None while the embedded one does not run."""
    if settings.database.kind == "url":
        return settings.database.url()
    return running_url(settings.data_dir) if settings.database.kind == "embedded" else None


def _schema(connection: Connection) -> CheckResult:
    """Whether the service can write. Raises SchemaError."""
    begin(connection)
    if not accepts_writes(connection):
        return CheckResult("database", False, READ_ONLY)
    pending = migrate.pending(connection, migrate.load(migrate.migrations_dir()))
    if not bookkeeping.may_write(connection):
        return CheckResult("database", False, "this role may not create schemas or tables")
    if denied := bookkeeping.not_writable(connection):
        message = "GRANT SELECT, INSERT, UPDATE, DELETE on them to this role"
        return CheckResult(
            "database", False, f"permission denied for {', '.join(denied)}: {message}"
        )
    if not pending:
        return CheckResult("database", True, "schema current")
    message = f"{_counted(len(pending), 'migration')} pending: `run` and `migrate` apply them"
    return CheckResult("database", True, message)


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
