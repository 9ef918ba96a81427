"""The hash of a record as sent: by it, a record is known without being read."""

from __future__ import annotations

from hashlib import sha256


def hash_of(record: str) -> int:
    """A 64-bit hash of a record as sent, as Postgres' bigint."""
    return int.from_bytes(sha256(record.encode()).digest()[:8], "big", signed=True)
