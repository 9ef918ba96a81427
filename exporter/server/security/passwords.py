"""Basic authentication (RFC 7617): is this the password of that user?

bcrypt is slow on purpose, about 70 ms of CPU at its usual cost. So it runs in a thread, never twice
for the same credentials, and a bounded queue limits how many unknown ones can wait for it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

Verify = Callable[[bytes, bytes], bool]
"""From a password and a bcrypt hash to whether they match."""

_LONGEST_HEADER = 4096
_WAITING = 32
_WAITING_PER_CLIENT = 4
_REMEMBERED = 100


class TooManyChecks(Exception):
    """Too many passwords are being checked; the client may try again later."""


class Credentials(NamedTuple):
    """The name and password that a client sends."""

    user: str
    password: bytes


def parse_authorization(values: list[bytes]) -> Credentials | None:
    """Parse the values of the `Authorization` header (RFC 7617, section 2).

    None when there is not exactly one, or when it is malformed.
    """
    if len(values) != 1 or len(values[0]) > _LONGEST_HEADER:
        return None
    scheme, _, encoded = values[0].partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return Credentials(name.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def verify(password: bytes, hashed: bytes) -> bool:
    """Whether ``hashed`` is the hash of ``password``, of which bcrypt uses the first 72 bytes."""
    import bcrypt  # which few services need

    try:
        return bcrypt.checkpw(password[:72], hashed)
    except ValueError:
        return False


class Passwords:
    """Checks credentials on one event loop, which it never blocks.

    It remembers keyed digests, whose key dies with the process: no password, and nothing that one
    could be guessed from. Right and wrong ones are remembered apart, so that no flood of wrong ones
    can push out a scraper's.
    """

    def __init__(self, verify: Verify = verify) -> None:
        self._verify = verify
        self._secret = secrets.token_bytes(32)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="password")
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._checks: dict[bytes, asyncio.Task[bool]] = {}
        self._waiting: Counter[str] = Counter()

    async def accept(
        self, users: Mapping[str, bytes], credentials: Credentials, client: str
    ) -> bool:
        """Whether ``credentials`` are those of one of ``users`` (name to hash; not empty).

        Raises TooManyChecks when ``client`` (an address) or all clients together wait for too many
        results. An unknown user takes as long as a known one: a real hash is checked for it too.
        """
        hashed = users.get(credentials.user)
        known = hashed is not None
        checked = self._decoy(users, credentials.user) if hashed is None else hashed
        # A user who was unknown may get the very hash that was checked for them before.
        key = self._digest(bytes([known]), credentials.user.encode(), checked, credentials.password)
        for results in (self._right, self._wrong):
            if key in results:
                results.move_to_end(key)
                return results is self._right
        check = self._checks.get(key)
        if check is None:
            if self._waiting.total() >= _WAITING or self._waiting[client] >= _WAITING_PER_CLIENT:
                raise TooManyChecks
            # Counted now, not when the task starts: all requests of one round would find room.
            self._waiting[client] += 1
            check = asyncio.create_task(
                self._check(key, known, credentials.password, checked, client)
            )
            self._checks[key] = check
        # Shielded: others may wait for the result when this client disconnects.
        return await asyncio.shield(check)

    def close(self) -> None:
        """Check nothing more."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _check(
        self, key: bytes, known: bool, password: bytes, hashed: bytes, client: str
    ) -> bool:
        try:
            loop = asyncio.get_running_loop()
            matches = await loop.run_in_executor(self._worker, self._verify, password, hashed)
        finally:
            del self._checks[key]
            self._waiting[client] -= 1
            if not self._waiting[client]:
                del self._waiting[client]
        right = known and matches
        results = self._right if right else self._wrong
        results[key] = None
        if len(results) > _REMEMBERED:
            results.popitem(last=False)
        return right

    def _decoy(self, users: Mapping[str, bytes], user: str) -> bytes:
        """The hash of some user, always the same one for the same unknown name."""
        digest = self._digest(user.encode())
        return sorted(users.values())[int.from_bytes(digest, "big") % len(users)]

    def _digest(self, *parts: bytes) -> bytes:
        framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(self._secret, framed, "sha256")
