"""The OS user that the embedded Postgres runs as, and what its files must look like to that user.

Postgres refuses to run as root, and refuses a data directory that others may write. As root the
server therefore runs as another user, who has root's files in the way; what a restore, or
Kubernetes' `fsGroup`, did to owners and permissions is put right at the start.
"""

import os
import pwd
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from exporter.model.errors import EmbeddedPostgresError

CANDIDATES = ("postgres", "nobody")
# Postgres: storage/file_perm.h; the second is that of `initdb --allow-group-access`.
ACCEPTED_MODES = (0o700, 0o750)
NSS_WRAPPER = "libnss_wrapper.so"
LIBRARIES = (Path("/usr/lib"), Path("/usr/lib64"))
_TEST = 'for path do test "$0" "$path" || { printf %s "$path"; exit 1; }; done'


@dataclass(frozen=True, slots=True)
class Identity:
    """The user that the server runs as; `uid` and `gid` are None when it is the present one."""

    uid: int | None = None
    gid: int | None = None


def choose(cluster: Path) -> Identity:
    """Choose the user for the data directory `cluster`, which may not exist yet.

    An existing cluster keeps its owner; a new one of root belongs to `postgres`, or else to
    `nobody`. Raises EmbeddedPostgresError when there is no such user, or when the cluster belongs
    to another user.
    """
    owner = cluster.stat() if cluster.exists() else None
    if os.geteuid() == 0:
        if owner is not None and owner.st_uid != 0:
            return Identity(owner.st_uid, owner.st_gid)
        return _unprivileged_user()
    if owner is not None and owner.st_uid != os.geteuid():
        raise EmbeddedPostgresError(
            f"{cluster} belongs to user id {owner.st_uid}, and this process runs as user id"
            f" {os.geteuid()}: run it as that user, or as root change the owner (chown -R"
            f" {os.geteuid()} {cluster.parent}), or choose another ONETRADING_DATA_DIR"
        )
    return Identity()


def _unprivileged_user() -> Identity:
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Identity(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        "Postgres does not run as root, and there is no user `postgres` or `nobody` to run it as:"
        " create one, or start the exporter as another user"
    )


def obstacle(
    identity: Identity, executable: Sequence[Path], readable: Path | None = None
) -> Path | None:
    """The first path that the user may not enter or execute, or read; None when there is none.

    The system itself is asked, as that user: access lists, mount options and security modules count
    as well. Raises EmbeddedPostgresError when this process may not become that user.
    """
    if identity.uid is None:
        return None
    denied = _denied(identity, "-x", executable)
    if denied is None and readable is not None:
        denied = _denied(identity, "-r", [readable])
    return denied


