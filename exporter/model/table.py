"""A table of facts: its row, its key, and which of two records of a key counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from exporter.model.changes import Changes
from exporter.model.columns import RowCheck
from exporter.model.fields import EXACT, Uuid
from exporter.model.hashes import hash64, hashes64

Row = tuple[Any, ...]
"""A NamedTuple whose fields are the table's columns, in order."""


class Json(str):
    """A JSON text exactly as sent; its column is ``jsonb``."""

    __slots__ = ("_hash64",)
    _hash64: int

    @classmethod
    def sent(cls, records: Sequence[bytes]) -> list[Json]:
        """The texts of records, hashed while their bytes are at hand. Raises UnicodeDecodeError."""
        texts = [cls(record, "utf-8") for record in records]
        for text, hashed in zip(texts, hashes64(records), strict=True):
            text._hash64 = hashed
        return texts

    @property
    def hash64(self) -> int:
        """See `hashes.hash64`; computed once."""
        try:
            return self._hash64
        except AttributeError:
            self._hash64 = hash64(self.encode())
            return self._hash64


_COLUMN_TYPES: Mapping[Any, str] = {
    str: "text",
    Uuid: "uuid",
    int: "bigint",
    bool: "boolean",
    Decimal: "numeric",
    datetime: "timestamptz",
    Json: "jsonb",
}


@dataclass(frozen=True)
class Table:
    """A table of schema ``onetrading``. Its Postgres types follow from the types of the row.

    Raises ValueError when the key is not a proper subset of the columns.
    """

    name: str
    row: type[Row]
    """A NamedTuple; its fields are the columns. ``X | None`` is a nullable column."""
    key: tuple[str, ...]
    """The columns that identify a row, as the exchange does, within one account or snapshot."""
    version: str | None = None
    """The column that tells which of two records of a key is newer: a sequence or update time of
    the exchange. Without one, or where one of the two records has none: the one read last."""
    twins: str = "twin"
    """The kind of issue that two different records of one key are when none is newer."""
    stamp: str | None = None
    """The column of the instant that the exchange stamps on a record, where the key holds a coarser
    one. Records of one key and one stamp are one record, whatever precision the stamp is sent in;
    with another stamp it is another record: the first one stored stays, see `store.slots`."""
    changes: Changes | None = None
    """How its facts go on changing; None: they are settled, and a changed one is an issue."""
    derived: tuple[str, ...] = ()
    """Columns that may be taken from elsewhere: a record that lacks them replaces none of them."""
    columns: Mapping[str, str] = field(init=False, compare=False)
    """Column name to Postgres type, in the order of the row's fields."""
    row_check: RowCheck = field(init=False, compare=False, repr=False)
    """Whether Postgres can hold a row."""

    def __post_init__(self) -> None:
        hints = get_type_hints(self.row, include_extras=True)
        columns = {name: _COLUMN_TYPES[_bare(hint)] for name, hint in hints.items()}
        if not set(self.key) < set(columns):
            raise ValueError(f"{self.name}: the key must be a part of the columns, not all of them")
        if self.version is not None and self.version not in columns:
            raise ValueError(f"{self.name}: the version {self.version!r} is not a column")
        if self.stamp is not None and columns.get(self.stamp) != "timestamptz":
            raise ValueError(f"{self.name}: the stamp {self.stamp!r} is not an instant")
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "row_check", RowCheck(columns, self.key))

    def key_of(self, row: Any) -> dict[str, str]:
        """The key of a row, column to text: as rejects and issues keep it."""
        return {name: key_text(getattr(row, name)) for name in self.key}


def key_text(value: Any) -> str:
    """The value of a key column as text; one number has one text, however it was sent."""
    if isinstance(value, Decimal):
        return format(EXACT.normalize(value), "f") if value else "0"
    return str(value)


def _bare(hint: Any) -> Any:
    """The type behind ``X | None``."""
    if get_origin(hint) in (Union, UnionType):
        return next(choice for choice in get_args(hint) if choice is not type(None))
    return hint
