"""What the columns of a report hold, and how a value is written as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["number", "integer", "instant", "date", "boolean", "text", "json", "other"]
"""Exact decimals; whole numbers; ISO 8601 in UTC with microseconds; ISO dates; `true` or `false`;
text; JSON; and what Postgres prints of anything else."""

Cells = Sequence[str | None]
"""The values of a row as text, as Postgres prints them; None: null."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a report."""

    name: str
    kind: Kind
    type_name: str
    """What Postgres calls its type."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How many digits the numbers of a column take."""

    whole: int
    """Before the decimal point, at most."""
    scale: int
    """Behind it, at most, without zeros at the end."""
    finite: bool
    """Whether all are numbers: no NaN, no infinity."""


class Writer(Protocol):
    """Writes rows in a format. `end` is called once, unless something fails."""

    def write(self, rows: Iterable[Cells]) -> None:
        """Write some rows."""

    def end(self) -> None:
        """Write what comes after the last row."""
