"""A secret that is never printed, and that follows its file while the process runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from exporter.followed_file import FollowedFile
from exporter.settings.raw import RawSetting

_MAX_KIB = 64

Check = Callable[[str], object] | None


class Secret:
    """A secret given as text or by a file. ``str`` and ``repr`` never show it.

    ``check`` raises ValueError for a text that is unfit for its use; it must not quote it.

    At the start, raises ValueError when the text or the file's content is unfit, and OSError when
    the file cannot be read. Later on, a file that is missing, empty or unfit leaves the last good
    value in force: a token that is being replaced must not stop the polling. ``last_error`` then
    says why.
    """

    __slots__ = ("_check", "_file", "_last_error", "_lock", "_value")

    def __init__(
        self, text: str | None = None, *, path: Path | None = None, check: Check = None
    ) -> None:
        if (text is None) == (path is None):
            raise ValueError("a secret is either a text or a file")
        self._check = check
        self._lock = threading.Lock()
        self._last_error: str | None = None
        self._file = FollowedFile(path, max_kib=_MAX_KIB) if path else None
        self._value = self._read(self._file) if self._file else self._checked(text or "")

    def get(self) -> str:
        """Return the value in force now; one ``stat`` when it comes from a file."""
        if self._file is None:
            return self._value
        with self._lock:
            try:
                if self._file.changed():
                    self._value = self._read(self._file)
                    self._last_error = None
            except ValueError as error:
                self._last_error = str(error)
            except OSError as error:
                self._last_error = f"could not be read: {error.strerror}"
            return self._value

    def same_as(self, other: Secret) -> bool:
        """Whether both come from the same file, or are the same text."""
        if self.path is None and other.path is None:
            return self._value == other._value
        return self.path == other.path

    @property
    def path(self) -> Path | None:
        """The file that it comes from, if any."""
        return self._file.path if self._file else None

    @property
    def last_error(self) -> str | None:
        """Why the last change of the file was refused; None when the value is current."""
        with self._lock:
            return self._last_error

    def __repr__(self) -> str:
        return "Secret(***)"

    def _read(self, file: FollowedFile) -> str:
        try:
            text = file.read()
        except ValueError as error:
            raise ValueError(f"{error}; name a file that contains only the secret") from None
        return self._checked(text)

    def _checked(self, text: str) -> str:
        value = text.strip()
        if not value:
            raise ValueError("is empty; write the secret into it")
        # It goes into an HTTP header or a URL, where anything else would break out or be refused.
        if not all("!" <= character <= "~" for character in value):
            raise ValueError(
                "contains a space, a line break or a character outside ASCII; correct it"
            )
        if self._check is not None:
            self._check(value)
        return value


def read_secret(
    given: RawSetting, faults: list[str], *, in_file: bool = False, check: Check = None
) -> Secret | None:
    """The secret that a setting holds, or that is in the file which it names (``in_file``).

    Returns None, with one more of ``faults``, when it is unfit or cannot be read.
    """
    if not in_file:
        try:
            return Secret(given.text, check=check)
        except ValueError as error:
            faults.append(f"{given.label}: the secret (not shown) {error}")
            return None
    # Somebody may have written the secret itself where the name of its file belongs.
    shown = "(name not shown)"
    try:
        path = given.path()
        if given.text.startswith(("/", "./", "../", "~")):
            shown = str(path)
        return Secret(path=path, check=check)
    except OSError as error:
        fault = f"could not be read: {error.strerror}; create it or correct its path"
    except ValueError as error:
        fault = str(error)
    faults.append(f"{given.label}: the file {shown} {fault}")
    return None
