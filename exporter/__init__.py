"""Prometheus metrics and a Postgres history of One Trading accounts.

To get to know the code, read in this order: `model.stream` (what a stream is), `streams.balances`
and `streams.trades` (two of them), `model.errors` (what each failure asks of the caller),
`sync.runner` (one pass), `api.coverage` (what pages prove), `store.loader` (one transaction),
`metrics.stream_state` (held and withdrawn), `app` and `service` (where it is all joined),
`status.findings` (what counts as wrong), `server.pages` (what is served), `logs.context` and
`logs.lines` (what a log line is about), `notebook.opening` (the exchange from Python).
"""

from importlib import import_module
from typing import TYPE_CHECKING

from exporter._version import __version__

if TYPE_CHECKING:
    from exporter.notebook import open_account

__all__ = ["__version__", "open_account"]


def __getattr__(name: str) -> object:
    """What notebooks use is imported when it is asked for: the service starts without it."""
    if name == "open_account":
        return import_module("exporter.notebook").open_account
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
