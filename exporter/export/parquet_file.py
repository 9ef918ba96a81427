"""Apache Parquet: exact decimals, instants in UTC, and what the file contains in its metadata.

Numbers are ``decimal128(38, s)``, with 18 digits behind the point where that does, so that the
files of several months have one schema, else with as many as it takes; where 38 digits do not do,
text. ``decimal256`` would hold 76, but several widely used readers turn it into a float. There is
no float.

Needs pyarrow, which is as large as the rest of the installation: it comes with the extra `parquet`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

from exporter.export.columns import Cells, Column, Extent
from exporter.export.csv_file import CsvWriter, Sink

_PRECISION = 38
_USUAL_SCALE = 18
_ROWS = 20_000
"""In a row group: about 10 MB of a wide view."""


class PyarrowMissing(ImportError):
    """The extra is not installed."""


def check_installed() -> None:
    """Raises PyarrowMissing."""
    _pyarrow()


def _pyarrow() -> tuple[Any, Any]:
    # Not at the top: it takes a second to import, and most installations have none.
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise PyarrowMissing(
            "Parquet needs pyarrow, which is not installed; run"
            " `pip install 'onetrading-exporter[parquet]'`, or export as csv"
        ) from error


def scale_of(extent: Extent) -> int | None:
    """How many digits behind the point a column gets; None: it is text."""
    if not extent.finite or extent.whole + extent.scale > _PRECISION:
        return None
    if extent.scale <= _USUAL_SCALE and extent.whole + _USUAL_SCALE <= _PRECISION:
        return _USUAL_SCALE
    return extent.scale


class ParquetWriter:
    """Writes a Parquet file. ``extents``: by name, of the columns that are numbers.

    ``metadata`` goes into the file as JSON under the key `onetrading`; `end_metadata` is asked at
    the end for what is known by then, for `onetrading.content`.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        sink: Sink,
        extents: Mapping[str, Extent],
        metadata: Mapping[str, Any],
    ) -> None:
        self._arrow, parquet = _pyarrow()
        types = [self._type(column, extents) for column in columns]
        self._schema = self._arrow.schema(
            [(column.name, kind) for column, kind in zip(columns, types, strict=True)],
            metadata={"onetrading": json.dumps(metadata)},
        )
        self._file = parquet.ParquetWriter(sink, self._schema, compression="zstd")
        self._rows: list[Cells] = []
        self._count = 0
        self._content = _Digest()
        self._as_csv = CsvWriter(columns, self._content)

    def _type(self, column: Column, extents: Mapping[str, Extent]) -> Any:
        arrow = self._arrow
        if column.kind == "number":
            scale = scale_of(extents[column.name])
            return arrow.string() if scale is None else arrow.decimal128(_PRECISION, scale)
        kinds = {
            "integer": arrow.int64(),
            "instant": arrow.timestamp("us", "UTC"),
            "date": arrow.date32(),
            "boolean": arrow.bool_(),
        }
        return kinds.get(column.kind, arrow.string())

    @property
    def content_sha256(self) -> str:
        """The SHA-256 of the same rows as plain CSV."""
        return self._content.sha256

    def write(self, rows: Iterable[Cells]) -> None:
        """Write some rows, as soon as there are enough for a row group."""
        new = list(rows)
        self._as_csv.write(new)
        self._rows += new
        self._count += len(new)
        if len(self._rows) >= _ROWS:
            self._flush()

    def _flush(self) -> None:
        arrow = self._arrow
        cells = zip(*self._rows, strict=True)
        # Text becomes a decimal without passing through a float; what does not fit is an error.
        arrays = [
            arrow.array(column, arrow.string()).cast(field.type)
            for column, field in zip(cells, self._schema, strict=True)
        ]
        self._file.write_table(arrow.Table.from_arrays(arrays, schema=self._schema))
        self._rows = []

    def end(self) -> None:
        """Write what is left, and the footer."""
        if self._rows:
            self._flush()
        content = {"rows": self._count, "sha256_as_csv": self.content_sha256}
        self._file.add_key_value_metadata({"onetrading.content": json.dumps(content)})
        self._file.close()


class _Digest:
    """Takes bytes, and keeps their checksum."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        return len(data)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()
