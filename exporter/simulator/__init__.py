"""A simulated exchange: a seeded market behind the exchange's own wire, with faults on request.

Reading order: `market` and `ledger` (what happens), `records` (how it looks), `routes` and what
they name (what is answered), `exchange` (to whom, and what goes wrong), `server`, `simulator`.
"""

from exporter.simulator.bulk import BulkTrades
from exporter.simulator.exchange import Request
from exporter.simulator.faults import Faults
from exporter.simulator.market import DEFAULT_ACCOUNTS, AccountSpec, Market
from exporter.simulator.simulator import Simulator, serve
from exporter.simulator.truth import TRUTHS

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
