"""What `/metrics` shows of every stream of every account.

An answer is written to text once, when it arrives, and becomes visible by one assignment: a scrape
sees all of it or nothing. Whether it is still young enough to be shown is worked out at each
scrape, not by a timer, so a thread that died withdraws its values like one that failed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Lock

from exporter.metrics.catalogue import domain
from exporter.metrics.families import SYNC_FAMILIES
from exporter.metrics.recent_errors import ErrorRun, RecentErrors
from exporter.metrics.stream_state import MeasuredCoverage, StreamState, StreamSummary
from exporter.metrics.text import RenderedSamples, Series, lines, write
from exporter.model.errors import Reason
from exporter.model.stream import PUBLIC_ACCOUNT, Metric, Sample, Stream

_logger = logging.getLogger(__name__)

Key = tuple[str, str]
"""Account name and stream name."""


class StreamMetrics:
    """The state of every stream of every account. Safe to use from any thread.

    ``streams``: those to be shown; a private one exists for each of ``accounts``, a public one
    once, under account `public`. ``intervals``: how often each is asked, by name, where that is
    not the stream's default. ``now``: wall clock in Unix seconds; ``monotonic``: a clock that
    never goes back, best one that counts a suspended machine's time too. Raises ValueError when
    the streams declare metrics that cannot be shown together.
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        accounts: Sequence[str],
        *,
        intervals: Mapping[str, timedelta],
        now: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        if PUBLIC_ACCOUNT in accounts or len(set(accounts)) < len(accounts):
            raise ValueError(f"account names must be unique, and none may be {PUBLIC_ACCOUNT!r}")
        self.families: tuple[Metric, ...] = (*SYNC_FAMILIES, *domain(streams).values())
        self._now = now
        self._monotonic = monotonic
        self._lock = Lock()
        self._recent = RecentErrors()
        self._streams = {
            (account, stream.name): stream
            for stream in streams
            for account in ((PUBLIC_ACCOUNT,) if stream.public else accounts)
        }
        self._declared = {s.name: {m.name: m for m in s.metrics} for s in streams}
        shown_by = [name for declared in self._declared.values() for name in declared]
        self._shared = frozenset(name for name in shown_by if shown_by.count(name) > 1)
        self._states = {
            (account, name): StreamState(
                account,
                name,
                intervals.get(name, stream.interval).total_seconds(),
                backfilled=stream.backfilled,
            )
            for (account, name), stream in self._streams.items()
        }

    @property
    def keys(self) -> tuple[Key, ...]:
        """Every (account, stream); the methods below raise KeyError for any other."""
        return tuple(self._streams)

    def record_success(self, account: str, stream: str, samples: Iterable[Sample] | None) -> bool:
        """A complete, good answer: ``samples`` replace all that the stream shows of the account.

        None: the pass changed nothing; what is shown stays and is young again. Returns False when
        the samples cannot be shown: the pass then counts as failed with reason `internal`.
        """
        key = (account, stream)
        owner = None if self._streams[key].public else account
        try:
            written = None if samples is None else write(samples, self._declared[stream], owner)
        except Exception:
            told = {"account": account, "stream": stream}
            _logger.exception("the samples cannot be shown", extra=told)
            self.record_failure(account, stream, "internal")
            return False
        with self._lock:
            self._recent.over(account, stream)
            state = self._states[key].succeeded(self._monotonic(), self._now())
            self._states[key] = state if written is None else self._with(state, written)
        return True

    def replace_samples(self, account: str, stream: str, samples: Iterable[Sample]) -> None:
        """What is shown changed without a poll (a backfill): nothing becomes younger by it.

        A stream that shows nothing goes on showing nothing.
        """
        key = (account, stream)
        owner = None if self._streams[key].public else account
        written = write(samples, self._declared[stream], owner)
        with self._lock:
            if self._states[key].good_at is not None:
                self._states[key] = self._with(self._states[key], written)

    def record_failure(self, account: str, stream: str, reason: Reason) -> None:
        """A pass without a complete, good answer: the shown values stay until they are too old.

        With `database` they may stay longer: Postgres being down changes no domain series.
        """
        with self._lock:
            key, now = (account, stream), self._now()
            self._states[key] = self._states[key].failed(reason, self._monotonic(), now)
            self._recent.add(account, stream, "poll", reason, now)

    def mark_tried(self, account: str, stream: str) -> None:
        """The stream had its turn and could not even ask yet: nothing changes but that."""
        with self._lock:
            key = (account, stream)
            self._states[key] = self._states[key].waited()

    def record_backfill_error(self, account: str, stream: str, reason: Reason) -> None:
        """A request of the backfill lane failed: it is counted, and says nothing of the polls."""
        with self._lock:
            key = (account, stream)
            self._states[key] = self._states[key].erred(reason)
            self._recent.add(account, stream, "backfill", reason, self._now())

    def record_coverage(
        self,
        account: str,
        stream: str,
        *,
        lag_s: float | None,
        gap_s: float | None,
        progress_ratio: float | None,
    ) -> None:
        """How much history is proven complete now; None is not shown. The lag grows by itself."""
        with self._lock:
            key = (account, stream)
            found = MeasuredCoverage(lag_s, gap_s, progress_ratio, self._monotonic())
            self._states[key] = replace(self._states[key], coverage=found)

    def summaries(self) -> list[StreamSummary]:
        """Every stream of every account, as of now."""
        at = self._monotonic()
        return [state.summary(at) for state in self._states.values()]

    def errors(self) -> list[ErrorRun]:
        """The failures that were counted last, newest first; those in a row are one."""
        with self._lock:
            return self._recent.latest()

    def chunks(self) -> Iterator[tuple[str, bytes]]:
        """Family names with sample lines, as of now. A family comes once for each account."""
        at = self._monotonic()
        merged: dict[str, Series] = {}
        for state in self._states.values():
            yield from state.own_chunks(at)
            if not state.shown(at):
                continue
            yield from state.chunks.items()
            for name, series in state.shared.items():
                first = merged.setdefault(name, {})
                first.update({line: series[line] for line in series if line not in first})
        for name, series in merged.items():
            yield name, lines(series)

    def _with(self, state: StreamState, written: RenderedSamples) -> StreamState:
        """``state`` showing the answer; counts what other streams show already."""
        shared = {name: s for name, s in written.families.items() if name in self._shared}
        key = (state.account, state.stream)
        others = [other.shared for k, other in self._states.items() if k != key]
        twice = sum(
            len(series.keys() & other.get(name, {}).keys())
            for name, series in shared.items()
            for other in others
        )
        return replace(
            state,
            chunks={n: lines(s) for n, s in written.families.items() if n not in shared},
            shared=shared,
            duplicates=state.duplicates + written.duplicates + twice,
        )
