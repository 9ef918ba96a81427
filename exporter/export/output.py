"""A file that appears as a whole or not at all, with the checksum of what was written."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import BinaryIO


class Output:
    """A file to write. It gets its name when the block ends without an exception.

    Before that it is a hidden file beside. What is no regular file (a pipe, a terminal) is written
    directly: ``stream``, or a path to one. Raises OSError.
    """

    def __init__(self, path: Path | None, stream: BinaryIO | None = None) -> None:
        # The file that a link leads to is replaced, not the link.
        self._path = path.resolve() if path is not None else None
        self._partial: Path | None = None
        self._stream = stream or self._opened()
        self._digest = hashlib.sha256()
        self.size = 0
        """Bytes written so far."""

    def _opened(self) -> BinaryIO:
        path = self._path
        if path is None:
            raise ValueError("neither a path nor a stream")
        if path.exists() and not path.is_file():
            return path.open("wb")
        self._partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
        return self._partial.open("xb")

    @property
    def sha256(self) -> str:
        """Of what was written so far, in hexadecimal."""
        return self._digest.hexdigest()

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written: asked by those that take it for a file."""
        return False

    def write(self, data: bytes) -> int:
        """Append bytes."""
        self._stream.write(data)
        self._digest.update(data)
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        """Where the next byte goes."""
        return self.size

    def flush(self) -> None:
        """Hand on what is buffered."""
        self._stream.flush()

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._stream.flush()
            if self._path is not None:
                if kind is None and self._partial is not None:
                    os.fsync(self._stream.fileno())
                self._stream.close()
            if kind is None and self._partial is not None and self._path is not None:
                self._partial.replace(self._path)
                self._partial = None
        finally:
            if self._partial is not None:
                self._partial.unlink(missing_ok=True)