def _denied(identity: Identity, permission: str, paths: Sequence[Path]) -> Path | None:
    try:
        asked = subprocess.run(  # noqa: S603  a fixed command; the paths are arguments
            ["/bin/sh", "-c", _TEST, permission, *map(str, paths)],
            user=identity.uid,
            group=identity.gid,
            extra_groups=[],
            cwd="/",
            env={},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(
            f"Postgres does not run as root, and here root may not become user id {identity.uid}"
            f" ({error}): start the exporter as another user, or set DATABASE_URL to a server"
        ) from error
    return Path(asked.stdout) if asked.returncode != 0 and asked.stdout else None


def admit(data_dir: Path, identity: Identity) -> str:
    """Let the server's user reach the resolved data directory; what was changed, or nothing.

    Raises EmbeddedPostgresError with the first directory that the user may not enter.
    """
    way = [*reversed(data_dir.parents), data_dir]
    closed = obstacle(identity, way)
    changed = ""
    if closed is not None and may_be_opened(closed, data_dir):
        data_dir.chmod(_mode(data_dir) | stat.S_IXOTH)
        changed = f"let other users pass {data_dir} (o+x), because Postgres does not run as root"
        closed = obstacle(identity, way)
    if closed is not None:
        raise out_of_reach(data_dir, identity, closed)
    return changed


def may_be_opened(closed: Path, data_dir: Path) -> bool:
    """Whether a closed directory is the data directory itself, with nothing but ours in it.

    Then others may be let pass; they still cannot list it.
    """
    return closed == data_dir and all(map(is_ours, data_dir.iterdir()))


def out_of_reach(data_dir: Path, identity: Identity, closed: Path) -> EmbeddedPostgresError:
    """The error for a directory `closed` that the server's user may not enter."""
    return EmbeddedPostgresError(
        f"the data directory {data_dir} is out of reach: Postgres refuses to run as root, and user"
        f" id {identity.uid} may not enter {closed}: allow it (chmod o+x {closed}), or choose"
        " another ONETRADING_DATA_DIR, such as /var/lib/onetrading-exporter, or start the exporter"
        " as another user"
    )


def is_ours(path: Path) -> bool:
    """Whether a file or directory of a data directory is one that the exporter makes."""
    return path.name.startswith(("postgres", ".demo")) or path.name == "spool"


def set_right(cluster: Path, secrets: Sequence[Path], identity: Identity) -> Iterator[str]:
    """Give the files of a cluster the owner and permissions that Postgres insists on.

    `secrets` are our own files that hold a password, or may: mode 0600. Yields what was changed.
    Raises OSError.
    """
    open_to_others = [path for path in secrets if path.is_file() and _mode(path) & 0o077]
    for path in open_to_others:
        path.chmod(0o600)
    if open_to_others:
        yield f"made {', '.join(map(str, open_to_others))} private (0600)"
    if not cluster.exists():
        return
    if (count := _own(cluster, identity)) > 0:
        yield f"gave {count} files in {cluster} to user id {identity.uid}"
    if _mode(cluster) & 0o777 not in ACCEPTED_MODES:
        _make_private(cluster)
        yield f"made {cluster} private again (0700): Postgres refuses it otherwise"


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _own(cluster: Path, identity: Identity) -> int:
    """Give the user what belongs to somebody else, for example to root after a restore."""
    if identity.uid is None:
        return 0
    gid = -1 if identity.gid is None else identity.gid
    foreign = [path for path in _tree(cluster) if path.lstat().st_uid != identity.uid]
    for path in foreign:
        os.chown(path, identity.uid, gid, follow_symlinks=False)
    return len(foreign)


def _make_private(cluster: Path) -> None:
    for path in _tree(cluster):
        if not path.is_symlink():
            path.chmod(_mode(path) & 0o700 | (0o700 if path.is_dir() else 0o600))


def hand_over(path: Path, identity: Identity) -> None:
    """Change the owner of `path` and everything below it."""
    if identity.uid is not None and identity.gid is not None:
        for entry in _tree(path):
            os.chown(entry, identity.uid, identity.gid, follow_symlinks=False)


def _tree(path: Path) -> list[Path]:
    return [path, *path.rglob("*")]


def name_environment(
    identity: Identity, folder: Path, libraries: Sequence[Path] = LIBRARIES
) -> dict[str, str]:
    """The environment in which the user has a name: initdb refuses one that has none.

    A container may run as any user id. A library that answers such questions from files, which are
    written to `folder`, is used where it is installed.

    Raises EmbeddedPostgresError, with what to do, where it is not.
    """
    uid = os.geteuid() if identity.uid is None else identity.uid
    gid = os.getegid() if identity.gid is None else identity.gid
    try:
        pwd.getpwuid(uid)
    except KeyError:
        pass
    else:
        return {}
    library = next((found for place in libraries for found in _wrappers(place)), None)
    if library is None:
        raise EmbeddedPostgresError(
            f"initdb needs a user with a name, and user id {uid} has none: add it to /etc/passwd,"
            " or install libnss-wrapper, or start the exporter as a user that has a name, or set"
            " DATABASE_URL to a server"
        )
    passwd, group = folder / "passwd", folder / "group"
    passwd.write_text(f"exporter:x:{uid}:{gid}::/:/bin/sh\n")
    group.write_text(f"exporter:x:{gid}:\n")
    loaded = [str(library), *filter(None, [os.environ.get("LD_PRELOAD")])]
    return {
        "LD_PRELOAD": ":".join(loaded),
        "NSS_WRAPPER_PASSWD": str(passwd),
        "NSS_WRAPPER_GROUP": str(group),
    }


def _wrappers(place: Path) -> Iterator[Path]:
    """The library in a directory, or in that of an architecture below it."""
    for pattern in (f"{NSS_WRAPPER}*", f"*/{NSS_WRAPPER}*"):
        yield from sorted(place.glob(pattern))
