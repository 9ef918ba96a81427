"""The OS user that the embedded Postgres runs as, because Postgres refuses to run as root."""

import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exporter.model.errors import EmbeddedPostgresError

# <linux/capability.h>
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAPABILITY_NAMES = {1: "CAP_DAC_OVERRIDE", 2: "CAP_DAC_READ_SEARCH"}
CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Identity:
    """The user that the server runs as.

    `uid` and `gid` are None when it is the present one. `capability` is the number of the one Linux
    capability that the server keeps because the user may not pass `obstacle`, else None.
    """

    uid: int | None = None
    gid: int | None = None
    capability: int | None = None
    obstacle: Path | None = None


def choose(cluster: Path, directories: list[Path], programs: list[Path]) -> Identity:
    """Choose the user for the data directory `cluster`, which may not exist yet.

    An existing cluster keeps its owner; a new one belongs to `postgres`, or else to `nobody`. That
    user must be able to reach `directories` and to execute `programs`.

    Raises EmbeddedPostgresError when there is no such user, when the cluster belongs to another
    user, or when a directory cannot be passed and this process has no capability to pass on.
    """
    owner = cluster.stat() if cluster.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            raise EmbeddedPostgresError(
                f"{cluster} belongs to user id {owner.st_uid}, and this process runs as user id"
                f" {os.geteuid()}: run it as that user, or choose another ONETRADING_DATA_DIR"
            )
        return Identity()
    if owner is not None and owner.st_uid != 0:
        uid, gid = owner.st_uid, owner.st_gid
    else:
        uid, gid = _unprivileged_user()
    obstacle = next(_obstacles(directories, programs, uid, gid), None)
    if obstacle is None:
        return Identity(uid, gid)
    return Identity(uid, gid, _capability_past(obstacle, uid), obstacle)


def hand_over(path: Path, identity: Identity) -> None:
    """Change the owner of `path` and everything below it."""
    uid, gid = identity.uid, identity.gid
    if uid is None or gid is None:
        return
    for entry in [path, *path.rglob("*")]:
        os.chown(entry, uid, gid, follow_symlinks=False)


def _unprivileged_user() -> tuple[int, int]:
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise EmbeddedPostgresError(
        "Postgres does not run as root, and there is no user `postgres` or `nobody` to run it as:"
        " create one, or start the exporter as another user"
    )


def _obstacles(directories: list[Path], programs: list[Path], uid: int, gid: int) -> Iterator[Path]:
    """Yield what the user may not pass, judged by permission bits, from the root downwards.

    Programs come first, because they need a stronger capability.
    """
    for program in programs:
        if not _may(program, stat.S_IXOTH | stat.S_IROTH, uid, gid):
            yield program
    for directory in [*directories, *(program.parent for program in programs)]:
        for step in [*reversed(directory.resolve().parents), directory.resolve()]:
            if step.exists() and not _may(step, stat.S_IXOTH, uid, gid):
                yield step


def _may(path: Path, wanted: int, uid: int, gid: int) -> bool:
    """Whether the user has the permissions `wanted`, given as the bits for "others"."""
    status = path.stat()
    shift = 6 if status.st_uid == uid else 3 if status.st_gid == gid else 0
    return (status.st_mode >> shift) & wanted == wanted


def _capability_past(obstacle: Path, uid: int) -> int:
    """Choose the weakest permitted capability that lets the user past `obstacle`."""
    permitted = _permitted_capabilities()
    # Searching suffices for a directory; executing a file takes the stronger capability.
    if obstacle.is_dir() and permitted >> CAP_DAC_READ_SEARCH & 1:
        return CAP_DAC_READ_SEARCH
    if permitted >> CAP_DAC_OVERRIDE & 1:
        return CAP_DAC_OVERRIDE
    raise EmbeddedPostgresError(
        f"Postgres must run as user id {uid}, which may not pass {obstacle}: allow it"
        f" (chmod o+x {obstacle}), or choose another ONETRADING_DATA_DIR, or start the exporter as"
        " another user"
    )


def _permitted_capabilities() -> int:
    """This process's permitted capabilities as a bit set; 0 on other systems than Linux."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    for line in status.read_text().splitlines():
        if line.startswith("CapPrm:"):
            return int(line.split()[1], 16)
    return 0
