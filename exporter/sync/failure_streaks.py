"""Failures that repeat themselves: told at once, then less and less often."""

from __future__ import annotations

from collections.abc import Hashable


class FailureStreaks:
    """Counts the failures of each thing in a row. Each thing belongs to one thread at a time.

    An outage of hours is then a dozen lines for each stream instead of thousands; `/metrics` says
    at any time how it stands.
    """

    def __init__(self) -> None:
        self._seen: dict[Hashable, tuple[str, int]] = {}

    def failed(self, what: Hashable, why: str) -> tuple[int, bool]:
        """How often in a row for the same reason, and whether to say so: the 1st, 2nd, 4th, ..."""
        before, count = self._seen.get(what, (why, 0))
        count = count + 1 if before == why else 1
        self._seen[what] = (why, count)
        return count, count & (count - 1) == 0

    def over(self, what: Hashable) -> int:
        """It went well: how often it had failed last; 0 when there is nothing to tell."""
        return self._seen.pop(what, ("", 0))[1]
