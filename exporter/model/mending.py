"""Make a response readable of which one record is not JSON, not UTF-8, or nothing for Postgres.

Every byte keeps its place, so that what was changed can be traced to the record that it stands in:
that one becomes a reject, or loads with the character made visible, and the others are read as
ever. This is slow, and only done to responses that need it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from exporter.model.limits import DEEPEST
from exporter.model.storable import NUL_SHOWN, SURROGATE_SHOWN

LARGEST_MENDED = 4 * 1024 * 1024
"""In bytes; no page is known to be half as large, and one of this size takes seconds."""
_UNREADABLE = "\x7f"
"""Stands for a byte of a string that JSON or UTF-8 does not allow there."""
SHOWN = frozenset({NUL_SHOWN, SURROGATE_SHOWN, _UNREADABLE})
"""The characters that stand for others after `mend`."""

_TOKEN = re.compile(
    rb'"(?:[^"\\]++|\\.)*+"?'  # a string
    rb"|[\[{]|[\]}]"
    rb'|[^\s\[\]{}:,"]++',  # a number, true, false, null, or anything else
    re.DOTALL,
)
_SCALAR = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
_ODD = re.compile(
    rb"(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|(?P<nul>\\u0000)"
    rb'|(?P<fine>\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))'
    rb"|(?P<escape>\\)"
    rb"|(?P<control>[\x00-\x1f])"
)
_HIGH = re.compile(rb"[\x80-\xff]+")


class Fault(NamedTuple):
    """A part of a response that was replaced."""

    start: int
    end: int
    why: str
    """Why what it stands in cannot be read; '' when only a character was made visible."""


def mend(body: bytes) -> tuple[bytes, list[Fault]]:
    """``body`` with what is wrong in it replaced byte for byte, and where that was.

    An escaped NUL or lone surrogate becomes the escape of a visible character. A value that is no
    JSON, or is nested too deeply, becomes 0.
    """
    faults: list[Fault] = []
    mended = bytearray(body)
    _mend_utf8(mended, faults)
    text = bytes(mended)
    for token in _mend_depth(mended, text, faults):
        if token[0][:1] == b'"':
            _mend_string(mended, token, faults)
        elif _SCALAR.fullmatch(token[0]) is None:
            _blank(mended, token.start(), token.end())
            shown = repr(token[0][:40].decode("utf-8", "replace"))
            faults.append(Fault(token.start(), token.end(), f"not JSON: {shown}"))
    return bytes(mended), sorted(faults)


def _mend_depth(mended: bytearray, text: bytes, faults: list[Fault]) -> Iterator[re.Match[bytes]]:
    """Blank what is nested too deeply, and yield the strings and scalars that are not."""
    depth = began = 0
    for token in _TOKEN.finditer(text):
        first = token[0][:1]
        if first in (b"[", b"{"):
            depth += 1
            if depth == DEEPEST + 1:
                began = token.start()
        elif first in (b"]", b"}"):
            if depth == DEEPEST + 1:
                _blank(mended, began, token.end())
                faults.append(Fault(began, token.end(), f"nested deeper than {DEEPEST}"))
            depth -= 1
        elif depth <= DEEPEST:
            yield token


def _mend_utf8(mended: bytearray, faults: list[Fault]) -> None:
    try:
        mended.decode()
    except UnicodeDecodeError:
        for run in list(_HIGH.finditer(bytes(mended))):
            try:
                run[0].decode()
            except UnicodeDecodeError as error:
                mended[run.start() : run.end()] = _UNREADABLE.encode() * len(run[0])
                faults.append(Fault(run.start(), run.end(), f"not UTF-8: {error.reason}"))


def _mend_string(mended: bytearray, token: re.Match[bytes], faults: list[Fault]) -> None:
    for odd in _ODD.finditer(token[0]):
        start, end = token.start() + odd.start(), token.start() + odd.end()
        match odd.lastgroup:
            case "lone":
                mended[start:end] = rb"\u%04x" % ord(SURROGATE_SHOWN)
                faults.append(Fault(start, end, ""))
            case "nul":
                mended[start:end] = rb"\u%04x" % ord(NUL_SHOWN)
                faults.append(Fault(start, end, ""))
            case "escape" | "control":
                mended[start:end] = _UNREADABLE.encode()
                why = "an escape" if odd.lastgroup == "escape" else "a control character"
                faults.append(Fault(start, end, f"not JSON: {why} that no string may hold"))


def _blank(mended: bytearray, start: int, end: int) -> None:
    mended[start:end] = b"0".ljust(end - start)


class Odd(NamedTuple):
    """A record that something was replaced in."""

    sent: bytes
    """As it was sent."""
    why: str
    """Why it cannot be read; '' when it can, with characters made visible."""


def allot(
    sent: bytes, mended: bytes, records: Sequence[bytes], faults: Sequence[Fault]
) -> tuple[dict[int, Odd], list[Fault]]:
    """The odd ones of ``records``, by number, and the faults that stand outside of all.

    ``records`` are parts of ``mended``, in its order.
    """
    odd: dict[int, Odd] = {}
    outside: list[Fault] = []
    position, at = 0, 0
    for number, record in enumerate(records):
        start = mended.find(record, position)
        end = start + len(record)
        inside: list[Fault] = []
        while at < len(faults) and faults[at].start < end:
            (inside if faults[at].start >= start else outside).append(faults[at])
            at += 1
        if inside:
            why = next((fault.why for fault in inside if fault.why), "")
            odd[number] = Odd(sent[start:end], why)
        position = end
    return odd, [*outside, *faults[at:]]
