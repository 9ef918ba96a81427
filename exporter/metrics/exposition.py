"""The body of `/metrics`: all families in either format, compressed if the client can read it."""

from __future__ import annotations

import gzip
from typing import Final

from prometheus_client.exposition import choose_encoder

from exporter.metrics.instrumentation import Instrumentation
from exporter.metrics.negotiation import accepts_gzip, prefers_openmetrics
from exporter.metrics.service_metrics import ServiceMetrics
from exporter.metrics.stream_metrics import StreamMetrics
from exporter.metrics.text import head

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

# Level 1 takes a seventh of the time of level 9, for a body that is a little larger.
_GZIP_LEVEL = 1


class Exposition:
    """Joins what the board and the vitals have written with what the instruments measured."""

    def __init__(
        self,
        stream_metrics: StreamMetrics,
        service_metrics: ServiceMetrics,
        instruments: Instrumentation,
    ) -> None:
        self._sources = (stream_metrics, service_metrics)
        self._registry = instruments.registry
        families = sorted([*stream_metrics.families, *service_metrics.families])
        self._heads = {metric.name: head(metric) for metric in families}
        self._write_text, _ = choose_encoder("")
        self._write_openmetrics, _ = choose_encoder(OPENMETRICS)

    def render(self, accept: str, accept_encoding: str) -> tuple[bytes, list[tuple[str, str]]]:
        """Body and headers for a scrape with these Accept and Accept-Encoding headers."""
        openmetrics = prefers_openmetrics(accept)
        body = self._body(openmetrics)
        headers = [
            ("Content-Type", OPENMETRICS if openmetrics else TEXT),
            ("Vary", "Accept, Accept-Encoding"),
        ]
        if accepts_gzip(accept_encoding):
            body = gzip.compress(body, _GZIP_LEVEL, mtime=0)
            headers.append(("Content-Encoding", "gzip"))
        return body, headers

    def _body(self, openmetrics: bool) -> bytes:
        """Families by name, each whole: HELP and TYPE once, then the lines of all accounts."""
        found: dict[str, list[bytes]] = {name: [] for name in self._heads}
        for source in self._sources:
            for name, chunk in source.chunks():
                found[name].append(chunk)
        parts: list[bytes] = []
        for name, (text, om) in self._heads.items():
            if any(found[name]):
                parts.append(om if openmetrics else text)
                parts.extend(found[name])
        # This part ends the body: in OpenMetrics with its `# EOF`.
        write = self._write_openmetrics if openmetrics else self._write_text
        parts.append(write(self._registry))
        return b"".join(parts)
