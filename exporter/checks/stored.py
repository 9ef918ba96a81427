"""What Postgres says: whether the service can write, and what it knows of the accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from exporter.app import enabled
from exporter.checks.result import CheckResult, counted
from exporter.model.errors import ExporterError
from exporter.model.stream import PUBLIC_ACCOUNT, PUBLIC_ACCOUNT_ID, History, Partition
from exporter.model.window import Window, subtract
from exporter.settings import Settings
from exporter.store import bookkeeping, migrate, verified
from exporter.store.database import Connection, connected
from exporter.store.embedded import examine, running_url
from exporter.store.session import READ_ONLY, accepts_writes, begin

_DEFAULT_HISTORY = timedelta(days=30)


class Missing(NamedTuple):
    """What is not proven of one history, in all of its scopes together."""

    span: timedelta
    windows: int
    """As many requests at least."""


class Stored(NamedTuple):
    """What is known. Without a database, or one of this version's schema, nothing is."""

    result: CheckResult
    ids: Mapping[str, str] = {}
    """Of the accounts by their names."""
    succeeded: frozenset[tuple[str, str]] = frozenset()
    """Accounts and streams of which a pass ever succeeded."""
    missing: Mapping[tuple[str, str], Missing] = {}
    """By account and stream, of what there is a record."""


def look(settings: Settings) -> Stored:
    """Ask the configured database, if there is one that runs. Creates and starts nothing."""
    if settings.database.kind == "none":
        return Stored(CheckResult("database", True, "none: metrics only"))
    try:
        address = _address(settings)
        if address is None:
            return Stored(CheckResult("database", True, examine(settings.data_dir)))
        with connected(address) as connection:
            result, current = _schema(connection)
            return _known(connection, settings, result) if current else Stored(result)
    except ExporterError as error:
        return Stored(CheckResult("database", False, str(error)))


def _address(settings: Settings) -> str | None:
    """The URL of a database that may be asked; None while the embedded one does not run."""
    if settings.database.kind == "url":
        return settings.database.url()
    return running_url(settings.data_dir) if settings.database.kind == "embedded" else None


def _schema(connection: Connection) -> tuple[CheckResult, bool]:
    """Whether the service can write, and whether the schema is this version's.

    Raises SchemaError.
    """
    begin(connection)
    if not accepts_writes(connection):
        return CheckResult("database", False, READ_ONLY), False
    pending = migrate.pending(connection, migrate.load(migrate.migrations_dir()))
    if not bookkeeping.may_write(connection):
        finding = "this role may not create schemas or tables: GRANT CREATE ON DATABASE ... TO it"
        return CheckResult("database", False, finding), not pending
    if denied := bookkeeping.not_writable(connection):
        message = "GRANT SELECT, INSERT, UPDATE, DELETE on them to this role"
        finding = f"permission denied for {', '.join(denied)}: {message}"
        return CheckResult("database", False, finding), False
    if not pending:
        return CheckResult("database", True, "schema current"), True
    message = f"{counted(len(pending), 'migration')} pending: `run` and `migrate` apply them"
    return CheckResult("database", True, message), False


def _known(connection: Connection, settings: Settings, result: CheckResult) -> Stored:
    names = [account.name for account in settings.accounts]
    ids = {n: i for n in names if (i := bookkeeping.account_id(connection, n)) is not None}
    streams = enabled(settings)
    succeeded = frozenset(
        (name, stream.name)
        for name in ids
        for stream in streams
        if stream.requires_futures and bookkeeping.ever_succeeded(connection, name, stream.name)
    )
    missing: dict[tuple[str, str], Missing] = {}
    for name, account_id in ((PUBLIC_ACCOUNT, PUBLIC_ACCOUNT_ID), *ids.items()):
        for stream in streams:
            if isinstance(stream, History) and stream.public == (name == PUBLIC_ACCOUNT):
                base = Partition(name, account_id, stream.name)
                if found := _missing(connection, settings, stream, base):
                    missing[name, stream.name] = found
    return Stored(result, ids, succeeded, missing)


def _missing(
    connection: Connection, settings: Settings, stream: History, base: Partition
) -> Missing | None:
    now = datetime.now(UTC)
    gaps: list[Window] = []
    scopes = verified.scopes_of(connection, base)
    for scope in scopes:
        partition = base._replace(instrument=scope)
        required = bookkeeping.required_from(connection, partition)
        start = settings.history_start or required or now - _DEFAULT_HISTORY
        wanted = Window(min(start, now), now)
        gaps += subtract(wanted, bookkeeping.covered(connection, partition, wanted))
    return missing_of(stream, gaps) if scopes else None


def missing_of(stream: History, gaps: Sequence[Window]) -> Missing:
    """What gaps of a history take."""
    # The newest part is read by polling, and never proven before it has settled.
    left = [gap for gap in gaps if gap.span > stream.allowed_lateness + timedelta(hours=1)]
    span = sum((gap.span for gap in left), timedelta())
    return Missing(span, sum(-(-gap.span // stream.max_window) for gap in left))
