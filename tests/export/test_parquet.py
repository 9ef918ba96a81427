"""Parquet of an export, read back by pyarrow."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import pyarrow as arrow
import pyarrow.parquet
from hypothesis import given
from hypothesis import strategies as st

from exporter.export.columns import Column, Extent
from exporter.export.parquet_file import ParquetWriter, scale_of


def extent_of(numbers: list[Decimal]) -> Extent:
    """As Postgres would count."""
    finite = [number.normalize() for number in numbers if number.is_finite()]
    scales = [max(-int(number.as_tuple().exponent), 0) for number in finite]
    wholes = [len(f"{abs(number):f}".partition(".")[0]) for number in finite]
    return Extent(max(wholes, default=0), max(scales, default=0), len(finite) == len(numbers))


def written(numbers: list[Decimal | None]) -> io.BytesIO:
    out = io.BytesIO()
    extents = {"n": extent_of([number for number in numbers if number is not None])}
    writer = ParquetWriter([Column("n", "number", "numeric")], out, extents, {"view": "x"})
    writer.write([(None if n is None else f"{n:f}",) for n in numbers])
    writer.end()
    return io.BytesIO(out.getvalue())


def table_of(numbers: list[Decimal | None]) -> Any:
    return arrow.parquet.read_table(written(numbers))


@given(
    st.lists(
        st.none()
        | st.decimals(-(10**19), 10**19, places=18)
        | st.decimals(allow_nan=False, allow_infinity=False, places=30)
        | st.sampled_from([Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")]),
        max_size=5,
    )
)
def test_every_number_is_read_back_as_it_was(numbers: list[Decimal | None]) -> None:
    table = table_of(numbers)
    kind = table.schema.field("n").type
    assert arrow.types.is_decimal128(kind) or arrow.types.is_string(kind)
    for found, number in zip(table.column("n").to_pylist(), numbers, strict=True):
        if number is None:
            assert found is None
        elif number.is_finite():
            assert Decimal(found) == number
        else:
            assert found == f"{number:f}"


def test_months_have_one_schema_as_long_as_18_digits_do() -> None:
    assert scale_of(Extent(1, 0, finite=True)) == scale_of(Extent(20, 18, finite=True)) == 18
    assert scale_of(Extent(21, 17, finite=True)) == 17
    assert scale_of(Extent(2, 36, finite=True)) == 36
    assert scale_of(Extent(2, 37, finite=True)) is None
    assert scale_of(Extent(1, 1, finite=False)) is None
    (field,) = table_of([Decimal("1.5")]).schema
    assert field.type == arrow.decimal128(38, 18)
    (field,) = table_of([Decimal("1e-30"), Decimal(10**9)]).schema
    assert arrow.types.is_string(field.type)


def test_a_file_says_what_it_contains() -> None:
    found = arrow.parquet.read_metadata(written([Decimal(1), None])).metadata
    assert json.loads(found[b"onetrading"]) == {"view": "x"}
    assert set(json.loads(found[b"onetrading.content"])) == {"rows", "sha256_as_csv"}
