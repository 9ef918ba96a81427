"""The table of transitions at the top of `stream_state`, walked against the real state."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics import StreamMetrics, StreamSummary, stream_state
from exporter.model.errors import REASONS, Reason
from exporter.streams.balances import AVAILABLE, BALANCES
from tests.support.clocks import Clock

KEY = ("main", "balances")
SAMPLES = [AVAILABLE(1, "BTC")]
ELSE: tuple[Reason, ...] = tuple(r for r in REASONS if r not in ("auth", "permission", "database"))


class Row(NamedTuple):
    """What the table says of one event; None: no change."""

    freshness: dict[str, str | None]
    """After the event, by freshness before it."""
    restarts: frozenset[str]
    """The freshness before the event from which the age of the values restarts."""
    holds: frozenset[str]
    """The same for the time for which they are held."""
    flags: dict[str, bool | None]


def table() -> dict[str, Row]:
    """The table as data, by event. Fails when it is not where a reader expects it."""
    lines = (stream_state.__doc__ or "").splitlines()
    rule = next(n for n, line in enumerate(lines) if line.lstrip().startswith("------"))
    rows = {}
    at = lines[rule - 1].index("empty")
    for line in lines[rule + 1 : lines.index("", rule)]:
        event, cells = line[:at].strip(), line[at:].split()
        before = lines[rule - 1].split()[1:]
        marks = dict(zip(before, cells, strict=True))
        rows[event] = Row(
            {b: None if marks[b] == "-" else marks[b].rstrip("*+") for b in before[:4]},
            frozenset(b for b in before[:4] if marks[b].endswith("*")),
            frozenset(b for b in before[:4] if marks[b].endswith(("*", "+"))),
            {b: {"yes": True, "no": False, "-": None}[marks[b]] for b in before[4:]},
        )
    return rows


TABLE = table()


class Walk:
    """One stream to which the events of the table happen."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.held_at = 0.0
        self.metrics = StreamMetrics(
            [BALANCES], ["main"], intervals={}, now=self.clock.unix, monotonic=self.clock.monotonic
        )

    @property
    def summary(self) -> StreamSummary:
        (summary,) = self.metrics.summaries()
        return summary

    @property
    def exports_values(self) -> bool:
        return any(name == AVAILABLE.name for name, _ in self.metrics.chunks())

    def fail(self, *reasons: Reason) -> Callable[[int], None]:
        return lambda n: self.metrics.record_failure(*KEY, reasons[n % len(reasons)])

    def pass_until(self, at: float) -> None:
        """Let the time pass until just after ``at``; nothing, where there are no values."""
        if self.summary.age_seconds is not None and self.clock.at <= at:
            self.clock.at = at + 1

    def grow_older(self) -> None:
        """Until the values are older than two intervals."""
        summary = self.summary
        good_at = self.clock.at - (summary.age_seconds or 0)
        self.pass_until(good_at + 2 * summary.interval_seconds)

    def events(self) -> dict[str, Callable[[int], object]]:
        """How each row of the table happens; the number chooses among reasons."""
        metrics = self.metrics
        return {
            "record_success": lambda _: metrics.record_success(*KEY, SAMPLES),
            "show_samples": lambda _: metrics.show_samples(*KEY, SAMPLES),
            "record_failure": self.fail(*ELSE),
            "... auth, permission": self.fail("auth", "permission"),
            "... database": self.fail("database"),
            "mark_tried": lambda _: metrics.mark_tried(*KEY),
            "mark_standing_by": lambda _: metrics.mark_standing_by(*KEY),
            "record_backfill_error": lambda n: metrics.record_backfill_error(
                *KEY, REASONS[n % len(REASONS)]
            ),
            "replace_samples": lambda _: metrics.replace_samples(*KEY, SAMPLES),
            "older than 2 intervals": lambda _: self.grow_older(),
            "older than hold_s": lambda _: self.pass_until(
                self.held_at + self.summary.hold_seconds
            ),
        }


def test_every_event_of_the_table_can_happen() -> None:
    assert TABLE.keys() == Walk().events().keys()


@given(st.lists(st.tuples(st.sampled_from([*TABLE]), st.integers(0, 20)), max_size=40))
def test_the_state_moves_as_the_table_says(events: list[tuple[str, int]]) -> None:
    walk = Walk()
    for event, n in events:
        walk.clock.at += 1  # so that an age that restarts differs from one that does not
        before, row = walk.summary, TABLE[event]
        then = walk.clock.at
        walk.events()[event](n)
        after = walk.summary
        then_fresh = row.freshness[before.freshness] or before.freshness
        if then_fresh == "?":
            then_fresh = "fresh" if before.success else "held"
        assert after.freshness == then_fresh
        for flag, value in row.flags.items():
            expected = getattr(before, flag) if value is None else value
            assert getattr(after, flag) is expected, flag
        if before.freshness in row.holds:
            walk.held_at = then
        if before.freshness in row.restarts:
            assert after.age_seconds == 0
        elif after.freshness == "empty":
            assert after.age_seconds is None
        elif before.age_seconds is not None:
            assert after.age_seconds == before.age_seconds + walk.clock.at - then
        assert walk.exports_values is (after.freshness in ("fresh", "held"))
