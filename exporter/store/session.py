"""Sessions of Postgres: every connection is opened here, and set up so that nothing depends on the
settings of the role or the database, or on a pooler in between.

What `ALTER ROLE ... SET` and `ALTER DATABASE ... SET` say holds for every session that does not say
otherwise, and a `datestyle` of theirs changes what a date means. So what the code relies on is set
after connecting. Not by ``options`` in the URL: they belong to the user (``-c role=...``), and
poolers refuse them.

A pooler that lends out servers by transaction (PgBouncer, ``pool_mode = transaction``) has no
sessions: what one transaction sets may hold for a transaction of somebody else, and a statement
that one prepared may be unknown in the next. Such a pooler gives itself away: the process id that
it told its client is not the server's. Behind one, each transaction sets what it needs for itself
(`Session.begin`), and nothing is prepared.

What takes time where Postgres is far are round trips, not statements. A transaction that runs ahead
(`Session.ahead`) sends its statements without waiting for the answer to each, in libpq's pipeline
mode (PostgreSQL, 34.5): BEGIN, locks and checks travel with the first question whose answer is
needed, and what follows the last one with the COMMIT.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import psycopg
from psycopg import IsolationLevel, sql

Answer = psycopg.Cursor[tuple[Any, ...]]
"""What a statement brought, or will bring once it is fetched."""

CONNECT_S = 5
APPLICATION = "onetrading-exporter"
"""The name of our sessions in ``pg_stat_activity``, unless the URL gives them one."""
MEANING: Mapping[str, str] = {
    "search_path": "pg_catalog",
    "client_encoding": "UTF8",
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "array_nulls": "on",
    "standard_conforming_strings": "on",
}
"""What names, texts and values mean: the same for every connection (PostgreSQL, 20.11)."""

SERVICE: Mapping[str, str] = {
    **MEANING,
    # Look-ups by key must use the index even when the statistics of a young table make the planner
    # prefer a sequential scan, and compiling them (JIT) takes longer than running them.
    "jit": "off",
    "enable_seqscan": "off",
    "enable_indexscan": "on",
    "enable_bitmapscan": "on",
    "lock_timeout": "30s",
    "statement_timeout": "120s",
    # A transaction that idles is one of a process that was suspended: nobody can take its account.
    "idle_in_transaction_session_timeout": "15s",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
}
"""What the transactions of a sync rely on besides. The deadline of a transaction is ours
(`Database`): a shorter one of the role would cut a long load off each time that it is tried."""

READ_ONLY = "the server accepts no writes: it is a standby, or default_transaction_read_only is on"

_SINCE = {"transaction_timeout": 170_000}
"""Settings that older servers do not know, and the version that brought them."""

_BEGIN, _COMMIT = sql.SQL("BEGIN ISOLATION LEVEL READ COMMITTED"), sql.SQL("COMMIT")

_PREPARE_AFTER = 5
"""How often a statement is executed before it is prepared; psycopg's own default."""
_PREPARED = 200
"""How many statements stay prepared: each that makes room for another costs a round trip."""


