"""What `/metrics` exports of every stream of every account.

A response is rendered to text once, when it arrives, and becomes visible by one assignment: a
scrape sees all of it or nothing. Whether its values are too stale to be exported is decided at
each scrape, not by a timer: a poll thread that died has its values withdrawn like one that failed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Lock

from exporter.metrics.catalogue import domain_metrics
from exporter.metrics.families import SYNC_FAMILIES
from exporter.metrics.recent_errors import ErrorRun, RecentErrors
from exporter.metrics.stream_state import (
    MeasuredCoverage,
    StreamState,
    StreamSummary,
    instant,
)
from exporter.metrics.text import RenderedSamples, Series, render_samples, sample_lines
from exporter.model.errors import Reason
from exporter.model.stream import PUBLIC_ACCOUNT, Metric, Sample, Stream

_logger = logging.getLogger(__name__)

Key = tuple[str, str]
"""Account name and stream name."""


class StreamMetrics:
    """The state of every stream of every account. Safe to use from any thread.

    ``streams``: a private one exists once for each of ``accounts`` that it is ``read`` of, a public
    one once, under account `public`. ``intervals``: poll interval by stream name, where it differs
    from the stream's default. ``now``: wall clock in Unix seconds; ``monotonic``: seconds of a
    clock that never goes back, preferably one that goes on while the machine is suspended. Raises
    ValueError when the streams' metrics are invalid or clash, or an account's name is taken.
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        accounts: Sequence[str],
        *,
        read: Callable[[str, str], bool] = lambda _account, _stream: True,
        intervals: Mapping[str, timedelta],
        now: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        if PUBLIC_ACCOUNT in accounts or len(set(accounts)) < len(accounts):
            raise ValueError(f"account names must be unique, and none may be {PUBLIC_ACCOUNT!r}")
        self.families: tuple[Metric, ...] = (*SYNC_FAMILIES, *domain_metrics(streams).values())
        self._now = now
        self._monotonic = monotonic
        self._lock = Lock()
        self._recent = RecentErrors()
        self._declared_streams = {stream.name: stream for stream in streams}
        self._intervals = intervals
        self._streams: dict[Key, Stream] = {}
        self._states: dict[Key, StreamState] = {}
        """Both are replaced as a whole when accounts come and go: a scrape goes on with the old."""
        self._left: frozenset[Key] = frozenset()
        """Of accounts that are not read any more; a pass in flight may still report on them."""
        self._declared = {s.name: {m.name: m for m in s.metrics} for s in streams}
        names = [name for declared in self._declared.values() for name in declared]
        self._shared = frozenset(name for name in names if names.count(name) > 1)
        names_of = {a: [s.name for s in streams if read(a, s.name)] for a in accounts}
        names_of[PUBLIC_ACCOUNT] = [s.name for s in streams if read(PUBLIC_ACCOUNT, s.name)]
        self.set_accounts(names_of)

    def set_accounts(self, chosen: Mapping[str, Collection[str]]) -> None:
        """Export the ``chosen`` streams of each account, and nothing of any other account.

        What is exported already stays as it is. What is withdrawn here begins anew when it is back.
        """
        found = {
            (account, stream.name): stream
            for stream in self._declared_streams.values()
            for account, names in chosen.items()
            if stream.public == (account == PUBLIC_ACCOUNT) and stream.name in names
        }
        with self._lock:
            self._left = (self._left | self._streams.keys()) - found.keys()
            for account in {account for account, _ in self._left} - chosen.keys():
                self._recent.forget(account)
            known = self._states
            self._states = {key: known.get(key) or self._new(key, s) for key, s in found.items()}
            self._streams = found

    def _new(self, key: Key, stream: Stream) -> StreamState:
        return StreamState(
            *key,
            self._intervals.get(stream.name, stream.interval).total_seconds(),
            backfilled=stream.backfilled,
            partitioned=stream.partitioned,
        )

    @property
    def keys(self) -> tuple[Key, ...]:
        """Every (account, stream). The methods below raise KeyError for one that never was among
        them, and ignore one that was withdrawn."""
        return tuple(self._streams)

    def record_success(self, account: str, stream: str, samples: Iterable[Sample] | None) -> bool:
        """Record a complete, good response: ``samples`` replace all exported ones of the stream.

        None: the pass changed nothing, so the exported samples stay, and are fresh again. Returns
        False when the samples cannot be rendered: the pass then counts as failed with reason
        `internal`.
        """
        key = (account, stream)
        if key in self._left:
            return True
        try:
            rendered = None if samples is None else self._render(key, samples)
        except Exception:
            context = {"account": account, "stream": stream}
            _logger.exception("bug: could not render the samples", extra=context)
            self.record_failure(account, stream, "internal")
            return False
        with self._lock:
            if key not in self._left:
                self._recent.end_runs(account, stream)
                state = self._states[key].record_success(self._monotonic(), self._now())
                self._states[key] = state if rendered is None else self._exporting(state, rendered)
        return True

    def replace_samples(self, account: str, stream: str, samples: Iterable[Sample]) -> None:
        """Replace the exported samples after a backfill: their age stays that of the last poll.

        Nothing happens before the first successful poll. Raises ValueError or TypeError when the
        samples cannot be rendered.
        """
        key = (account, stream)
        if key in self._left:
            return
        rendered = self._render(key, samples)
        self._change(
            key,
            lambda state: state if state.good_at is None else self._exporting(state, rendered),
        )

    def show_samples(self, account: str, stream: str, samples: Iterable[Sample]) -> None:
        """Export new values from within a pass that is not over: their age starts now.

        Whether the pass succeeds is not known yet. Raises ValueError or TypeError when the samples
        cannot be rendered.
        """
        key = (account, stream)
        if key in self._left:
            return
        rendered = self._render(key, samples)
        self._change(
            key, lambda state: self._exporting(state.show_samples(self._monotonic()), rendered)
        )

    def record_failure(self, account: str, stream: str, reason: Reason) -> None:
        """Record a pass without a complete, good response: values stay until they are too old.

        Their age restarts with reason `database`: Postgres being down changes no domain series.
        """
        now = self._now()

        def fail(state: StreamState) -> StreamState:
            self._recent.add(account, stream, "poll", reason, instant(now))
            return state.record_failure(reason, self._monotonic(), now)

        self._change((account, stream), fail)

    def mark_tried(self, account: str, stream: str) -> None:
        """The stream had its turn, but something else must come first: it sent no request."""
        self._change((account, stream), StreamState.mark_tried)

    def mark_standing_by(self, account: str, stream: str) -> None:
        """Another process reads the stream and exports it: this one exports no value of it."""
        self._change((account, stream), StreamState.mark_standing_by)

    def record_backfill_error(self, account: str, stream: str, reason: Reason) -> None:
        """Count a failed backfill request; it says nothing about the polls."""

        def fail(state: StreamState) -> StreamState:
            self._recent.add(account, stream, "backfill", reason, instant(self._now()))
            return state.record_backfill_error(reason)

        self._change((account, stream), fail)

    def record_coverage(
        self,
        account: str,
        stream: str,
        *,
        lag_s: float | None,
        gap_s: float | None,
        progress_ratio: float | None,
        scopes_refused: int | None = None,
    ) -> None:
        """How much history is proven complete now; None: not known. The lag grows by itself."""
        at = self._monotonic()
        coverage = MeasuredCoverage(lag_s, gap_s, progress_ratio, at, scopes_refused)
        self._change((account, stream), lambda state: replace(state, coverage=coverage))

    def _change(self, key: Key, change: Callable[[StreamState], StreamState]) -> None:
        """Replace the state of a stream, unless it was withdrawn. Raises KeyError."""
        with self._lock:
            if key not in self._left:
                self._states[key] = change(self._states[key])

    def summaries(self) -> list[StreamSummary]:
        """Every stream of every account, as of now."""
        at = self._monotonic()
        return [state.summary(at) for state in self._states.values()]

    def untried(self) -> list[Key]:
        """Those that have had no turn yet: asked often while a process with many starts."""
        return [key for key, state in self._states.items() if not state.tried]

    def errors(self) -> list[ErrorRun]:
        """The most recent failures, newest first; consecutive ones are one run."""
        with self._lock:
            return self._recent.latest()

    def chunks(self) -> Iterator[tuple[str, bytes]]:
        """Pairs of family name and sample lines, as of now; one pair or none for each account."""
        at = self._monotonic()
        merged: dict[str, Series] = {}
        for state in self._states.values():
            yield from state.sync_chunks(at)
            if not state.exported(at):
                continue
            yield from state.chunks.items()
            for name, series in state.shared.items():
                first = merged.setdefault(name, {})
                first.update({line: series[line] for line in series if line not in first})
        for name, series in merged.items():
            yield name, sample_lines(series)

    def _render(self, key: Key, samples: Iterable[Sample]) -> RenderedSamples:
        stream = self._declared_streams[key[1]]
        account = None if stream.public else key[0]
        return render_samples(samples, self._declared[stream.name], account)

    def _exporting(self, state: StreamState, rendered: RenderedSamples) -> StreamState:
        """``state`` with new samples; counts series that other streams export already."""
        own = {n: s for n, s in rendered.families.items() if n not in self._shared}
        shared = {n: s for n, s in rendered.families.items() if n in self._shared}
        twice = self._exported_twice((state.account, state.stream), shared) if shared else 0
        return state.replace_samples(own, shared, rendered.duplicates + twice)

    def _exported_twice(self, key: Key, shared: Mapping[str, Series]) -> int:
        others = [other.shared for k, other in self._states.items() if k != key and other.shared]
        return sum(
            len(series.keys() & other.get(name, {}).keys())
            for name, series in shared.items()
            for other in others
        )
