"""What the exchange lists now: a complete response, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar, overload

import msgspec

from exporter.model.stream import Reject

RowT = TypeVar("RowT")

_exact = msgspec.json.Decoder(float_hook=Decimal)


class Reading(Sequence[RowT], Generic[RowT]):
    """The rows of a complete response, in the order sent; empty when the exchange lists none.

    Of a state (balances, positions) all records could be read, else there is no `Reading`. A list
    (instruments, the trades of a position) may lack ``rejects``.
    """

    def __init__(
        self,
        name: str,
        rows: Sequence[RowT],
        *,
        observed_at: datetime,
        header: Mapping[str, msgspec.Raw],
        rejects: Sequence[Reject] = (),
    ) -> None:
        self._name = name
        self._rows = tuple(rows)
        self.observed_at = observed_at
        """When the response arrived, by the exchange's clock: aware UTC."""
        self.header: Mapping[str, Any] = {
            name: _exact.decode(sent) for name, sent in header.items()
        }
        """The members beside the list, as sent; a number with a fraction is a `Decimal`."""
        self.rejects = tuple(rejects)
        """Records of a list that could not be read, as sent, with the reason."""

    @overload
    def __getitem__(self, place: int) -> RowT: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[RowT, ...]: ...
    def __getitem__(self, place: int | slice) -> RowT | tuple[RowT, ...]:
        return self._rows[place]

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"<{self._name}: {len(self)} rows, observed at {self.observed_at.isoformat()}>"
