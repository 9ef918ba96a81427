"""A secret that is never printed, and that follows its file while the process runs."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

_MOST_BYTES = 64 * 1024

_Signature = tuple[int, int, int]


class Secret:
    """A secret given literally or by a file. ``str`` and ``repr`` never show it.

    ``check`` raises ValueError for a text that is unfit for its use; it must not quote it.

    At the start, raises ValueError when the text or the file's content is unfit, and OSError when
    the file cannot be read. Later on, a file that is missing, empty or unfit leaves the last good
    value in force: a token that is being replaced must not stop the polling. ``last_error`` then
    says why.
    """

    __slots__ = ("_check", "_last_error", "_lock", "_path", "_signature", "_value")

    def __init__(
        self,
        text: str | None = None,
        *,
        path: Path | None = None,
        check: Callable[[str], object] | None = None,
    ) -> None:
        if (text is None) == (path is None):
            raise ValueError("a secret is either a text or a file")
        self._path = path
        self._check = check
        self._lock = threading.Lock()
        self._last_error: str | None = None
        self._signature: _Signature | None = None
        if path is None:
            self._value = self._fit(text or "")
        else:
            self._signature, content = _read(path)
            self._value = self._fit(content)

    def get(self) -> str:
        """Return the value in force now; one ``stat`` when it comes from a file."""
        if self._path is None:
            return self._value
        with self._lock:
            try:
                if _signature(self._path.stat()) != self._signature:
                    self._signature, content = _read(self._path)
                    self._value = self._fit(content)
                    self._last_error = None
            except ValueError as error:
                self._last_error = str(error)
            except OSError as error:
                self._signature = None
                self._last_error = f"cannot be read: {error.strerror}"
            return self._value

    @property
    def path(self) -> Path | None:
        """The file that it comes from, if any."""
        return self._path

    @property
    def last_error(self) -> str | None:
        """Why the last changed file was not taken over; None when the value is current."""
        with self._lock:
            return self._last_error

    def __repr__(self) -> str:
        return "Secret(***)"

    def _fit(self, text: str) -> str:
        value = text.strip()
        if not value:
            raise ValueError("is empty; write the secret into it")
        # It goes into an HTTP header or a URL, where anything else would break out or be refused.
        if not all("!" <= character <= "~" for character in value):
            raise ValueError("holds a space, a line break or a character outside ASCII; correct it")
        if self._check is not None:
            self._check(value)
        return value


def _signature(status: os.stat_result) -> _Signature:
    # The inode catches a file replaced by another of the same size within one clock tick.
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path) -> tuple[_Signature, str]:
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("is not a regular file; name a file that holds only the secret")
    with path.open("rb") as file:
        signature = _signature(os.fstat(file.fileno()))
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError("is larger than 64 KiB; name a file that holds only the secret")
    return signature, content.decode("utf-8", "replace")
