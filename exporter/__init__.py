"""Prometheus metrics and a Postgres history of One Trading accounts.

To get to know the code, read in this order: `stream` (what a stream is), `streams.balances` and
`streams.trades` (two of them), `errors` (what each failure asks of the caller), `sync.passes` (one
pass), `api.proof` (what pages prove), `store.loader` (one transaction), `metrics.state` (held and
withdrawn), `app` and `service` (where it is all joined), `status.findings` (what counts as wrong),
`server.pages` (who is answered what), `context` and `logs.lines` (what a log line is about).
"""

from exporter._version import __version__

__all__ = ["__version__"]
