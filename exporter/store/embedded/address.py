"""The address of the embedded server: its file, its port, and the first connections to it.

libpq takes what a URL leaves open from the environment. Variables that are meant for another server
(PGSSLMODE, PGHOSTADDR, ...) would lead away from ours, and some cannot be overridden by a URL at
all: a PGSERVICE that does not exist, or a PGTZ that the server refuses. So a process that uses the
embedded server forgets them.
"""

import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from exporter.model.errors import EmbeddedPostgresError

USER = "onetrading"
DATABASE = "onetrading"

FORGOTTEN: list[str] = []
"""The variables that this process was started with and that libpq would have obeyed."""


def forget_libpq_variables() -> None:
    """Remove what libpq reads from this process's environment; its own server is its only one."""
    for name in sorted(name for name in os.environ if name.startswith("PG")):
        del os.environ[name]
        FORGOTTEN.append(name)


@dataclass(frozen=True, slots=True)
class Address:
    """Port and password of the server, in a file that processes with one data directory share."""

    port: int
    password: str

    def url(self, database: str = DATABASE) -> str:
        """Return the libpq URL."""
        return (
            f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"
            "?sslmode=disable&gssencmode=disable"
        )

    @classmethod
    def read(cls, path: Path) -> "Address | None":
        """Read the file; None when it does not exist. Raises EmbeddedPostgresError, OSError."""
        try:
            content = json.loads(path.read_text())
            return cls(port=int(content["port"]), password=str(content["password"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise EmbeddedPostgresError(
                f"{path}, which has the port and the password of the embedded Postgres, cannot be"
                " read: restore it, or choose another ONETRADING_DATA_DIR"
            ) from error

    def write(self, path: Path) -> None:
        """Replace the file atomically and durably; mode 0600, because it holds the password."""
        draft = path.with_name(f"{path.name}.new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        with draft.open("w") as file:
            json.dump({"port": self.port, "user": USER, "password": self.password}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)


def accepts_connections(address: Address) -> bool:
    """Whether our server accepts connections; SCRAM has both sides prove the password."""
    try:
        psycopg.connect(address.url(), connect_timeout=2, require_auth="scram-sha-256").close()
    except psycopg.OperationalError:
        return False
    return True


def create_database(address: Address) -> None:
    """Create the database unless it exists. Raises psycopg.Error."""
    with psycopg.connect(
        address.url("postgres"), autocommit=True, connect_timeout=2, require_auth="scram-sha-256"
    ) as connection:
        existing = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
        if existing.fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def free_port(preferred: int) -> int:
    """Return `preferred` when it is free, else any free port on 127.0.0.1."""
    for port in (preferred, 0):
        with suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise EmbeddedPostgresError("no free port on 127.0.0.1")
