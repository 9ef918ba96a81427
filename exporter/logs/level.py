"""The level from which events are logged: set at the start, changed while the process runs.

Python's logging is configured once for the whole process, and so is this.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from exporter.followed_file import FollowedFile

LEVELS = ("debug", "info", "warning", "error", "critical")
_OURS = "exporter"
_MAX_KIB = 1

# Libraries never log below warning: at debug httpcore writes headers and the others every step that
# they take, and our own lines already contain what is useful of that. The first two below warn of
# what we log ourselves; uvicorn warns of what any stranger sends, who could fill the log with it.
_QUIETER = ("apscheduler", "psycopg.pool", "uvicorn")

_log = logging.getLogger(__name__)


class Level:
    """The level in force: of the signal, the file and the configuration, the latest change wins."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._configured = "info"
        self._file: FollowedFile | None = None
        self._from_file: str | None = None
        self._from_signal: str | None = None
        self._refused: str | None = None

    @property
    def name(self) -> str:
        """The level in force, in lower case."""
        return self._from_signal or self._from_file or self._configured

    @property
    def followed(self) -> bool:
        """Whether there is a file to follow."""
        return self._file is not None

    def configure(self, configured: str, file: Path | None) -> None:
        """Start from ``configured``, which holds until ``file``, which may appear later, or a
        signal changes it."""
        with self._lock:
            self._configured = configured
            self._file = FollowedFile(file, max_kib=_MAX_KIB) if file else None
            self._from_file = self._from_signal = self._refused = None
            self._apply()
        self.look()

    def toggle(self, why: str) -> None:
        """Switch to debug, or from debug back to the level otherwise in force, at least info."""
        with self._lock:
            before, self._from_signal = self.name, None
            if before != "debug":
                self._from_signal = "debug"
            elif self.name == "debug":
                self._from_signal = "info"
            self._changed(before, why)

    def look(self) -> None:
        """Follow the file: one ``stat`` while it stays as it is. Raises nothing."""
        with self._lock:
            if self._file is not None and self._file.changed():
                self._take(self._file)

    def _take(self, file: FollowedFile) -> None:
        try:
            level = _level_in(file)
        except OSError as error:
            self._refuse(file, f"could not be read: {error.strerror}")
            return
        except ValueError as error:
            self._refuse(file, str(error))
            return
        self._refused = None
        if level != "":
            # Whoever changes the file now knows of the signal that was sent before.
            before, self._from_file, self._from_signal = self.name, level, None
            self._changed(before, f"{file.path} is gone" if level is None else str(file.path))

    def _refuse(self, file: FollowedFile, why: str) -> None:
        if self._refused != why:
            self._refused = why
            _log_always(logging.WARNING, f"log level stays {self.name}: {file.path} {why}")

    def _changed(self, before: str, why: str) -> None:
        self._apply()
        if self.name != before:
            _log_always(logging.INFO, f"log level changed from {before} to {self.name}: {why}")

    def _apply(self) -> None:
        ours = getattr(logging, self.name.upper())
        logging.getLogger(_OURS).setLevel(ours)
        logging.getLogger().setLevel(max(ours, logging.WARNING))
        for name in _QUIETER:
            logging.getLogger(name).setLevel(max(ours, logging.ERROR))


LEVEL = Level()


def _log_always(level: int, text: str) -> None:
    """Log at any level in force: whoever turns it up or down sees what came of that."""
    _log.handle(_log.makeRecord(_log.name, level, "", 0, text, (), None))


def _level_in(file: FollowedFile) -> str | None:
    """The level that the file names; None when there is no file, '' when it is empty, as in the
    middle of being written. Raises OSError and ValueError."""
    try:
        text = file.read().strip().lower()
    except FileNotFoundError:
        return None
    if text and text not in LEVELS:
        raise ValueError(f"does not contain one of {', '.join(LEVELS)}")
    return text
