"""PromQL parsed by the parser of Prometheus, and the series that it may use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import promql_parser

from exporter.metrics.catalogue import catalogue
from exporter.streams import STREAMS


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    """Every selector in an expression. Raises ValueError when it is not PromQL."""
    found: list[promql_parser.VectorSelector] = []

    def keep(part: promql_parser.Expr) -> bool:
        if isinstance(part, promql_parser.VectorSelector):
            found.append(part)
        return True

    promql_parser.walk(promql_parser.parse(expression), keep)
    return found


def _scraped() -> Iterator[tuple[str, frozenset[str]]]:
    for entry in catalogue(STREAMS):
        labels = frozenset(entry.labels)
        if entry.kind == "histogram":
            yield f"{entry.name}_bucket", labels | {"le"}
            yield f"{entry.name}_sum", labels
            yield f"{entry.name}_count", labels
        else:
            yield entry.name, labels


SERIES: Mapping[str, frozenset[str]] = dict(_scraped())
"""The name of every series that a scrape can have, with its labels."""
