"""Who holds which lease, as Postgres said last; and the names under which leases are kept."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from exporter.store.lease import Lease

_log = logging.getLogger("exporter.store.leases")
_MOST_NAMED = 4
_CLAIMS = uuid.UUID("b6a1c1a8-5f0e-4f53-9d0c-3d4f1c8f5e20")

LeaseState = Literal["unknown", "held", "elsewhere"]
"""``unknown``: Postgres has not answered yet. ``held``: by this process. ``elsewhere``: by another
one."""


def claim_of(name: str) -> str:
    """The id under which an account is leased by its name, until its own id is known."""
    return str(uuid.uuid5(_CLAIMS, name))


@dataclass(frozen=True)
class View:
    """What Postgres said last. Replaced as a whole, so that readers need no lock."""

    ids: Mapping[str, str | None]
    """By name; None where Postgres knows no account of the name yet."""
    held: Mapping[str, Lease] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()
    leaving: frozenset[str] = frozenset()
    """Held still, for what is under way, and about to be given to another process."""

    def key(self, account: str) -> str:
        """What the lease of an account is kept under."""
        return self.ids.get(account) or claim_of(account)

    def state(self, account: str) -> LeaseState:
        """Who holds the lease of an account, by its name."""
        key = self.key(account)
        if key in self.elsewhere or key in self.leaving:
            return "elsewhere"
        return "held" if key in self.held else "unknown"

    def states(self) -> dict[str, LeaseState]:
        """The same of every account."""
        return {account: self.state(account) for account in self.ids}


def tell(before: View, view: View) -> None:
    """Log what has changed: one line, however many accounts it concerns."""
    names = {key: name for name in view.ids for key in (claim_of(name), view.key(name))}
    gone = (before.held.keys() & view.elsewhere) - view.held.keys()
    given = gone & before.leaving
    if given:
        _log.info("gave to a process with fewer accounts: the lease of %s", _listed(given, names))
    lost = gone - given
    if lost:
        _log.warning("lost to another process: the lease of %s", _listed(lost, names))
    gained = before.elsewhere & view.held.keys()
    if gained:
        _log.info("took over the lease of %s", _listed(gained, names))
    new = view.elsewhere - before.elsewhere - before.held.keys()
    if new:
        _log.info("standing by: another process has the lease of %s", _listed(new, names))


def _listed(keys: Collection[str], names: Mapping[str, str]) -> str:
    """A few accounts by name, many by their number."""
    if len(keys) > _MOST_NAMED:
        return f"{len(keys)} accounts"
    return ", ".join(sorted(names.get(key, key) for key in keys))
