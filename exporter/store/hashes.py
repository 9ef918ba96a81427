"""The hash of a record as sent: by it, a record is known without being read."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from struct import Struct

_FIRST = Struct(">q")


def hash_of(record: str) -> int:
    """A 64-bit hash of a record as sent, as Postgres' bigint."""
    (first,) = _FIRST.unpack_from(sha256(record.encode()).digest())
    return int(first)


class Hashes(dict[str, int]):
    """The hash of each record, computed once."""

    def __missing__(self, record: str) -> int:
        computed = self[record] = hash_of(record)
        return computed

    def add(self, records: Iterable[str]) -> None:
        """Compute those of ``records``."""
        for record in records:
            self[record]
