"""The address of the embedded server: its file, its port, and the first connections to it."""

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


@dataclass(frozen=True, slots=True)
class Address:
    """Port and password of the server, in a file that processes with one data directory share."""

    port: int
    password: str

    def url(self, database: str = DATABASE) -> str:
        """Return the libpq URL."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    @classmethod
    def read(cls, path: Path) -> "Address | None":
        """Read the file; None when it does not exist."""
        if not path.exists():
            return None
        content = json.loads(path.read_text())
        return cls(port=content["port"], password=content["password"])

    def write(self, path: Path) -> None:
        """Replace the file atomically and durably; mode 0600, because it holds the password."""
        draft = path.with_name(f"{path.name}.new")
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
    """Create the database unless it exists. Raises psycopg.OperationalError."""
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
