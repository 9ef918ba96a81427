"""Failures in a row: logged at once, then less and less often."""

from __future__ import annotations

from collections.abc import Hashable


class FailureStreaks:
    """Counts failures in a row, by key. One thread at a time may use a key.

    An outage of hours then leaves a dozen log lines for each stream instead of thousands;
    `/metrics` shows the current state at any time.
    """

    def __init__(self) -> None:
        self._streaks: dict[Hashable, tuple[str, int]] = {}

    def failed(self, key: Hashable, reason: str) -> tuple[int, bool]:
        """Failures in a row for ``reason``, and whether to log this one: the 1st, 2nd, 4th, ..."""
        before, count = self._streaks.get(key, (reason, 0))
        count = count + 1 if before == reason else 1
        self._streaks[key] = (reason, count)
        return count, count & (count - 1) == 0

    def end(self, key: Hashable) -> int:
        """It succeeded: how many failures in a row that ends; 0 for none."""
        return self._streaks.pop(key, ("", 0))[1]
