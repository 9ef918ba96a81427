"""When the lease of another process may be taken over.

What counts is what this process has seen: a lease that is renewed changes, and one that did not
change for long enough while this process looked has lost its holder. No clock is compared, neither
that of Postgres nor that of another machine, so one that steps moves no account. That the
connection which renewed it last is gone shortens the wait, and does not end it: a proxy that
restarts, a failover or an administrator cuts connections of a holder that lives, which needs a
moment to renew over a new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

EXPIRY_S = 20.0
"""A lease that was not renewed for so long is free. Holders renew four times as often; together
with what the others need to notice and to begin, an account moves within 30 s."""
GRACE_S = 10.0
"""The same when the connection that renewed it last is gone."""
_LONGEST_LOOK_S = 2.0
"""What the time between two looks counts at most: this process may have been suspended."""


class Seen(NamedTuple):
    """The lease of another process, as it is in Postgres now."""

    version: str
    """Differs after each renewal."""
    released: bool
    """Its holder has given it back, or is known to have ended."""
    gone: bool
    """The connection that renewed it last is gone."""
    age_s: float
    """Since it was renewed last, by the clock of Postgres."""


@dataclass
class _Watched:
    version: str
    looked_at: float
    unchanged_s: float = 0.0


class Watch:
    """Looks at the leases of other processes, again and again. ``now`` is monotonic seconds."""

    def __init__(self) -> None:
        self._watched: dict[str, _Watched] = {}
        self._first: dict[str, str] = {}
        """The version with which each lease was met; empty once Postgres was away meanwhile."""

    def is_free(self, account_id: str, seen: Seen, now: float) -> bool:
        """Whether a lease may be taken over, after this look at it.

        A process that has just started, and sees no sign of a holder but the row that it left, does
        not wait for a holder that ended long ago.
        """
        if seen.released:
            return True
        untouched = self._first.setdefault(account_id, seen.version) == seen.version
        if untouched and seen.gone and seen.age_s > GRACE_S:
            return True
        watched = self._watched.get(account_id)
        if watched is None or watched.version != seen.version:
            self._watched[account_id] = _Watched(seen.version, now)
            return False
        watched.unchanged_s += min(max(now - watched.looked_at, 0.0), _LONGEST_LOOK_S)
        watched.looked_at = now
        return watched.unchanged_s >= (GRACE_S if seen.gone else EXPIRY_S)

    def interrupt(self) -> None:
        """Postgres could not be asked: nor could holders renew, so every wait begins anew."""
        self._watched.clear()
        self._first = dict.fromkeys(self._first, "")
