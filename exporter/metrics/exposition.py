"""The body of `/metrics`: all families in either format, compressed if the client accepts it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from prometheus_client.exposition import choose_encoder

from exporter.metrics.compression import Gzip
from exporter.metrics.families import MOVING
from exporter.metrics.instrumentation import Instrumentation
from exporter.metrics.negotiation import accepts_gzip, prefers_openmetrics
from exporter.metrics.service_metrics import ServiceMetrics
from exporter.metrics.stream_metrics import StreamMetrics
from exporter.metrics.text import FamilyHeader, family_header
from exporter.model.stream import Metric
from exporter.shared import Shared

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Headers = list[tuple[str, str]]


class _Variant(NamedTuple):
    """What a scraper can choose."""

    openmetrics: bool
    compressed: bool


class Exposition:
    """Joins the sample lines of streams and service with what was measured."""

    def __init__(
        self,
        stream_metrics: StreamMetrics,
        service_metrics: ServiceMetrics,
        instrumentation: Instrumentation,
    ) -> None:
        self._sources = (stream_metrics, service_metrics)
        self._measured = instrumentation
        families = sorted([*stream_metrics.families, *service_metrics.families])
        self._steady = _headers(metric for metric in families if metric not in MOVING)
        self._moving = _headers(metric for metric in families if metric in MOVING)
        self._write_text, _ = choose_encoder("")
        self._write_openmetrics, _ = choose_encoder(OPENMETRICS)
        self._gzip = {openmetrics: Gzip() for openmetrics in (False, True)}
        self._shared = Shared(self._render)

    def render(self, accept: str, accept_encoding: str) -> tuple[bytes, Headers]:
        """Body and HTTP headers for a scrape with these Accept and Accept-Encoding headers."""
        return self._render(_variant(accept, accept_encoding))

    def scrape(self, accept: str, accept_encoding: str) -> tuple[bytes, Headers]:
        """The same, shared with other scrapes of this moment."""
        return self._shared.get(_variant(accept, accept_encoding))

    def _render(self, variant: _Variant) -> tuple[bytes, Headers]:
        parts = list(self._parts(variant.openmetrics))
        headers = [
            ("Content-Type", OPENMETRICS if variant.openmetrics else TEXT),
            ("Vary", "Accept, Accept-Encoding"),
        ]
        if variant.compressed:
            headers.append(("Content-Encoding", "gzip"))
            return self._gzip[variant.openmetrics].compress(parts), headers
        return b"".join(parts), headers

    def _parts(self, openmetrics: bool) -> Iterator[bytes]:
        """Families, each whole: HELP and TYPE once, then the lines of all accounts.

        By name, but what is another at each scrape comes last: see `Gzip`.
        """
        chunks = defaultdict[str, list[bytes]](list)
        for source in self._sources:
            for name, chunk in source.chunks():
                chunks[name].append(chunk)
        for header, chunk in (
            *_families(self._steady, chunks),
            *self._measured.families(),
            *_families(self._moving, chunks),
        ):
            yield header.openmetrics if openmetrics else header.text
            yield chunk
        # The library's part ends the body: in OpenMetrics with `# EOF`.
        write = self._write_openmetrics if openmetrics else self._write_text
        yield write(self._measured.registry)


def _headers(metrics: Iterable[Metric]) -> dict[str, FamilyHeader]:
    return {metric.name: family_header(metric) for metric in metrics}


def _families(
    headers: Mapping[str, FamilyHeader], chunks: Mapping[str, Sequence[bytes]]
) -> Iterator[tuple[FamilyHeader, bytes]]:
    """Those that have any samples."""
    for name, header in headers.items():
        of_accounts = chunks.get(name, ())
        if any(of_accounts):
            # Of one account the very object of the last scrape; of many, not one by one.
            yield header, of_accounts[0] if len(of_accounts) == 1 else b"".join(of_accounts)


def _variant(accept: str, accept_encoding: str) -> _Variant:
    return _Variant(prefers_openmetrics(accept), accepts_gzip(accept_encoding))
