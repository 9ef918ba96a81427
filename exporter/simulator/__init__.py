"""A simulated exchange: a seeded market behind the exchange's own wire, with faults on request.

Reading order: `market` and `ledger` (what happens), `records` (how it looks), `routes` and what
they name (what is answered), `exchange` (to whom, and what goes wrong), `server`, `simulator`.
"""

from exporter.simulator.endpoints.faults import Faults
from exporter.simulator.endpoints.truth import TRUTHS
from exporter.simulator.market.bulk import BulkTrades
from exporter.simulator.market.market import DEFAULT_ACCOUNTS, AccountSpec, Market
from exporter.simulator.server.exchange import Request
from exporter.simulator.server.simulator import Simulator, serve

__all__ = [
    "DEFAULT_ACCOUNTS",
    "TRUTHS",
    "AccountSpec",
    "BulkTrades",
    "Faults",
    "Market",
    "Request",
    "Simulator",
    "serve",
]
