"""How faults distort the rows and pages of one answer, without touching the market."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from exporter.simulator.endpoints.faults import Faults
from exporter.simulator.market.prices import SECOND, mix, salt

_SCALE = 1 << 64
_MOST_REPEATED = 3


class Distortion:
    """The faults that one request meets.

    What befalls a row is drawn from the row's own number, so it befalls it in every answer; what
    befalls a page is drawn from the exchange's random numbers.
    """

    def __init__(self, faults: Faults, random: Random, seed: int, now: int) -> None:
        self.faults = faults
        self._random = random
        self._seed = seed
        self._now = now

    def chance(self, rate: float) -> bool:
        """Draw whether something that befalls `rate` of the requests befalls this one."""
        return rate > 0 and self._random.random() < rate

    def _befalls(self, rate: float, kind: str, row: int) -> bool:
        return rate > 0 and mix(salt(self._seed, kind), row) < rate * _SCALE

    @property
    def rewrites(self) -> bool:
        """Whether any row may be served otherwise than it is."""
        faults = self.faults
        rates = (faults.changed_rate, faults.unknown_enums, faults.bad_record_rate)
        return faults.unknown_fields or any(rates)

    @property
    def hides(self) -> bool:
        """Whether any row may be invisible."""
        return self.faults.hidden_rate > 0 or self.faults.late_rate > 0

    def visible(self, row: int, instant: int) -> bool:
        """Return whether a row shows: not hidden, and late no longer."""
        if self._befalls(self.faults.hidden_rate, "hidden", row):
            return False
        late = instant + int(self.faults.late_seconds * SECOND)
        return self._now >= late or not self._befalls(self.faults.late_rate, "late", row)

    def record(
        self, record: dict[str, Any], row: int, price: str, enum: str = "", identity: str = ""
    ) -> dict[str, Any]:
        """Return the record as served; the names are of the members that break.

        A broken record has an unreadable `price`, or lacks its `identity`: the first member
        unless told otherwise.
        """
        faults = self.faults
        if self._befalls(faults.unknown_enums, "enum", row) and enum in record:
            record[enum] = "SOMETHING_NEW"
        if self._befalls(faults.bad_record_rate, "bad", row):
            if mix(self._seed, row) & 1 and price in record:
                record[price] = "abc"
            else:
                del record[identity or next(iter(record))]
        return self.widen(record)

    def changed(self, record: dict[str, Any], row: int, price: str) -> dict[str, Any]:
        """Return the record, with another price when the row is one of those that change."""
        if self._befalls(self.faults.changed_rate, "changed", row):
            record[price] = format(Decimal(record[price]) * Decimal("1.01"), "f")
        return record

    def widen(self, record: dict[str, Any]) -> dict[str, Any]:
        """Add members that no documentation knows, when that fault is on."""
        if self.faults.unknown_fields:
            record["x_new_field"] = "new"
            record["x_new_object"] = {"nested": [1, "two", None]}
        return record

    def repeated(self, size: int) -> int:
        """Return how many rows of the page before this page starts with."""
        if not self.chance(self.faults.duplicate_rate):
            return 0
        return min(_MOST_REPEATED, size - 1)

    def shuffled(self, rows: list[int], instants: list[int]) -> list[int]:
        """Return `rows` with those of one instant in random order, when that fault is on."""
        if not self.faults.shuffle_equal_instants:
            return rows
        drawn = [
            (-instant, self._random.random(), row)
            for row, instant in zip(rows, instants, strict=True)
        ]
        return [row for _, _, row in sorted(drawn)]
