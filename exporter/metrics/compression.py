"""gzip of a body that is made of parts, of which most are the same as the last time.

A large part is compressed by itself, and once: in the next body it is there already. That is valid
because a deflate stream may consist of blocks that refer to nothing before them (RFC 1951, and the
full flush of zlib); the whole is one gzip member (RFC 1952), as every client expects it. As long as
a body begins like the one before, so do its checksum and all that is compressed: what changes each
time belongs at the end.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final, NamedTuple

# Level 1 takes a seventh of the time of level 9, for a body that is a little larger.
_LEVEL = 1
_LARGE = 4096
"""Bytes from which on a part is compressed by itself: each begins without what came before it."""

# Deflate, no flags, no time, fastest algorithm, unknown system.
_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"


class _Step(NamedTuple):
    """A part, or several short ones, within a body."""

    part: bytes
    blocks: bytes
    """Compressed; they end on a byte, and nothing later refers to them."""
    checksum: int
    """Of the body up to the end of this part."""


class Gzip:
    """Compresses one body after the other, and keeps what the last one was made of."""

    def __init__(self) -> None:
        # Replaced as a whole: two threads may compress at the same time.
        self._kept: list[_Step] = []

    def compress(self, parts: Iterable[bytes]) -> bytes:
        """The parts, joined, as one gzip member."""
        *steady, last = list(_joined(parts)) or [b""]
        steps = self._steps(steady)
        self._kept = steps
        # By one call, which ends the stream: this part is another one each time.
        end = zlib.compress(last, _LEVEL, -zlib.MAX_WBITS)
        checksum = zlib.crc32(last, steps[-1].checksum if steps else 0)
        size = sum(map(len, steady)) + len(last)
        trailer = checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
        return b"".join([_HEAD, *[step.blocks for step in steps], end, trailer])

    def _steps(self, parts: Iterable[bytes]) -> list[_Step]:
        """As in the last body up to the first part that differs; from there on put together anew,
        of what is still known."""
        before = self._kept
        steps: list[_Step] = []
        known: dict[bytes, bytes] | None = None
        for place, part in enumerate(parts):
            if known is None:
                if place < len(before) and before[place].part == part:
                    steps.append(before[place])
                    continue
                known = {step.part: step.blocks for step in before[place:]}
            checksum = zlib.crc32(part, steps[-1].checksum if steps else 0)
            steps.append(_Step(part, known.get(part) or _deflated(part), checksum))
        return steps


def _joined(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The large parts, and what lies between them as one."""
    for large, group in groupby(parts, lambda part: len(part) >= _LARGE):
        if large:
            yield from group
        else:
            yield b"".join(group)


def _deflated(part: bytes) -> bytes:
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(part) + compressor.flush(zlib.Z_FULL_FLUSH)
