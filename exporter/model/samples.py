"""What a stream shows on /metrics: families, and their values, exact until they are rendered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal, localcontext
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from exporter.model.fields import EXACT


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


class Sum(NamedTuple):
    """What rows add to a counter, as a declaration: it is evaluated of rows (`add_up`), and by
    Postgres of stored ones (`store.totals`)."""

    metric: Metric
    labels: tuple[str, ...]
    """The columns of the row that are its labels, in their order; an empty one is ''."""
    column: str | None = None
    """What is summed of each row, where it is known; None: rows are counted."""
    of: Literal["all", "positive", "negative", "not_negative"] = "all"
    """Which amounts count. Negative ones count by their size: a counter never falls."""

    def counts(self, value: Decimal | None) -> bool:
        """Whether an amount is summed."""
        if value is None or self.of == "all":
            return value is not None
        if self.of == "negative":
            return value < 0
        return value > 0 if self.of == "positive" else value >= 0


def add_up(sums: Iterable[Sum], rows: Sequence[Any]) -> Iterator[Sample]:
    """What ``rows`` add to each counter, exact; no sample where nothing counts."""
    by_labels: defaultdict[tuple[str, ...], list[Sum]] = defaultdict(list)
    for declared in sums:
        by_labels[declared.labels].append(declared)
    for columns, those in by_labels.items():
        for labels, group in _grouped(columns, rows).items():
            for declared in those:
                value = _sum_of(declared, group)
                if value is not None:
                    yield declared.metric(value, *labels)


def _grouped(columns: Sequence[str], rows: Sequence[Any]) -> dict[tuple[str, ...], list[Any]]:
    groups: defaultdict[tuple[str, ...], list[Any]] = defaultdict(list)
    if rows:
        # By position, which is cheaper than by name: trades come by the million.
        places = [rows[0]._fields.index(column) for column in columns]
        labels_of = itemgetter(*places)
        for row in rows:
            groups[labels_of(row) if len(places) > 1 else (labels_of(row),)].append(row)
    named: defaultdict[tuple[str, ...], list[Any]] = defaultdict(list)
    for labels, group in groups.items():
        named[tuple([label or "" for label in labels])] += group
    return named


def _sum_of(declared: Sum, rows: Sequence[Any]) -> Decimal | int | None:
    if declared.column is None:
        return len(rows)
    values = [getattr(row, declared.column) for row in rows]
    counted = [value for value in values if declared.counts(value)]
    if not counted:
        return None
    with localcontext(EXACT):
        total = sum(counted, Decimal())
    return total.copy_negate() if declared.of == "negative" else total
