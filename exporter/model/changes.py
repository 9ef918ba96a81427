"""How the facts of a table go on changing, where that is their nature. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Changes:
    """The states of one fact: which is newer, and what they may not do.

    A newer state replaces an older one, and is no issue. An older one never replaces anything.
    """

    newer: Callable[[Any, Any], bool]
    """Whether the first of two rows of a key is newer than the second; where neither is, the one
    read last counts."""
    contradiction: Callable[[Any, Any], str]
    """How the second row, which is newer, contradicts the first: the kind of an issue, else ''."""
    judged: frozenset[str]
    """Columns that say nothing about the state as sent: they make no difference between rows."""
    more: Callable[[Any, Any], Any] = lambda _stored, _read: None
    """What replaces a stored row, without an issue, when one is read that tells the same state, but
    whose record holds more than that; None: nothing does."""
