"""The body of a response: unpacked as it comes, and never beyond a limit. Pure.

One encoding is requested, gzip (RFC 1952), and one layer of it is unpacked. httpx unpacks whatever
encodings a response names, in whatever number, and whole chunks at a time: a few kilobytes can then
become gigabytes before anybody can look.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

ACCEPT_ENCODING = "gzip"
"""An unencoded response is acceptable in any case (RFC 9110, 12.5.3)."""

LARGEST_BODY = 32 * 1024 * 1024
"""In bytes, as sent and unpacked. The largest response known, 5,000 candles, has about 2 MB."""

LARGEST_ERROR_BODY = 64 * 1024
"""The same for a response that is not a 200: what follows is not read."""

_NONE = frozenset({"", "identity"})
_GZIP = frozenset({"gzip", "x-gzip"})
_GZIP_ONLY = 16 + zlib.MAX_WBITS
_MOST_MEMBERS = 1_000
"""Of one gzip body: an empty member costs its sender 20 bytes, and us a new decoder."""
_STEP = 1024 * 1024


class UnknownEncoding(Exception):
    """The body is encoded in a way that was not requested, or more than once."""


class TooLarge(Exception):
    """The body is larger than its limit, as sent or unpacked."""


class Damaged(Exception):
    """The body is no gzip, or ends in the middle of it."""


class Body:
    """Takes the bytes of a body as they come, and unpacks them.

    ``encodings``: what `Content-Encoding` lists. Raises UnknownEncoding.
    """

    def __init__(self, encodings: Sequence[str], limit: int) -> None:
        names = [entry.strip().lower() for entry in encodings]
        names = [name for name in names if name not in _NONE]
        if len(names) > 1 or not _GZIP.issuperset(names):
            raise UnknownEncoding
        self._limit = limit
        self._sent = 0
        self._content = bytearray()
        self._members = 0
        self._member: zlib._Decompress | None = None
        """The part of a gzip body that is being unpacked; None between two of them."""
        self._gzip = bool(names)

    def add(self, sent: bytes) -> None:
        """Take the next bytes. Raises TooLarge, Damaged."""
        self._sent += len(sent)
        if self._gzip:
            self._unpack(sent)
        else:
            self._content += sent
        if max(self._sent, len(self._content)) > self._limit:
            raise TooLarge

    def end(self) -> bytes:
        """The content, once nothing more comes. Raises Damaged when something is missing."""
        if self._gzip and (self._member is not None or not self._members):
            raise Damaged("the compressed response was cut off")
        return self.content

    @property
    def content(self) -> bytes:
        """What was unpacked so far, up to the limit."""
        del self._content[self._limit :]
        return bytes(self._content)

    def _unpack(self, sent: bytes) -> None:
        """Members may follow each other, and zeros the last of them (RFC 1952, 2.2)."""
        while len(self._content) <= self._limit:
            member = self._member
            if member is None:
                sent = sent.lstrip(b"\0") if self._members else sent
                if not sent:
                    return
                self._members += 1
                if self._members > _MOST_MEMBERS:
                    raise Damaged(f"more than {_MOST_MEMBERS} gzip members")
                member = self._member = zlib.decompressobj(_GZIP_ONLY)
            sent = self._step(member, sent)
            if member.eof:
                self._member = None
            elif not sent:
                return

    def _step(self, member: zlib._Decompress, sent: bytes) -> bytes:
        """Unpack a part of ``sent``; returns what is left of it."""
        try:
            unpacked = member.decompress(sent, _STEP)
            while len(unpacked) == _STEP and not member.unconsumed_tail and not member.eof:
                # The output was full: there may be more of it, although no input is left.
                self._content += unpacked
                unpacked = member.decompress(b"", _STEP)
        except zlib.error as error:
            raise Damaged(str(error)) from error
        self._content += unpacked
        return member.unused_data if member.eof else member.unconsumed_tail
