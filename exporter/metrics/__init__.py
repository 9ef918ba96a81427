"""Everything that knows Prometheus: what `/metrics` shows, when it stops showing it, how it looks.

Read `board` for what a failed poll does, `text` for how a sample is written, `families` for the
metrics that are not a stream's own.
"""

from exporter.metrics.catalogue import catalogue
from exporter.metrics.exposition import Exposition
from exporter.metrics.families import Entry
from exporter.metrics.instrumentation import Instrumentation
from exporter.metrics.metrics import Metrics
from exporter.metrics.recent_errors import ErrorRun
from exporter.metrics.service_metrics import ServiceMetrics
from exporter.metrics.stream_metrics import StreamMetrics
from exporter.metrics.stream_state import CoverageSummary, StreamSummary

__all__ = [
    "CoverageSummary",
    "Entry",
    "ErrorRun",
    "Exposition",
    "Instrumentation",
    "Metrics",
    "ServiceMetrics",
    "StreamMetrics",
    "StreamSummary",
    "catalogue",
]
