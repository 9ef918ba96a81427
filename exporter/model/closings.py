"""Two more kinds of streams: facts that are listed once they have ended, and details of these."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from exporter.model.envelope import Envelope
from exporter.model.stream import History, Stream


@dataclass(frozen=True, kw_only=True)
class Closings(History):
    """Facts that are listed by the instant at which they began, and only once they have ended.

    ``instant`` is the column of the beginning, null where the exchange does not tell it: then only
    the explicit end of a walk proves its window. A proven range says "of what began in it, all that
    had ended by the time of the walk"; `exporter.sync.closings` reads it again when something that
    began in it may have ended since.
    """

    kind = "closings"
    ordered = False
    may_gain_facts = True
    seen_open_in: str
    """The snapshot stream that lists what has not ended yet."""

    @property
    def requires(self) -> tuple[str, ...]:
        """Without the open ones, everything would have to be read again in each pass."""
        return (self.seen_open_in,)


@dataclass(frozen=True, kw_only=True)
class Follower(Stream):
    """Details of the facts of another stream: read once for each, and again when it changed.

    ``path`` has a ``{}`` in place of the fact's id, which is the first column of ``table``'s key
    and the tag of each record (`Source`).
    """

    follows: str
    """The stream whose facts it is read for."""
    instant: str
    """The column of the instant of a detail."""
    completes: Closings | None = None
    """The stream that it follows, if the details tell what is missing in its facts."""
    kind = "follower"
    requires_database = True
    stands_alone = False
    most_requests: ClassVar[int] = 60
    """Of one pass: a backlog must leave the budget to others."""

    @property
    def requires(self) -> tuple[str, ...]:
        """The stream that it follows."""
        return (self.follows,)

    @property
    def requests_per_pass(self) -> int:
        """None while there is nothing new."""
        return 0

    def of(self, identity: str) -> Follower:
        """The stream as it reads the details of one fact: its records are tagged with the id."""

        def unwrap(body: bytes) -> Envelope:
            envelope = self.unwrap(body)
            records = [record._replace(tag=identity) for record in envelope.records]
            return envelope._replace(records=records)

        return replace(self, unwrap=unwrap)
