"""Make many named tuples of one kind, without a call into Python for each."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, TypeVar

Kind = TypeVar("Kind", bound=tuple[Any, ...])


def named(kind: type[Kind], values: Iterable[tuple[Any, ...]]) -> list[Kind]:
    """As ``kind(*each)`` of each of ``values``, which must hold a value for every field."""
    return list(map(partial(tuple.__new__, kind), values))
