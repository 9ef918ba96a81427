"""Which format and encoding a scraper prefers: RFC 9110, sections 12.5.1 and 12.5.3.

prometheus_client takes the first type that it knows and ignores the q-values.
"""

from __future__ import annotations

from collections.abc import Iterator

_TEXT = ("text/plain", "text/*", "*/*")
_OPENMETRICS = "application/openmetrics-text"


def prefers_openmetrics(accept: str) -> bool:
    """Whether the Accept header ranks OpenMetrics 1.0, named, at least as high as plain text.

    Everything else gets plain text, even a client that accepts neither.
    """
    openmetrics = text = 0.0
    for name, parameters, quality in _ranked(accept):
        version = parameters.get("version", "")
        if name == _OPENMETRICS and version in ("", "1.0.0"):
            openmetrics = max(openmetrics, quality)
        elif name in _TEXT and version in ("", "0.0.4", "1.0.0"):
            text = max(text, quality)
    return 0 < openmetrics >= text


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the Accept-Encoding header allows gzip, by name or by `*`."""
    qualities = {name: quality for name, _, quality in _ranked(accept_encoding)}
    for name in ("gzip", "x-gzip", "*"):
        if name in qualities:
            return qualities[name] > 0
    return False


def _ranked(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """The header's entries: name in lower case, parameters, quality from 0 to 1."""
    for entry in header.split(","):
        name, *rest = (part.strip() for part in entry.split(";"))
        pairs = (part.partition("=") for part in rest)
        parameters = {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
        if name:
            yield name.lower(), parameters, _quality(parameters.get("q", "1"))


def _quality(text: str) -> float:
    """0 to 1; an invalid quality counts as 0, not acceptable."""
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
