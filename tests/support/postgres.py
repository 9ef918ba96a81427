"""Real Postgres for the tests: one throwaway server a run, a fresh database a test.

`TEST_DATABASE_URL` names a server to use instead; its user must be allowed to create databases.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from exporter.store import migrate
from exporter.store.embedded import EmbeddedPostgres
from tests.support.ports import unused_port
from tests.support.waiting import wait_until

# These data need not survive a crash, and are few.
THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
}


_administrators: dict[str, psycopg.Connection[tuple[object, ...]]] = {}


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The server of this run: the URL of a database that stays empty."""
    with ExitStack() as stack:
        given = os.environ.get("TEST_DATABASE_URL")
        if given:
            url = given
        else:
            directory = stack.enter_context(TemporaryDirectory(prefix="onetrading-postgres-"))
            server = EmbeddedPostgres(Path(directory), settings=THROWAWAY)
            url = stack.enter_context(server).ensure()
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        if not given:
            hash_lightly(connection, url)
        _administrators[url] = connection
        yield url
        del _administrators[url]


def hash_lightly(connection: psycopg.Connection[tuple[object, ...]], url: str) -> None:
    """Let the password be hashed once, not 4,096 times by each login: a third of what it takes."""
    parts = urlsplit(url)
    role = sql.Identifier(str(parts.username))
    connection.execute("SET scram_iterations = 1")
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, str(parts.password)))


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> Iterator[str]:
    """The name of a database with all migrations applied, to be copied."""
    with fresh_database(postgres_url) as url:
        with psycopg.connect(url) as connection:
            migrate.apply(connection, migrate.load(migrate.migrations_dir()))
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """A fresh database of this version's schema."""
    with fresh_database(postgres_url, migrated_template) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """A fresh database without any schema of ours."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A directory that every user may pass; pytest's own are closed to the server of root."""
    with open_directory() as directory:
        yield directory


@contextmanager
def open_directory() -> Iterator[Path]:
    """A temporary directory that every user may pass."""
    with TemporaryDirectory(prefix="onetrading-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)


@pytest.fixture
def postgres_server() -> Iterator["PostgresServer"]:
    """A server of this test's own, running, to be stopped, killed and started again."""
    with TemporaryDirectory(prefix="onetrading-postgres-") as directory:
        server = PostgresServer(Path(directory))
        server.start()
        yield server
        server.stop()


@contextmanager
def fresh_database(server_url: str, template: str = "template1") -> Iterator[str]:
    """Create a database, yield its URL, and drop it together with its sessions."""
    name = f"test_{uuid4().hex}"
    with _administrator(server_url) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    with _administrator(server_url) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _administrator(server_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The connection that is kept to the server of this run; a login costs as much as a drop."""
    if kept := _administrators.get(server_url):
        yield kept
        return
    with psycopg.connect(server_url, autocommit=True) as connection:
        yield connection


def database_of(url: str) -> str:
    """The name of the database that a URL names."""
    return urlsplit(url).path.removeprefix("/")


def with_options(url: str, options: str) -> str:
    """The URL with libpq's ``options``."""
    separator = "&" if urlsplit(url).query else "?"
    return f"{url}{separator}options={quote(options)}"


def postmaster_pid(data_dir: Path) -> int:
    """The PID of the postmaster of the embedded Postgres in a data directory."""
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


@contextmanager
def standing_still(url: str) -> Iterator[None]:
    """Suspend the server's processes: its sockets accept bytes, but nothing responds."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT current_setting('data_directory'), array_agg(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid()"
        ).fetchone()
    assert row is not None
    pids = [postmaster_pid(Path(row[0]).parent), *row[1]]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def wait_for_a_lock(url: str) -> None:
    """Wait until a session of this database waits for a lock."""
    waiting = (
        "SELECT FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with psycopg.connect(url, autocommit=True) as watcher:
        wait_until(lambda: watcher.execute(waiting).rowcount, "no session waits for a lock")


def written(url: str) -> dict[str, tuple[int, int, int]]:
    """Rows inserted, updated and deleted so far in each table of facts.

    A backend reports its last counts when its connection ends, so this waits for that.
    """
    busy = (
        "SELECT FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        wait_until(lambda: connection.execute(busy).rowcount == 0, "a connection stayed open")
        found = connection.execute(
            "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables"
            " WHERE schemaname = 'onetrading' AND relname <> 'snapshots'"
        )
        return {name: (inserted, updated, deleted) for name, inserted, updated, deleted in found}


class PostgresServer:
    """A private server whose URL stays the same through its outages."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._port = unused_port()
        self._running: EmbeddedPostgres | None = None
        self.url = ""

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        self._running = EmbeddedPostgres(self._data_dir, port=self._port, settings=THROWAWAY)
        self.url = self._running.ensure()

    def stop(self) -> None:
        """Shut it down cleanly; its sessions end."""
        if self._running is not None:
            self._running.stop()
            self._running = None

    def kill(self) -> None:
        """Kill it with SIGKILL, like a power failure; nothing is written first."""
        with suppress(FileNotFoundError):
            os.kill(postmaster_pid(self._data_dir), signal.SIGKILL)
        self.stop()
