"""Prometheus metrics and a Postgres history of One Trading accounts.

To get to know the code, read in this order: `model.stream` (what a stream is), `streams.balances`
and `streams.trades` (two of them), `model.errors` (what each failure asks of the caller),
`sync.runner` (one pass), `api.coverage` (what pages prove), `store.loader` (one transaction),
`metrics.stream_state` (held and withdrawn), `app` and `service` (where it is all joined),
`status.findings` (what counts as wrong), `server.pages` (what is served), `logs.context` and
`logs.lines` (what a log line is about).
"""

from exporter._version import __version__

__all__ = ["__version__"]
