"""gzip of a body that is made of parts, of which most are the same as the last time.

What was there the last time is compressed by itself, and once: in the next body it is there
already. That is valid because a deflate stream may consist of blocks that refer to nothing before
them (RFC 1951, and the full flush of zlib); the whole is one gzip member (RFC 1952), as every
client expects it. What is new and short is not compressed at all: mostly it is new each time.

Each call of zlib gives up the interpreter, and a scrape may have to wait for it behind threads that
load history. While nothing large changes, there is none.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

# Level 1 takes a seventh of the time of level 9, for a body that is a little larger.
_LEVEL = 1
_SHORT = 4096
"""Bytes below which a part is compressed only when it comes for the second time."""
_LONGEST_STORED = 0xFFFF

# Deflate, no flags, no time, fastest algorithm, unknown system.
_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
# The last block, which is empty.
_END: Final = b"\x03\x00"

_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31


class _Packed(NamedTuple):
    """A part as it stands in the deflate stream, and what the checksum of a body needs of it."""

    blocks: bytes
    checksum: int
    shift: int | None
    """By what the checksum of what comes before it is multiplied; None for a short one, whose
    checksum is made anew in no time."""


class Gzip:
    """Compresses one body after the other, and keeps the parts of the last one."""

    def __init__(self) -> None:
        # Replaced as a whole: two threads may compress at the same time.
        self._kept: dict[bytes, _Packed | None] = {}

    def compress(self, parts: Iterable[bytes]) -> bytes:
        """The parts, joined, as one gzip member."""
        known, kept = self._kept, dict[bytes, _Packed | None]()
        checksum, size = 0, 0
        blocks = [_HEAD]
        for part in parts:
            size += len(part)
            packed = known.get(part)
            if packed is None and (len(part) >= _SHORT or part in known):
                packed = _pack(part)
            kept[part] = packed
            if packed is None:
                blocks += _stored(part)
            else:
                blocks.append(packed.blocks)
            if packed is None or packed.shift is None:
                checksum = zlib.crc32(part, checksum)
            else:
                checksum = _multiplied(packed.shift, checksum) ^ packed.checksum
        self._kept = kept
        trailer = checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
        return b"".join([*blocks, _END, trailer])


def _pack(part: bytes) -> _Packed:
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    # The flush ends the blocks on a byte.
    blocks = compressor.compress(part) + compressor.flush(zlib.Z_FULL_FLUSH)
    shift = None if len(part) < _SHORT else _shift(len(part))
    return _Packed(blocks, zlib.crc32(part), shift)


def _stored(part: bytes) -> Iterator[bytes]:
    """Blocks that are not compressed (RFC 1951, 3.2.4)."""
    for start in range(0, len(part), _LONGEST_STORED):
        length = min(_LONGEST_STORED, len(part) - start)
        yield b"\x00" + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little")
        yield part[start : start + length]


def _multiplied(one: int, other: int) -> int:
    """The product of two polynomials over GF(2), modulo that of CRC-32; highest power first.

    The checksum of two texts follows from theirs by it: as crc32_combine of zlib, which Python does
    not have.
    """
    product = 0
    for place in range(31, -1, -1):
        if one >> place & 1:
            product ^= other
        other = other >> 1 ^ _POLYNOMIAL if other & 1 else other >> 1
    return product


def _powers() -> list[int]:
    """x to the powers of two that a number of bytes is made of: 8, 16, 32, ..."""
    power = _ONE >> 1
    found = []
    for _ in range(64):
        power = _multiplied(power, power)
        found.append(power)
    return found[2:]


_POWERS: Final = _powers()


def _shift(length: int) -> int:
    """x to the power of the bits of ``length`` bytes."""
    product = _ONE
    for place, power in enumerate(_POWERS):
        if length >> place & 1:
            product = _multiplied(power, product)
    return product
