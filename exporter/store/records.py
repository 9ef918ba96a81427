"""What records say: whether two differ, and which of several of one key counts.

A batch may hold a key more than once: the same record again, versions of one fact, or twins, which
are different records of which none is newer. Of twins only one can be stored: the one that is
stored already, whatever the order in which the exchange lists them this time, else the one read
last. The others are told of, once, so that nothing is left out in silence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from exporter.model.stream import Json, Table

exact_json = msgspec.json.Decoder(float_hook=Decimal)
"""Decodes any JSON; a number with a fraction becomes a Decimal, an integer an int."""


def differ(table: Table, one: Any, other: Any) -> bool:
    """Whether two rows say something else. In JSON 0.10 and 0.1 are the same, "0.1" is not."""
    if table.changes is not None:
        return _told(table, one) != _told(table, other)
    return any(map(_values_differ, one, other))


def _told(table: Table, row: Any) -> tuple[Any, ...]:
    """What a row of a changing fact says of its state."""
    judged = table.changes.judged if table.changes is not None else ()
    return tuple(getattr(row, name) for name in table.columns if name not in judged)


def _values_differ(one: Any, other: Any) -> bool:
    if isinstance(other, Json) and one is not None:
        return bool(exact_json.decode(one.encode()) != exact_json.decode(other.encode()))
    return bool(one != other)


class Candidates(NamedTuple):
    """The rows of a batch, of which each key is to be stored once."""

    last: Mapping[Any, Any]
    """Key to the row read last that no other is newer than."""
    twins: Mapping[Any, Sequence[Any]]
    """Keys of which that is only one of several different rows: all of these."""
    outdated: Sequence[Any]
    """Rows that a newer one of the batch replaces."""


def candidates(table: Table, rows: Sequence[Any]) -> Candidates:
    """Sort out the rows of a batch (any order) by their keys."""
    key = attrgetter(*table.key)
    last = {key(row): row for row in rows}
    if len(last) == len(rows):
        return Candidates(last, {}, ())
    current, outdated = _by_version(table, rows)
    groups: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in current:
        groups[key(row)].append(row)
    twins = {
        at: different
        for at, group in groups.items()
        if len(group) > 1 and len(different := _different(table, group)) > 1
    }
    return Candidates({key(row): row for row in current}, twins, outdated)


def _different(table: Table, rows: Sequence[Any]) -> list[Any]:
    """The last of the rows that say the same, for each thing that is said."""
    told = partial(_told, table) if table.changes is not None else _content
    return list({told(row): row for row in rows}.values())


def newer_than(table: Table) -> Callable[[Any, Any], bool]:
    """Returns whether the first of two rows of a key is known to be newer than the second."""
    if table.changes is not None:
        return table.changes.newer
    version = _version_of(table)

    def newer(one: Any, other: Any) -> bool:
        mine, its = version(one), version(other)
        return mine is not None and its is not None and bool(mine > its)

    return newer


def _version_of(table: Table) -> Callable[[Any], Any]:
    """Returns the version of a row, None where the exchange sent none."""
    return (lambda _row: None) if table.version is None else attrgetter(table.version)


def _by_version(table: Table, rows: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Rows that no other row with their key is newer than, and the older ones; order is kept."""
    if table.changes is not None:
        return _by_state(table, rows)
    if table.version is None:
        return list(rows), []
    key, version = attrgetter(*table.key), _version_of(table)
    greatest: dict[Any, Any] = {}
    for row in rows:
        if version(row) is not None:
            greatest[key(row)] = max(greatest.get(key(row), version(row)), version(row))
    current: list[Any] = []
    outdated: list[Any] = []
    for row in rows:
        newest = version(row) in (None, greatest.get(key(row)))
        (current if newest else outdated).append(row)
    return current, outdated


def _by_state(table: Table, rows: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """As `_by_version`, pair by pair: few states of a fact come together."""
    key, newer = attrgetter(*table.key), newer_than(table)
    states: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        states[key(row)].append(row)
    current: list[Any] = []
    outdated: list[Any] = []
    for group in states.values():
        latest = [row for row in group if not any(newer(other, row) for other in group)]
        # States that tell their age by different members may go round in circles.
        latest = latest or group[-1:]
        current += latest
        outdated += [row for row in group if not any(row is one for one in latest)]
    return current, outdated


def _content(row: Any) -> tuple[Any, ...]:
    """What a row says, however it is written: equal for two rows that do not differ."""
    return tuple(
        _frozen(exact_json.decode(value.encode())) if isinstance(value, Json) else value
        for value in row
    )


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return frozenset((name, _frozen(item)) for name, item in value.items())
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
