"""Everything behind `/metrics`, created together."""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta

from exporter._version import __version__, revision
from exporter.metrics.exposition import Exposition
from exporter.metrics.instrumentation import Instrumentation
from exporter.metrics.service_metrics import ServiceMetrics
from exporter.metrics.stream_metrics import StreamMetrics
from exporter.model.stream import PUBLIC_ACCOUNT, Stream


class Metrics:
    """The metrics of one process, for ``streams`` of ``accounts`` (names, without `public`).

    ``read``: whether a stream is read of an account; by default all are. ``intervals``: poll
    interval by stream name, where it differs from the stream's default.
    ``now``: wall clock in Unix seconds; ``monotonic``: seconds of a clock that never goes back,
    preferably one that goes on while the machine is suspended.
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
        self.streams = StreamMetrics(
            streams, accounts, read=read, intervals=intervals, now=now, monotonic=monotonic
        )
        """The exported values of each stream, and the state of its sync."""
        self.service = ServiceMetrics(now=now, monotonic=monotonic)
        """The process and what it depends on."""
        self.instrumentation = Instrumentation(
            self.streams.keys,
            accounts=[PUBLIC_ACCOUNT, *accounts],
            version=__version__,
            revision=revision(),
            python=platform.python_version(),
        )
        """Durations, requests and rows, measured while work is done."""
        exposition = Exposition(self.streams, self.service, self.instrumentation)
        self.render = exposition.render
        """Body and headers of a scrape, as of now: see `Exposition.render`."""
        self.scrape = exposition.scrape
        """The same, shared by the scrapes of a moment: see `Exposition.scrape`."""

    def set_accounts(self, chosen: Mapping[str, Collection[str]]) -> None:
        """Export the ``chosen`` streams of each account, `public` included, and no other account.

        What is exported stays as it is; what is withdrawn begins anew when it is back. What a pass
        in flight still reports of a withdrawn account is ignored; calling this once more after its
        end leaves no trace of it.
        """
        self.streams.set_accounts(chosen)
        self.service.set_accounts(frozenset(chosen))
        self.instrumentation.set_accounts(self.streams.keys, frozenset(chosen))
