"""The name under which a process holds leases, and whether the process of such a name has ended.

A process of the same machine can tell for certain, so a service that is restarted after a crash
need not wait for the one before it. One of another machine, or in another container, has to watch.
"""

from __future__ import annotations

import os
import socket
import uuid
from hashlib import blake2b
from pathlib import Path


def new_holder() -> str:
    """A name for this process that no other one has or will have."""
    pid = os.getpid()
    unique = uuid.uuid4().hex[:8]
    return f"{socket.gethostname()}:{pid}:{_stat(pid)[1]}:{_machine()}:{unique}"


def has_ended(holder: str) -> bool:
    """Whether the process of this name runs no more. False where that cannot be told from here."""
    pid, started, machine = (*holder.split(":")[1:4], "", "", "")[:3]
    if not machine or machine != _machine() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)  # sends nothing; other than /proc it shows every process to everybody
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    state, began = _stat(int(pid))
    return state in ("Z", "X") or (bool(began) and began != started)


def _machine() -> str:
    """Names this boot of this machine and the numbering of its processes; empty if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        numbering = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return ""
    return blake2b(f"{boot}{numbering}".encode(), digest_size=8).hexdigest()


def _stat(pid: int) -> tuple[str, str]:
    """State and start of a process, in ticks since the boot (proc(5)); empty if not shown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[19]
