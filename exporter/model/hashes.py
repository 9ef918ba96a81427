"""The hash of a text as sent: by it, a record is known without being compared."""

from __future__ import annotations

from hashlib import sha256
from struct import Struct

_FIRST_64_BITS = Struct(">q")


def hash64(sent: bytes) -> int:
    """The first 64 bits of SHA-256, as Postgres' bigint."""
    first: int
    (first,) = _FIRST_64_BITS.unpack_from(sha256(sent).digest())
    return first
