"""Snapshot responses that wait on disk while Postgres is away.

The exchange does not repeat the past: a response that cannot be stored now must not be lost. Each
file holds a response as sent; the same response again extends the last file when it follows soon
enough. The spool is bounded: when it is full the oldest file is dropped, counted and logged. What
cannot be written at all, because the disk is full, is counted as well, and logged once an outage.

Only the owner may read the files: they hold what an account owns.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path

import msgspec

_log = logging.getLogger(__name__)
LIMIT_BYTES = 256 * 1024 * 1024
MOST_SET_ASIDE = 20
"""How many files that were set aside are kept: the newest."""
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600

_NAMES = f"{'[0-9]' * 12}-*-*.json"

Key = tuple[str, str]
"""Account name and stream name."""


class Spooled(msgspec.Struct, frozen=True):
    """One response as sent, and the first and last instant at which it was observed."""

    account: str
    stream: str
    first: datetime
    last: datetime
    body: str
    account_id: str | None = None


class Spool:
    """A bounded queue of responses in a folder, oldest first. Survives a restart."""

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self.limit_bytes = limit_bytes
        """When all files together are larger, the oldest ones are dropped."""
        self._lock = threading.Lock()
        self._newest: dict[Key, tuple[Path, bytes, datetime]] = {}
        self._sizes: dict[Path, int] = {}
        self.dropped = 0
        """How many responses were lost: the spool was full, or could not be written."""
        self._lost = 0
        """How many of them since a response could last be kept."""
        self._unreadable: set[Path] = set()
        with suppress(OSError):
            for path in sorted(folder.glob(_NAMES)):
                with suppress(FileNotFoundError):
                    self._sizes[path] = path.stat().st_size
        self._next = 1 + max((int(path.name.split("-")[0]) for path in self._sizes), default=0)

    def tidy(self) -> None:
        """Put right what earlier processes left: files that others may read, and broken ones."""
        if not self._folder.is_dir():
            return
        with suppress(OSError):  # not ours: what is in it may be read all the same
            self._folder.chmod(_FOLDER_MODE)
            for path in self._folder.iterdir():
                path.chmod(_FILE_MODE)
        with suppress(OSError), _locked(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
            for path in self._folder.glob("*.part"):
                path.unlink(missing_ok=True)

    def __len__(self) -> int:
        """How many responses wait."""
        return len(self._sizes)

    def put(self, response: Spooled, patience: timedelta = timedelta.max) -> None:
        """Keep a response on disk. Raises OSError when the file cannot be written.

        The same response again extends its file when no more than ``patience`` passed since.
        """
        try:
            self._put(response, patience)
        except OSError as error:
            self.dropped += 1
            self._lost += 1
            level = logging.ERROR if self._lost == 1 else logging.DEBUG
            fields = {"account": response.account, "stream": response.stream}
            _log.log(level, "spool: lost a response: %s", error, extra=fields)
            raise
        self.end_outage()

    def end_outage(self) -> None:
        """A response could be kept again, here or in Postgres."""
        lost, self._lost = self._lost, 0
        if lost:
            _log.warning("spool: responses are kept again", extra={"lost": lost})

    def _put(self, response: Spooled, patience: timedelta) -> None:
        digest = blake2b(response.body.encode(), digest_size=16).digest()
        with self._lock:
            key = (response.account, response.stream)
            path, before, last = self._newest.get(key, (None, b"", response.last))
            extends = before == digest and response.first - last <= patience
            stored = self._read(path) if extends and path in self._sizes else None
            if path is not None and stored is not None:
                response = msgspec.structs.replace(response, first=stored.first)
            else:
                name = f"{self._next:012d}-{response.account}-{response.stream}.json"
                path = self._folder / name
                self._next += 1
            self._write(path, msgspec.json.encode(response))
            self._newest[key] = (path, digest, response.last)
            self._make_room()

    def _read(self, path: Path | None) -> Spooled | None:
        if path is None:
            return None
        try:
            return msgspec.json.decode(path.read_bytes(), type=Spooled)
        except (OSError, ValueError):
            return None

    def holds(self, account: str, stream: str) -> bool:
        """Whether a response of the stream waits."""
        return any(_key(path) == (account, stream) for path in list(self._sizes))

    def waiting(self, held: Container[Key] = ()) -> Iterator[tuple[Path, Spooled]]:
        """What waits, oldest first, except of streams in ``held``, which may grow meanwhile.

        A file that is no response is set aside.
        """
        for path in sorted(self._sizes):
            if _key(path) in held:
                continue
            try:
                yield path, msgspec.json.decode(path.read_bytes(), type=Spooled)
            except FileNotFoundError:
                self._sizes.pop(path, None)
            except OSError as error:  # of the disk; it may pass
                if path not in self._unreadable:
                    self._unreadable.add(path)
                    _log.error("spool: cannot read: %s", error, extra=_fields(path, path.name))
            except ValueError as error:  # not JSON of this shape, or not UTF-8
                self.set_aside(path, str(error))

    def set_aside(self, path: Path, reason: str) -> None:
        """Rename a file that can never be stored to ``.bad``, for people to look at.

        It waits no longer; the newest `MOST_SET_ASIDE` of them are kept.
        """
        bad = path.with_suffix(".bad")
        fields = _fields(path, bad.name)
        _log.error("spool: set a file aside that cannot be stored: %s", reason, extra=fields)
        with self._lock:
            self._sizes.pop(path, None)
            try:
                path.rename(bad)
                for old in sorted(self._folder.glob("*.bad"))[:-MOST_SET_ASIDE]:
                    old.unlink(missing_ok=True)
            except OSError as error:
                _log.error("spool: %s", error, extra=fields)

    def done(self, path: Path, response: Spooled) -> None:
        """Remove the file of a stored response, unless it was extended in the meantime."""
        with self._lock:
            if path not in self._sizes:
                return
            try:
                if msgspec.json.decode(path.read_bytes(), type=Spooled) != response:
                    return
                path.unlink()
            except FileNotFoundError:
                pass
            except (OSError, ValueError) as error:
                # Storing it once more, at the next start, changes nothing.
                _log.error("spool: cannot remove: %s", error, extra=_fields(path, path.name))
            self._sizes.pop(path, None)

    def _write(self, path: Path, content: bytes) -> None:
        self._folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with _locked(self._folder, fcntl.LOCK_SH):
            try:
                with open(part, "wb", opener=_only_for_the_owner) as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(path)
            except OSError:
                with suppress(OSError):
                    part.unlink(missing_ok=True)
                raise
        self._sizes[path] = len(content)

    def _make_room(self) -> None:
        while sum(self._sizes.values()) > self.limit_bytes and len(self._sizes) > 1:
            oldest = min(self._sizes)
            fields = _fields(oldest, oldest.name)
            del self._sizes[oldest]
            self.dropped += 1
            _log.error("spool is full: dropped the oldest response", extra=fields)
            with suppress(OSError):
                oldest.unlink(missing_ok=True)


def _only_for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, _FILE_MODE)


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """Hold a lock of the folder: another process must not take a file for a broken one that is
    being written. Raises OSError when ``how`` says not to wait, and it cannot be had; else a file
    system without locks does not keep a file from being written."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, how)
        except OSError:
            if how & fcntl.LOCK_NB:
                raise
        yield
    finally:
        os.close(descriptor)  # which releases it


def _key(path: Path) -> Key:
    """Account and stream of the response in a file, from its name."""
    account, _, stream = path.stem.partition("-")[2].rpartition("-")
    return account, stream


def _fields(path: Path, name: str) -> dict[str, str]:
    """Fields of a log line about a file."""
    account, stream = _key(path)
    return {"account": account, "stream": stream, "file": name}
