"""Prometheus metrics and a Postgres history of a One Trading account."""

from exporter._version import __version__

__all__ = ["__version__"]
