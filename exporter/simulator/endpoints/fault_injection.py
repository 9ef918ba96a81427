"""How faults alter the rows and pages of one response, without touching the market."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from exporter.simulator.endpoints.faults import Faults
from exporter.simulator.market.prices import SECOND, mix, salt

_SCALE = 1 << 64
_MAX_OVERLAP = 3


class FaultInjector:
    """Applies the active faults to one request.

    Faults of rows are drawn from the row's own number, so the same rows are affected in every
    response; faults of requests and pages are drawn from the exchange's random numbers.
    """

    def __init__(self, faults: Faults, random: Random, seed: int, now: int) -> None:
        self.faults = faults
        self._random = random
        self._seed = seed
        self._now = now
        self.clock_offset = 0
        """Nanoseconds by which the time that the response states is wrong."""

    def draw(self, rate: float) -> bool:
        """Draw whether a fault that affects `rate` of the requests affects this one."""
        return rate > 0 and self._random.random() < rate

    def _affects(self, rate: float, kind: str, row: int) -> bool:
        return rate > 0 and mix(salt(self._seed, kind), row) < rate * _SCALE

    @property
    def rewrites(self) -> bool:
        """Whether any row may be altered."""
        faults = self.faults
        rates = (
            faults.changed_rate,
            faults.unknown_enums,
            faults.bad_record_rate,
            faults.odd_record_rate,
        )
        return faults.unknown_fields or any(rates)

    @property
    def hides(self) -> bool:
        """Whether any row may be left out."""
        return self.faults.hidden_rate > 0 or self.faults.late_rate > 0

    def visible(self, row: int, instant: int) -> bool:
        """Return whether a row is served: it is not hidden, and no longer late."""
        if self._affects(self.faults.hidden_rate, "hidden", row):
            return False
        late = instant + int(self.faults.late_seconds * SECOND)
        return self._now >= late or not self._affects(self.faults.late_rate, "late", row)

    def alter(
        self, record: dict[str, Any], row: int, price: str, enum: str = "", identity: str = ""
    ) -> dict[str, Any]:
        """Alter the record in place and return it; the names are of the members affected.

        A bad record has an invalid `price`, or lacks its `identity` (default: the first member).
        """
        faults = self.faults
        if self._affects(faults.unknown_enums, "enum", row) and enum in record:
            record[enum] = "SOMETHING_NEW"
        if self._affects(faults.bad_record_rate, "bad", row):
            if mix(self._seed, row) & 1 and price in record:
                record[price] = "abc"
            else:
                del record[identity or next(iter(record))]
        if self._affects(faults.odd_record_rate, "odd", row):
            self._make_odd(record, row, price)
        return self.add_unknown_fields(record)

    def _make_odd(self, record: dict[str, Any], row: int, price: str) -> None:
        """Add what a text or a number of Postgres cannot hold, or write the price with a NUL."""
        match mix(self._seed, row) % 3:
            case 0:
                record["x_note"] = "a\0b"
            case 1:
                record["x_number"] = Decimal("1E+131072")
            case _:
                record[price] = "1\0"

    def change_price(self, record: dict[str, Any], row: int, price: str) -> dict[str, Any]:
        """Return the record, with another price if the row is one of those that change."""
        if self._affects(self.faults.changed_rate, "changed", row):
            record[price] = format(Decimal(record[price]) * Decimal("1.01"), "f")
        return record

    def add_unknown_fields(self, record: dict[str, Any]) -> dict[str, Any]:
        """Add undocumented members if that fault is on."""
        if self.faults.unknown_fields:
            record["x_new_field"] = "new"
            record["x_new_object"] = {"nested": [1, "two", None]}
        return record

    def overlap(self, size: int) -> int:
        """Return how many rows of the previous page this page repeats."""
        if not self.draw(self.faults.duplicate_rate):
            return 0
        return min(_MAX_OVERLAP, size - 1)

    def shuffled(self, rows: list[int], instants: list[int]) -> list[int]:
        """Return `rows` with those of one instant in random order."""
        drawn = [
            (-instant, self._random.random(), row)
            for row, instant in zip(rows, instants, strict=True)
        ]
        return [row for _, _, row in sorted(drawn)]
