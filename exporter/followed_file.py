"""Files that are read again when they change: secrets, the log level, the web config.

Looking costs one ``stat``. Nothing is notified: inotify knows neither NFS nor the symbolic links
by which Kubernetes swaps a mounted file.
"""

from __future__ import annotations

from pathlib import Path

Signature = tuple[int, ...]


def signature(path: Path) -> Signature:
    """What differs once a file was changed or replaced; empty when it cannot be looked at."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # ValueError: a path that cannot exist
        return ()
    # The inode tells a file that was replaced by one of the same size within one clock tick, the
    # change time one whose permissions were corrected.
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


class FollowedFile:
    """One file, which its reader polls for changes. Not thread-safe."""

    def __init__(self, path: Path, *, max_kib: int) -> None:
        self.path = path
        self._max_kib = max_kib
        self._seen: Signature | None = None

    def changed(self) -> bool:
        """Whether it was never read, or is not what it was at the last `read`. Raises nothing."""
        return signature(self.path) != self._seen

    def read(self) -> str:
        """The content, as UTF-8 with replacements for what is not.

        Raises OSError when it cannot be read, FileNotFoundError when there is none; ValueError
        when it is not a regular file or too large. A failure is a state like any other, to be left
        by a change, except for one that may pass by itself, such as too many open files.
        """
        # Taken before the content: what is written in between is one more change.
        self._seen = signature(self.path)
        try:
            # Opening a pipe would wait for its writer.
            if self._seen and not self.path.is_file():
                raise ValueError("is not a regular file")
            with self.path.open("rb") as file:
                content = file.read(self._max_kib * 1024 + 1)
        except OSError:
            if self._seen:
                self._seen = None  # it exists: the next read may succeed without a change
            raise
        if len(content) > self._max_kib * 1024:
            raise ValueError(f"is larger than {self._max_kib} KiB")
        return content.decode("utf-8", "replace")
