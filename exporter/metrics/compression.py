"""gzip of a body that is made of parts, of which most are the same as the last time.

A large part is compressed by itself, and once: in the next body it is there already. That is valid
because a deflate stream may consist of blocks that refer to nothing before them (RFC 1951, and the
full flush of zlib); the whole is one gzip member (RFC 1952), as every client expects it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

# Level 1 takes a seventh of the time of level 9, for a body that is a little larger.
_LEVEL = 1
_LARGE = 4096
"""Bytes from which on a part is compressed by itself: each begins without what came before it."""

# Deflate, no flags, no time, fastest algorithm, unknown system.
_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
# The last block, which is empty.
_END: Final = b"\x03\x00"


class Gzip:
    """Compresses one body after the other, and keeps the large parts of the last one."""

    def __init__(self) -> None:
        # Replaced as a whole: two threads may compress at the same time.
        self._kept: dict[bytes, bytes] = {}

    def compress(self, parts: Iterable[bytes]) -> bytes:
        """The parts, joined, as one gzip member."""
        known, kept = self._kept, dict[bytes, bytes]()
        checksum, size = 0, 0
        blocks = [_HEAD]
        for part, large in _joined(parts):
            checksum = zlib.crc32(part, checksum)
            size += len(part)
            block = known.get(part) if large else None
            if block is None:
                block = _deflated(part)
            if large:
                kept[part] = block
            blocks.append(block)
        self._kept = kept
        trailer = checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
        return b"".join([*blocks, _END, trailer])


def _joined(parts: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The large parts, and what lies between them as one; whether it is a large one."""
    for large, group in groupby(parts, lambda part: len(part) >= _LARGE):
        if large:
            for part in group:
                yield part, True
        else:
            yield b"".join(group), False


def _deflated(part: bytes) -> bytes:
    """Blocks that end on a byte and that nothing later refers to."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(part) + compressor.flush(zlib.Z_FULL_FLUSH)
