"""Basic authentication: is this the password of that user?

bcrypt is slow on purpose, some 70 ms of CPU at its usual cost. So it runs in a thread, never twice
for the same question, and for so many strangers at once only as there are places in the queue.
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

import bcrypt

Verify = Callable[[bytes, bytes], bool]
"""Of a password and a hash."""

_LONGEST_HEADER = 4096
_WAITING = 32
_WAITING_OF_ONE_CLIENT = 4
_REMEMBERED = 100


class Busy(Exception):
    """Too many passwords are being checked; ask again later."""


class Login(NamedTuple):
    """What a client says who it is."""

    user: str
    password: bytes


def login(authorization: list[bytes]) -> Login | None:
    """Read the values of the header `Authorization` (RFC 7617); None when it is not exactly one."""
    if len(authorization) != 1 or len(authorization[0]) > _LONGEST_HEADER:
        return None
    scheme, _, encoded = authorization[0].partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return Login(name.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def verify(password: bytes, hashed: bytes) -> bool:
    """Whether ``hashed`` was made of ``password``, of which bcrypt sees the first 72 bytes."""
    try:
        return bcrypt.checkpw(password[:72], hashed)
    except ValueError:
        return False


class Passwords:
    """Answers on one event loop, which it never blocks.

    What it remembers are keyed digests, whose key dies with the process: no password, and nothing
    that one could be guessed from. Right answers have a memory of their own, so that no flood of
    wrong ones can push a scraper's out of it.
    """

    def __init__(self, verify: Verify = verify) -> None:
        self._verify = verify
        self._secret = secrets.token_bytes(32)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="password")
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._checks: dict[bytes, asyncio.Task[bool]] = {}
        self._waiting: Counter[str] = Counter()

    async def good(self, users: Mapping[str, bytes], given: Login, client: str) -> bool:
        """Whether ``given`` is one of ``users`` (name to hash), which must not be empty.

        Raises Busy when ``client`` (an address) or all clients together wait for too many answers.
        A user who does not exist costs what one who does would: a real hash is looked at for it.
        """
        hashed = users.get(given.user)
        known = hashed is not None
        looked_at = self._decoy(users, given.user) if hashed is None else hashed
        # A stranger who becomes a user may get the very hash that he was measured with.
        key = self._digest(bytes([known]), given.user.encode(), looked_at, given.password)
        for answers in (self._right, self._wrong):
            if key in answers:
                answers.move_to_end(key)
                return answers is self._right
        check = self._checks.get(key)
        if check is None:
            if self._waiting.total() >= _WAITING or self._waiting[client] >= _WAITING_OF_ONE_CLIENT:
                raise Busy
            # Now, not when the task begins: all that came in one round would find room.
            self._waiting[client] += 1
            check = asyncio.create_task(self._check(key, known, given.password, looked_at, client))
            self._checks[key] = check
        # A client that goes away takes nobody else's answer with it.
        return await asyncio.shield(check)

    def close(self) -> None:
        """Check nothing any more."""
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
        answers = self._right if right else self._wrong
        answers[key] = None
        if len(answers) > _REMEMBERED:
            answers.popitem(last=False)
        return right

    def _decoy(self, users: Mapping[str, bytes], user: str) -> bytes:
        """The hash of some user, always the same one for the same stranger."""
        digest = self._digest(user.encode())
        return sorted(users.values())[int.from_bytes(digest, "big") % len(users)]

    def _digest(self, *parts: bytes) -> bytes:
        framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(self._secret, framed, "sha256")
