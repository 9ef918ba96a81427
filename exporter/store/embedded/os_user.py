"""The user that the embedded Postgres runs as, because Postgres refuses to run as root."""

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
    """Whom the server runs as.

    `uid` and `gid` are None when no change is needed. `capability` is the number of the one Linux
    capability that is kept because `obstacle` bars the way for that user, else None.
    """

    uid: int | None = None
    gid: int | None = None
    capability: int | None = None
    obstacle: Path | None = None


def choose(cluster: Path, directories: list[Path], programs: list[Path]) -> Identity:
    """Choose the identity for the data directory `cluster`, which need not exist yet.

    The owner of an existing cluster stays its owner, whoever that is; a new one belongs to
    `postgres` or else to `nobody`. `directories` must be reachable for it, `programs` executable.

    Raises EmbeddedPostgresError when there is no such user, when the cluster is somebody else's, or
    when the way is barred and this process has no capability to hand down.
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
    barred = next(_obstacles(directories, programs, uid, gid), None)
    if barred is None:
        return Identity(uid, gid)
    return Identity(uid, gid, _capability_past(barred, uid), barred)


def hand_over(path: Path, identity: Identity) -> None:
    """Give `path` and all below it to the identity's user."""
    uid, gid = identity.uid, identity.gid
    if uid is None or gid is None:
        return
    for place in [path, *path.rglob("*")]:
        os.chown(place, uid, gid, follow_symlinks=False)


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
    """Yield what the user may not pass, from the permission bits of each place on the way.

    Directories come last on each way but programs come first of all, because they need more.
    """
    for program in programs:
        if not _may(program, stat.S_IXOTH | stat.S_IROTH, uid, gid):
            yield program
    for place in [*directories, *(program.parent for program in programs)]:
        for step in [*reversed(place.resolve().parents), place.resolve()]:
            if step.exists() and not _may(step, stat.S_IXOTH, uid, gid):
                yield step


def _may(place: Path, wanted: int, uid: int, gid: int) -> bool:
    """Tell whether the user has the rights `wanted`, given as the bits for "others"."""
    found = place.stat()
    shift = 6 if found.st_uid == uid else 3 if found.st_gid == gid else 0
    return (found.st_mode >> shift) & wanted == wanted


def _capability_past(barred: Path, uid: int) -> int:
    """Choose the weakest capability of ours that lets the user past `barred`."""
    permitted = _permitted_capabilities()
    # Reading and searching do for directories; executing a barred file takes the stronger one.
    if barred.is_dir() and permitted >> CAP_DAC_READ_SEARCH & 1:
        return CAP_DAC_READ_SEARCH
    if permitted >> CAP_DAC_OVERRIDE & 1:
        return CAP_DAC_OVERRIDE
    raise EmbeddedPostgresError(
        f"Postgres must run as user id {uid}, which may not pass {barred}: allow it"
        f" (chmod o+x {barred}), or choose another ONETRADING_DATA_DIR, or start the exporter as"
        " another user"
    )


def _permitted_capabilities() -> int:
    """Return this process's permitted capabilities as a bit set; 0 where there are none."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    for line in status.read_text().splitlines():
        if line.startswith("CapPrm:"):
            return int(line.split()[1], 16)
    return 0