class Session(psycopg.Connection[tuple[Any, ...]]):
    """A connection, and what its transactions rely on. Set up by `set_up`."""

    pooled: bool = False
    """Whether a pooler is in between, so that a setting holds for one transaction at most."""
    _settings: Mapping[str, str] = MEANING
    may_run_ahead: bool = False
    """Whether the transaction is one of `ahead`."""
    _unanswered: ExitStack | None = None
    """Leaves the pipeline mode; None outside of it."""

    def set_up(self, settings: Mapping[str, str]) -> None:
        """Set up a new connection, outside a transaction. Raises psycopg.Error."""
        self.prepare_threshold = None  # until it is known who is at the other end
        self.isolation_level = IsolationLevel.READ_COMMITTED
        version = self.info.server_version
        self._settings = {
            name: value for name, value in settings.items() if version >= _SINCE.get(name, 0)
        }
        found = self.execute("SELECT pg_backend_pid(), current_setting('application_name')")
        served_by, application = found.fetchone() or (0, "")
        self.pooled = served_by != self.info.backend_pid
        if not application:
            self._settings = {**self._settings, "application_name": APPLICATION}
        if not self.pooled:
            self._set(for_transaction=False)
            self.prepare_threshold, self.prepared_max = _PREPARE_AFTER, _PREPARED
        if not self.autocommit:
            self.commit()

    def begin(self) -> None:
        """Call it first in each transaction: behind a pooler it sets what the transaction relies
        on. Raises psycopg.Error.
        """
        if self.pooled:
            self._set(for_transaction=True)

    @contextmanager
    def plain(self) -> Iterator[None]:
        """A transaction that waits for each answer; whoever opened the connection ends it."""
        self._commit_each(at_once=False)
        self.begin()
        yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One statement that is a transaction by itself, unless a pooler is in between."""
        self._commit_each(at_once=True)
        with self.statement():
            yield

    @contextmanager
    def ahead(self) -> Iterator[None]:
        """A transaction that runs ahead, unless `catch_up` is called, from BEGIN to COMMIT.

        The connection is in autocommit mode from then on: psycopg waits for a BEGIN of its own.
        After an error the caller rolls back. Raises psycopg.Error, also of earlier statements.
        """
        self._commit_each(at_once=True)
        self.may_run_ahead = True
        try:
            self.run_ahead()
            self.execute(_BEGIN, prepare=False)
            self.begin()
            yield
            self.run_ahead()
            self.execute(_COMMIT, prepare=False)
            self.catch_up()
        except BaseException:
            with suppress(psycopg.Error):  # what follows an error fails as well
                self.catch_up()
            raise
        finally:
            self.may_run_ahead = False

    def run_ahead(self) -> None:
        """Send statements without waiting from now on. To fetch a result costs a round trip, for
        all that was sent before as well. COPY, savepoints and row counts do not work meanwhile."""
        if self._unanswered is None:
            pipeline = ExitStack()
            pipeline.enter_context(self.pipeline())
            self._unanswered = pipeline

    def catch_up(self) -> None:
        """Wait for all answers, in one round trip; what follows is sent one by one."""
        pipeline, self._unanswered = self._unanswered, None
        if pipeline is not None:
            pipeline.close()

    @contextmanager
    def statement(self) -> Iterator[None]:
        """Execute one statement in a transaction of its own, of a connection in autocommit mode."""
        if not self.pooled:
            yield
            return
        with self.transaction():
            self.begin()
            yield

    def _commit_each(self, *, at_once: bool) -> None:
        """Whether psycopg leaves BEGIN to us. It refuses to say so of a connection that is lost,
        which the next statement tells better."""
        if self.autocommit != at_once and not self.closed:
            self.autocommit = at_once

    def _set(self, *, for_transaction: bool) -> None:
        each = [
            sql.SQL("set_config({}, {}, {})").format(name, value, for_transaction)
            for name, value in self._settings.items()
        ]
        self.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join(each)))


def connect(
    url: str, settings: Mapping[str, str] = MEANING, *, autocommit: bool = False, **libpq: Any
) -> Session:
    """Open a connection and set it up. ``libpq``: further connection parameters.

    Raises psycopg.Error.
    """
    session = Session.connect(url, autocommit=autocommit, connect_timeout=CONNECT_S, **libpq)
    try:
        session.set_up(settings)
    except BaseException:
        session.close()
        raise
    return session


def begin(connection: psycopg.Connection[Any]) -> None:
    """As `Session.begin`; nothing for a connection that was opened elsewhere, as a test's."""
    if isinstance(connection, Session):
        connection.begin()


def run_ahead(connection: psycopg.Connection[Any]) -> bool:
    """As `Session.run_ahead`, if the transaction is one that may; whether it is."""
    if isinstance(connection, Session) and connection.may_run_ahead:
        connection.run_ahead()
        return True
    return False


def catch_up(connection: psycopg.Connection[Any]) -> None:
    """As `Session.catch_up`."""
    if isinstance(connection, Session):
        connection.catch_up()


def accepts_writes(connection: psycopg.Connection[Any]) -> bool:
    """Whether a transaction may write: not on a standby, nor while
    ``default_transaction_read_only`` is on. Raises psycopg.Error.
    """
    found = connection.execute("SELECT current_setting('transaction_read_only')").fetchone()
    return found == ("off",)
