"""Everything that knows Prometheus: what `/metrics` exports, for how long, and in which format.

Three objects hold the values, one each for what is known by stream (`StreamMetrics`), what the
process depends on (`ServiceMetrics`) and what is measured while work is done (`Instrumentation`);
`Exposition` joins them at a scrape, `Metrics` makes all four. Read `stream_state` for what a failed
poll does, `text` for how a sample is written, `families` for the metrics that no stream declares.
"""

from exporter.metrics.catalogue import catalogue
from exporter.metrics.exposition import Exposition
from exporter.metrics.families import Family
from exporter.metrics.instrumentation import Instrumentation
from exporter.metrics.metrics import Metrics
from exporter.metrics.recent_errors import ErrorRun
from exporter.metrics.service_metrics import ServiceMetrics
from exporter.metrics.stream_metrics import StreamMetrics
from exporter.metrics.stream_state import CoverageSummary, StreamSummary, instant

__all__ = [
    "CoverageSummary",
    "ErrorRun",
    "Exposition",
    "Family",
    "Instrumentation",
    "Metrics",
    "ServiceMetrics",
    "StreamMetrics",
    "StreamSummary",
    "catalogue",
    "instant",
]
