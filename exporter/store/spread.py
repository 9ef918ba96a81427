"""How the accounts spread evenly over processes, without anybody who decides for all.

Each process looks at who holds what. It takes its share of what is free, and asks the one that
holds most for some while that has at least two more; who is asked gives back. So a difference of
one stays as it is, and nothing moves to and fro. A process sees only the accounts that it is
configured for, so processes whose accounts differ spread those that they have in common.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import inf

SETTLED_S = 3.0
"""How long a process has looked before it asks for anything: one that ends as soon as it has
started would take accounts with it."""
PATIENCE_S = 3.0
"""What is free for so long is taken by whoever sees it: those whose share it was did not come."""


@dataclass
class Spread:
    """What one process takes and asks for; at most ``most`` accounts. ``now`` is steady seconds.

    ``settled_s``: how long it has looked before it asks; with infinity it never does.
    """

    most: float = inf
    settled_s: float = SETTLED_S
    _began: float | None = None
    _free_since: dict[str, float] = field(default_factory=dict)

    def to_take(
        self,
        free: Collection[str],
        first: Collection[str],
        reserved: Collection[str],
        held: Mapping[str, str],
        mine: int,
        now: float,
    ) -> list[str]:
        """Which of the ``free`` leases to take now, by their keys, in their order.

        ``first`` of all: this process has asked for them, or reads the account already; not those
        that are ``reserved`` for another process that has asked. ``held``: the holders of all other
        leases of the same accounts. ``mine``: how many this process holds.
        """
        self.note_free(free, now)
        holders = Counter(held.values())
        share = -(-(mine + len(free) + len(held)) // (1 + len(holders)))
        due = [key for key in free if now - self._free_since[key] >= PATIENCE_S]
        ours = [key for key in first if key in self._free_since]
        others = [key for key in sorted(free) if key not in {*ours, *reserved}]
        taken = dict.fromkeys([*ours, *others[: max(int(share) - mine - len(ours), 0)], *due])
        room = max(self.most - mine, 0)
        return sorted(list(taken)[: int(min(room, len(taken)))])

    def note_free(self, free: Collection[str], now: float = inf) -> None:
        """These leases, and no others, are free ``now``."""
        self._free_since = {key: self._free_since.get(key, now) for key in free}

    def to_request(self, held: Mapping[str, str], mine: int, now: float) -> list[str]:
        """Which leases to ask for, by their keys. ``held``: who holds them, or has asked for them.

        ``mine``: how many this process holds or has asked for.
        """
        self._began = now if self._began is None else self._began
        if not now - self._began >= self.settled_s:
            return []
        by_holder: dict[str, list[str]] = {}
        for key in sorted(held):
            by_holder.setdefault(held[key], []).append(key)
        wanted: list[str] = []
        while by_holder and mine + len(wanted) < self.most:
            greatest = max(by_holder.values(), key=len)
            if len(greatest) - mine - len(wanted) < 2:
                break
            wanted.append(greatest.pop())
        return wanted
