"""CSV of an export: what any reader finds in it, and what a spreadsheet would make of it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.export.columns import Column
from exporter.export.csv_file import CsvWriter

COLUMNS = [
    Column("name", "text", "text"),
    Column("amount", "number", "numeric"),
    Column("record", "json", "jsonb"),
]


def written(rows: Sequence[tuple[str | None, ...]], **options: bool) -> bytes:
    out = io.BytesIO()
    writer = CsvWriter(COLUMNS, out, **options)
    writer.write(rows[:1])
    writer.write(rows[1:])
    writer.end()
    return out.getvalue()


def read(content: bytes) -> list[list[str]]:
    """By the standard library."""
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    assert header == ["name", "amount", "record"]
    return rows


def test_lines_quotes_and_nulls_are_as_rfc_4180_and_postgres_have_them() -> None:
    rows = [("a,b", "-1.50", '{"k": 1}'), (None, None, None), ("", "0", "x\r\ny")]
    assert written(rows) == (
        b'name,amount,record\r\n"a,b",-1.50,"{""k"": 1}"\r\n,,\r\n"",0,"x\r\ny"\r\n'
    )
    assert written(rows, bom=True) == b"\xef\xbb\xbf" + written(rows)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "'x",
        "=cmd|' /C calc'!A0",
        "\uff1d1",
    ],
)
def test_a_text_is_no_formula_and_a_number_is_one(text: str) -> None:
    (row,) = read(written([(text, "-12.5", text)]))
    assert row == [f"'{text}", "-12.5", f"'{text}"]


def test_a_spreadsheet_keeps_the_digits_of_numbers_and_ids() -> None:
    rows: list[tuple[str | None, ...]] = [
        ("0012", "123456789012345", None),
        ("12345678901234567890", "0.000000000000001234567890123456", None),
        ("1E5", "-1234567890.123456", None),
        ("1,234.5", "0.00000000000000000", None),
        ("a1", "1234567890.12345", None),
    ]
    found = read(written(rows, for_spreadsheet=True))
    assert [row[0] for row in found] == [
        *("'0012", "'12345678901234567890", "'1E5", "'1,234.5", "a1")
    ]
    assert [row[1] for row in found] == [
        *("123456789012345", "'0.000000000000001234567890123456", "'-1234567890.123456"),
        *("0.00000000000000000", "1234567890.12345"),
    ]
    assert [row[:2] for row in read(written(rows))] == [[row[0], row[1]] for row in rows]


texts = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
numbers = st.none() | st.decimals(allow_nan=False, allow_infinity=False).map(lambda n: f"{n:f}")


@given(st.lists(st.tuples(texts, numbers, texts), max_size=6), st.booleans())
def test_what_was_in_the_view_can_be_had_from_the_file(
    rows: list[tuple[str | None, ...]], for_spreadsheet: bool
) -> None:
    content = written(rows, for_spreadsheet=for_spreadsheet)
    found = read(content)
    assert [[cell.removeprefix("'") for cell in row] for row in found] == [
        [cell or "" for cell in row] for row in rows
    ]
    for cells in found:
        for cell, kind in zip(cells, ("text", "number", "text"), strict=True):
            if kind == "text":
                assert not re.match(r"\s*[=+@-]", cell)
            elif for_spreadsheet and not cell.startswith("'") and cell:
                # What a spreadsheet keeps of it, a double, still has all digits.
                assert Decimal(f"{float(cell):.15g}") == Decimal(cell)
