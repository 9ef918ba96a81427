"""A history whose facts go on changing, and of which the exchange lists those that still may."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar, NamedTuple

from exporter.model.envelope import Envelope
from exporter.model.stream import History, Metric, Sample


class Embedded(NamedTuple):
    """Records of another stream that stand inside of each record."""

    stream: History
    """Whose rows they are; its own list remains what proves its history."""
    records: Callable[[str], Sequence[bytes]]
    """The records inside of a raw record. Raises BadRecord."""
    differ: Callable[[Any, Any], bool]
    """Whether a stored row and an embedded one contradict each other; what one does not tell is no
    contradiction."""


@dataclass(frozen=True, kw_only=True)
class LiveHistory(History):
    """A history with a list of its open facts: those that are not settled yet.

    Windows tell what is settled. An open fact may be older than any window, so the list of open
    ones is read as a whole in each pass, and what left it is read once more by itself.

    Its ``parameters`` are those of windows: without any, and without a window, the exchange sends
    the open ones. Its row type has the columns ``is_open`` and ``status``.
    """

    one: Callable[[bytes], Envelope]
    """Takes the response of ``path/KEY``, a single fact, apart."""
    answers_for: timedelta
    """How long the exchange responds to a request for a single fact."""
    open_statuses: frozenset[str]
    """Values of ``status`` that mean open."""
    open_samples: Callable[[Sequence[Any]], Iterable[Sample]]
    """The gauges of a complete list of open facts; a series that is not yielded any more is 0."""
    zeroed: frozenset[str]
    """The names of those gauges that are 0, not absent, once their series has existed."""
    unknown: Metric
    """Gauge of the facts that left the list and could not be found."""
    embedded: Embedded
    settled: ClassVar[Mapping[str, str]] = {"is_open": "false"}
    requires_database = False
    """Without one, the open list is shown, and nothing is kept."""

    @property
    def single(self) -> LiveHistory:
        """The same, as a response to a request for a single fact is read."""
        return replace(self, unwrap=self.one)

    @property
    def smallest_request(self) -> Mapping[str, str]:
        """One row of the open list."""
        return {self.paging.size_param: "1"}

    @property
    def requests_per_pass(self) -> int:
        """The open list and the newest window."""
        return 1 + super().requests_per_pass
