"""Temporary files in memory: most tests make databases, and a database is hundreds of files."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  shared memory on Linux
ENOUGH_BYTES = 3 * 1024**3


def keep_temporary_files_in_memory() -> None:
    """Let this process and its children make temporary files in memory, if there is enough of it.

    `TMPDIR` wins. Containers often have 64 MB there, or forbid programs: they go on with the disk.
    """
    if "TMPDIR" in os.environ or not MEMORY.is_dir():
        return
    if os.statvfs(MEMORY).f_flag & os.ST_NOEXEC or not os.access(MEMORY, os.W_OK):
        return
    if shutil.disk_usage(MEMORY).free < ENOUGH_BYTES:
        return
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None  # is asked again
