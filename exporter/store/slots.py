"""Tell one record from another where the key is coarser than the exchange's own stamp.

A funding payment has no id: account, instrument and funding time are its key, and the stamp of its
booking lies seconds after the funding time. The exchange may send that stamp in seconds,
milliseconds or microseconds, now one and now the other, and that makes no other payment of it. A
stamp that names another instant does: the first record that was stored stays, and the other one is
reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import msgspec

from exporter.model.errors import BadRecord
from exporter.model.fields import instant
from exporter.model.stream import Json, Table
from exporter.store.records import exact_json

_SECOND = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)
_MICROSECOND = timedelta(microseconds=1)


def separate(
    table: Table, rows: Sequence[Any], stored: Mapping[Any, Any]
) -> tuple[list[Any], list[tuple[Any, Any]]]:
    """The rows that are their key's record, and pairs of that record and another one of its key.

    ``stored`` holds the stored rows by key. Where nothing is stored, the earliest record counts.
    A row that differs from it in the precision of its stamp alone is replaced by it, so that it
    compares as the same. Both results keep the order of ``rows``.
    """
    key, stamp = attrgetter(*table.key), attrgetter(str(table.stamp))
    records = dict(stored)
    for row in sorted(rows, key=stamp):
        records.setdefault(key(row), row)
    kept: list[Any] = []
    others: list[tuple[Any, Any]] = []
    for row in rows:
        record = records[key(row)]
        if _one_record(table, record, row):
            kept.append(row if _differ(table, record, row) else record)
        else:
            others.append((record, row))
    return kept, others


def _differ(table: Table, one: Any, other: Any) -> bool:
    """Whether two versions of one record say something else, whatever their stamps' precision."""
    return not _same_content(table, one, other) or not same_json(one.raw, other.raw)


def _one_record(table: Table, one: Any, other: Any) -> bool:
    """Whether both stamps name one instant. Whole seconds alone do not show that: in one second
    there may be two payments, but not two of the same content."""
    stamp = attrgetter(str(table.stamp))
    before, after = stamp(one), stamp(other)
    if _same_content(table, one, other):
        return same_instant(before, after)
    return bool(abs(before - after) < min(_precision(before, after), _MILLISECOND))


def _same_content(table: Table, one: Any, other: Any) -> bool:
    return all(
        getattr(one, name) == getattr(other, name)
        for name in table.columns
        if name not in (table.stamp, "raw")
    )


def same_instant(one: datetime, other: datetime) -> bool:
    """Whether they differ by less than the coarser of their precisions; of two in milliseconds one
    may have been cut and the other one rounded."""
    precision = _precision(one, other)
    return abs(one - other) < precision or abs(one - other) == precision == _MILLISECOND


def _precision(one: datetime, other: datetime) -> timedelta:
    """The coarser of two precisions."""
    for unit in (_SECOND, _MILLISECOND):
        if 0 in (
            one.microsecond % (unit // _MICROSECOND),
            other.microsecond % (unit // _MICROSECOND),
        ):
            return unit
    return _MICROSECOND


def same_json(one: Json, other: Json) -> bool:
    """Whether two records as sent say the same, apart from the notation of instants."""
    try:
        before, after = exact_json.decode(one.encode()), exact_json.decode(other.encode())
    except (msgspec.DecodeError, ArithmeticError):
        return False
    if not (isinstance(before, dict) and isinstance(after, dict)) or before.keys() != after.keys():
        return bool(before == after)
    return all(_same_value(before[name], after[name]) for name in before)


def _same_value(before: Any, after: Any) -> bool:
    if type(before) is type(after) and before == after:
        return True
    try:
        return same_instant(_at(before), _at(after))
    except BadRecord:
        return bool(before == after)


def _at(value: Any) -> datetime:
    """Raises BadRecord for what is no stamp. A small number is an amount, not an instant."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadRecord("not an instant")
    if str(value).isdigit() and int(value) < _LEAST_EPOCH_S:
        raise BadRecord("not an instant")
    return instant(value).at


_LEAST_EPOCH_S = 10**9
