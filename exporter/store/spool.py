"""Snapshots that wait on disk while Postgres is away.

The exchange does not repeat the past: an answer that cannot be stored now must not be lost. Each
file holds the answer as sent; an answer that soon follows and changes nothing extends the file
before it. The spool is bounded: when it is full the oldest file goes, and that is counted and
logged.
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
    """One answer as sent, and from when until when it was observed."""

    account: str
    stream: str
    first: datetime
    last: datetime
    body: str
    account_id: str | None = None


class Spool:
    """A bounded queue of answers in a folder, oldest first. Survives a restart."""

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self.limit_bytes = limit_bytes
        """When all files together are larger, the oldest ones go."""
        self._lock = threading.Lock()
        self._newest: dict[Key, tuple[Path, bytes, datetime]] = {}
        self._sizes: dict[Path, int] = {}
        self.dropped = 0
        """Answers that had to go because the spool was full."""
        if folder.is_dir():
            self._sizes = {
                path: path.stat().st_size
                for path in sorted(folder.glob(f"{'[0-9]' * 12}-*-*.json"))
            }
        self._next = 1 + max((int(path.name.split("-")[0]) for path in self._sizes), default=0)

    def __len__(self) -> int:
        """How many answers wait."""
        return len(self._sizes)

    def put(self, answer: Spooled, patience: timedelta = timedelta.max) -> None:
        """Keep an answer on disk. Raises OSError when the disk refuses.

        The same answer again extends its file when no more than ``patience`` passed since.
        """
        digest = blake2b(answer.body.encode(), digest_size=16).digest()
        with self._lock:
            key = (answer.account, answer.stream)
            path, before, last = self._newest.get(key, (None, b"", answer.last))
            goes_on = before == digest and answer.first - last <= patience
            if path is not None and goes_on and path in self._sizes:
                stored = msgspec.json.decode(path.read_bytes(), type=Spooled)
                answer = msgspec.structs.replace(answer, first=stored.first)
            else:
                path = self._folder / f"{self._next:012d}-{answer.account}-{answer.stream}.json"
                self._next += 1
            self._write(path, msgspec.json.encode(answer))
            self._newest[key] = (path, digest, answer.last)
            self._make_room()

    def holds(self, account: str, stream: str) -> bool:
        """Whether an answer of the stream waits."""
        return any(_key(path) == (account, stream) for path in list(self._sizes))

    def waiting(self, held: Container[Key] = ()) -> Iterator[tuple[Path, Spooled]]:
        """What waits, oldest first, without what is ``held`` (the caller may add to it meanwhile).

        A file that cannot be read is set aside.
        """
        for path in sorted(self._sizes):
            if _key(path) in held:
                continue
            try:
                yield path, msgspec.json.decode(path.read_bytes(), type=Spooled)
            except FileNotFoundError:
                self._sizes.pop(path, None)
            except ValueError as error:  # no JSON of ours, or no UTF-8
                self.set_aside(path, str(error))

    def set_aside(self, path: Path, reason: str) -> None:
        """Keep a file that is of no use for people to look at; nothing waits for it."""
        account, stream = _key(path)
        told = {"account": account, "stream": stream, "file": path.with_suffix(".bad").name}
        _log.error("spool: set aside what cannot be read: %s", reason, extra=told)
        with self._lock:
            path.rename(path.with_suffix(".bad"))
            self._sizes.pop(path, None)

    def done(self, path: Path, answer: Spooled) -> None:
        """The answer is in Postgres; its file goes, unless it was extended in the meantime."""
        with self._lock:
            if path.exists() and msgspec.json.decode(path.read_bytes(), type=Spooled) != answer:
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
            account, stream = _key(oldest)
            told = {"account": account, "stream": stream, "file": oldest.name}
            _log.error("spool is full: dropped the oldest answer", extra=told)


def _key(path: Path) -> Key:
    """Whose answer a file holds, by its name."""
    account, _, stream = path.stem.partition("-")[2].rpartition("-")
    return account, stream
