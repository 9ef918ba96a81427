"""The hash of a record as sent: by it, a record is known without being read."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256


def hash_of(record: str) -> int:
    """A 64-bit hash of a record as sent, as Postgres' bigint."""
    return int.from_bytes(sha256(record.encode()).digest()[:8], "big", signed=True)


class Hashes(dict[str, int]):
    """The hash of each record, computed once."""

    def __missing__(self, record: str) -> int:
        computed = self[record] = hash_of(record)
        return computed

    def add(self, records: Iterable[str]) -> None:
        """Compute those of ``records``."""
        for record in records:
            self[record]
