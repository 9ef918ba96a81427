"""From which level on events are logged: set at the start, changed while the process runs.

Python's logging is one for the whole process, and so is this.
"""

from __future__ import annotations

import logging
import stat
import threading
from pathlib import Path

LEVELS = ("debug", "info", "warning", "error", "critical")
_OURS = "exporter"
_LARGEST_FILE = 1024

# Libraries never say more than warnings: at debug httpcore writes headers and the others each step
# that they take, and what helps of that our own lines tell. The first two warn of what we tell as
# well, uvicorn of what any stranger sends, who could fill the log with it.
_QUIETER = ("apscheduler", "psycopg.pool", "uvicorn")

_log = logging.getLogger(__name__)
_Signature = tuple[int, int, int]


class Level:
    """The level in force. The latest word counts: a signal, the file, what was configured."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._usual = "info"
        self._file: Path | None = None
        self._from_file: str | None = None
        self._seen: _Signature | None = None
        self._refused: str | None = None
        self._signalled: str | None = None

    @property
    def name(self) -> str:
        """The level in force, in lower case."""
        return self._signalled or self._from_file or self._usual

    @property
    def followed(self) -> bool:
        """Whether there is a file to look at."""
        return self._file is not None

    def configure(self, usual: str, file: Path | None) -> None:
        """Begin: ``usual`` holds while neither ``file``, which may appear later, nor a signal
        says otherwise."""
        with self._lock:
            self._usual, self._file, self._seen = usual, file, None
            self._from_file = self._signalled = self._refused = None
            self._apply()
        self.look()

    def toggle(self, why: str) -> None:
        """Debug, or from debug back to what holds otherwise, which is at least info."""
        with self._lock:
            before, self._signalled = self.name, None
            if before != "debug":
                self._signalled = "debug"
            elif self.name == "debug":
                self._signalled = "info"
            self._changed(before, why)

    def look(self) -> None:
        """Follow the file: one ``stat`` while it stays as it is. Raises nothing."""
        if self._file is None:
            return
        with self._lock:
            before = self.name
            try:
                signature = _signature(self._file)
                if signature == self._seen:
                    return
                self._seen = signature
                found = None if signature is None else _read(self._file)
            except (OSError, ValueError) as error:
                self._refuse(self._file, error)
                return
            self._refused = None
            if found != "":
                # Whoever writes the file now knows of the signal that was sent before.
                self._from_file, self._signalled = found, None
                self._changed(before, f"{self._file} is gone" if found is None else str(self._file))

    def _refuse(self, file: Path, error: Exception) -> None:
        if isinstance(error, OSError):
            self._seen = None  # it may be readable soon without having changed
        if self._refused != str(error):
            self._refused = str(error)
            _say(logging.WARNING, f"the level stays {self.name}: {file} {error}")

    def _changed(self, before: str, why: str) -> None:
        self._apply()
        if self.name != before:
            _say(logging.INFO, f"the log level is {self.name} now, after {before}: {why}")

    def _apply(self) -> None:
        ours = getattr(logging, self.name.upper())
        logging.getLogger(_OURS).setLevel(ours)
        logging.getLogger().setLevel(max(ours, logging.WARNING))
        for name in _QUIETER:
            logging.getLogger(name).setLevel(max(ours, logging.ERROR))


LEVEL = Level()


def _say(level: int, text: str) -> None:
    """Past the level itself: whoever turns it up or down sees what came of that."""
    _log.handle(_log.makeRecord(_log.name, level, "", 0, text, (), None))


def _signature(file: Path) -> _Signature | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("is no regular file")
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(file: Path) -> str:
    """The level that it names; '' when it is empty, as in the middle of being written."""
    with file.open("rb") as opened:
        text = opened.read(_LARGEST_FILE).decode("utf-8", "replace").strip().lower()
    if text and text not in LEVELS:
        raise ValueError(f"does not name one of {', '.join(LEVELS)}")
    return text
