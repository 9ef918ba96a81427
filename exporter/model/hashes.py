"""The hash of a text as sent: by it, a record is known without being compared."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from struct import unpack


def hash64(sent: bytes) -> int:
    """The first 64 bits of SHA-256, as Postgres' bigint."""
    return hashes64([sent])[0]


def hashes64(sent: Sequence[bytes]) -> tuple[int, ...]:
    """`hash64` of each."""
    return unpack(f">{len(sent)}q", b"".join([sha256(each).digest()[:8] for each in sent]))
