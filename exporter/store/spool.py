"""Snapshot responses that wait on disk while Postgres is away.

The exchange does not repeat the past: a response that cannot be stored now must not be lost. Each
file holds a response as sent; the same response again extends the last file when it follows soon
enough. The spool is bounded: when it is full the oldest file is dropped, counted and logged.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Container, Iterator
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path

import msgspec

_log = logging.getLogger(__name__)
LIMIT_BYTES = 256 * 1024 * 1024

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
        """How many responses were dropped because the spool was full."""
        if folder.is_dir():
            self._sizes = {
                path: path.stat().st_size
                for path in sorted(folder.glob(f"{'[0-9]' * 12}-*-*.json"))
            }
        self._next = 1 + max((int(path.name.split("-")[0]) for path in self._sizes), default=0)

    def __len__(self) -> int:
        """How many responses wait."""
        return len(self._sizes)

    def put(self, response: Spooled, patience: timedelta = timedelta.max) -> None:
        """Keep a response on disk. Raises OSError when the file cannot be written.

        The same response again extends its file when no more than ``patience`` passed since.
        """
        digest = blake2b(response.body.encode(), digest_size=16).digest()
        with self._lock:
            key = (response.account, response.stream)
            path, before, last = self._newest.get(key, (None, b"", response.last))
            extends = before == digest and response.first - last <= patience
            if path is not None and extends and path in self._sizes:
                stored = msgspec.json.decode(path.read_bytes(), type=Spooled)
                response = msgspec.structs.replace(response, first=stored.first)
            else:
                name = f"{self._next:012d}-{response.account}-{response.stream}.json"
                path = self._folder / name
                self._next += 1
            self._write(path, msgspec.json.encode(response))
            self._newest[key] = (path, digest, response.last)
            self._make_room()

    def holds(self, account: str, stream: str) -> bool:
        """Whether a response of the stream waits."""
        return any(_key(path) == (account, stream) for path in list(self._sizes))

    def waiting(self, held: Container[Key] = ()) -> Iterator[tuple[Path, Spooled]]:
        """What waits, oldest first, except of streams in ``held``, which may grow meanwhile.

        A file that cannot be read is marked unreadable.
        """
        for path in sorted(self._sizes):
            if _key(path) in held:
                continue
            try:
                yield path, msgspec.json.decode(path.read_bytes(), type=Spooled)
            except FileNotFoundError:
                self._sizes.pop(path, None)
            except ValueError as error:  # not JSON of this shape, or not UTF-8
                self.mark_unreadable(path, str(error))

    def mark_unreadable(self, path: Path, reason: str) -> None:
        """Rename a useless file to ``.bad``, for people to look at; it waits no longer."""
        bad = path.with_suffix(".bad")
        _log.error("spool: kept an unreadable file: %s", reason, extra=_fields(path, bad.name))
        with self._lock:
            path.rename(bad)
            self._sizes.pop(path, None)

    def done(self, path: Path, response: Spooled) -> None:
        """Remove the file of a stored response, unless it was extended in the meantime."""
        with self._lock:
            if path.exists() and msgspec.json.decode(path.read_bytes(), type=Spooled) != response:
                return
            path.unlink(missing_ok=True)
            self._sizes.pop(path, None)

    def _write(self, path: Path, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        self._sizes[path] = len(content)

    def _make_room(self) -> None:
        while sum(self._sizes.values()) > self.limit_bytes and len(self._sizes) > 1:
            oldest = min(self._sizes)
            oldest.unlink(missing_ok=True)
            del self._sizes[oldest]
            self.dropped += 1
            fields = _fields(oldest, oldest.name)
            _log.error("spool is full: dropped the oldest response", extra=fields)


def _key(path: Path) -> Key:
    """Account and stream of the response in a file, from its name."""
    account, _, stream = path.stem.partition("-")[2].rpartition("-")
    return account, stream


def _fields(path: Path, name: str) -> dict[str, str]:
    """Fields of a log line about a file."""
    account, stream = _key(path)
    return {"account": account, "stream": stream, "file": name}
