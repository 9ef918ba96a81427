"""What a stream shows on /metrics: families, and their values, exact until they are rendered."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple


class Metric(NamedTuple):
    """A metric family of the exchange's data. ``help`` names endpoint, field and unit."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter"] = "gauge"

    def __call__(self, value: Decimal | int, *labels: str) -> Sample:
        """One sample; ``labels`` in the order of the family's labels."""
        return Sample(self, labels, value)


class Sample(NamedTuple):
    """One value of a family, exact until it is rendered."""

    metric: Metric
    labels: tuple[str, ...]
    value: Decimal | int


def epoch_seconds(at: datetime) -> Decimal:
    """Seconds since 1970, exact to the microsecond."""
    return Decimal(int(at.timestamp())) + Decimal(at.microsecond).scaleb(-6)
