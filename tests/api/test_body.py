"""How a body is unpacked: law by law, on bytes that arrive in any pieces."""

from __future__ import annotations

import gzip
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.body import Body, Damaged, TooLarge, UnknownEncoding

CONTENTS = st.lists(st.binary(max_size=60), min_size=1, max_size=4)
CUTS = st.lists(st.integers(0, 400), max_size=6)
PLENTY = 10_000


def unpacked(sent: bytes, cuts: list[int], *encodings: str, limit: int = PLENTY) -> bytes:
    """What a body makes of bytes that arrive cut into pieces."""
    body = Body(encodings, limit)
    places = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    for start, end in pairwise(places):
        body.add(sent[start:end])
    return body.end()


@given(st.binary(max_size=300), CUTS, st.sampled_from([(), ("",), ("identity",), ("Identity ",)]))
def test_an_unencoded_body_is_taken_as_it_is(
    sent: bytes, cuts: list[int], encodings: tuple[str, ...]
) -> None:
    assert unpacked(sent, cuts, *encodings) == sent


@given(CONTENTS, CUTS, st.integers(0, 9), st.sampled_from(["gzip", "x-gzip", " GZip"]))
def test_gzip_is_unpacked_whatever_its_members_and_pieces(
    contents: list[bytes], cuts: list[int], zeros: int, name: str
) -> None:
    sent = b"".join(map(gzip.compress, contents)) + b"\0" * zeros
    assert unpacked(sent, cuts, name) == b"".join(contents)


@pytest.mark.parametrize("size", [2**20 - 1, 2**20, 2**20 + 1, 2**21, 3 * 2**20 + 7])
def test_much_is_unpacked_from_little(size: int) -> None:
    content = b" " * size
    assert unpacked(gzip.compress(content), [], "gzip", limit=size) == content
    with pytest.raises(TooLarge):
        unpacked(gzip.compress(content), [], "gzip", limit=size - 1)


@given(CONTENTS, CUTS, st.data())
def test_gzip_that_ends_early_is_an_error(
    contents: list[bytes], cuts: list[int], data: st.DataObject
) -> None:
    members = list(map(gzip.compress, contents))
    kept = data.draw(st.integers(0, len(members) - 1))
    part = members[kept][: data.draw(st.integers(0 if kept == 0 else 1, len(members[kept]) - 1))]
    with pytest.raises(Damaged):
        unpacked(b"".join(members[:kept]) + part, cuts, "gzip")


@given(st.binary(max_size=60), st.binary(min_size=1, max_size=60), CUTS)
def test_what_follows_gzip_and_is_none_is_an_error(
    content: bytes, junk: bytes, cuts: list[int]
) -> None:
    rest = junk.lstrip(b"\0")
    if not rest or rest.startswith(b"\x1f"):
        rest = b"{" + junk
    with pytest.raises(Damaged):
        unpacked(gzip.compress(content) + rest, cuts, "gzip")


@given(st.integers(0, 300), st.integers(0, 300), st.booleans(), CUTS)
def test_nothing_exceeds_the_limit(size: int, limit: int, packed: bool, cuts: list[int]) -> None:
    content = b" " * size
    sent, encodings = (gzip.compress(content), ["gzip"]) if packed else (content, [])
    if max(size, len(sent)) > limit:
        with pytest.raises(TooLarge):
            unpacked(sent, cuts, *encodings, limit=limit)
    else:
        assert unpacked(sent, cuts, *encodings, limit=limit) == content


def test_what_was_taken_before_the_limit_can_still_be_read() -> None:
    body = Body(["gzip"], 100)
    with pytest.raises(TooLarge):
        body.add(gzip.compress(b"x" * 3_000_000))
    assert body.content == b"x" * 100


def test_gzip_that_unpacks_to_nothing_ends_by_what_is_sent() -> None:
    body = Body(["gzip"], PLENTY)
    body.add(gzip.compress(b"")[:10])
    with pytest.raises(TooLarge):
        for _ in range(PLENTY):
            body.add(b"\0\0\0\xff\xff")  # a stored block of length 0
    assert body.content == b""


def test_members_without_end_are_an_error() -> None:
    with pytest.raises(Damaged, match="1000 gzip members"):
        unpacked(gzip.compress(b"") * 1_001, [], "gzip", limit=100_000)


@pytest.mark.parametrize(
    "encodings",
    [
        ("gzip", "gzip"),
        ("deflate",),
        ("br",),
        ("zstd",),
        ("gzip", "br"),
        ("x",),
        ("identity", "gzip", "gzip"),
    ],
)
def test_any_other_encoding_is_refused(encodings: tuple[str, ...]) -> None:
    with pytest.raises(UnknownEncoding):
        Body(encodings, PLENTY)


def test_deflate_under_the_name_of_gzip_is_an_error() -> None:
    with pytest.raises(Damaged):
        unpacked(zlib.compress(b"{}"), [], "gzip")
