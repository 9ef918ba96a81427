"""A simulated exchange: a seeded market behind the exchange's REST API, with faults on request.

Reading order: `market` (what happens), `endpoints` (what is served under which path, and faults),
`server` (HTTP, authentication, clock and controls).
"""

from exporter.simulator.endpoints.faults import Faults
from exporter.simulator.market.market import OLD_ACCOUNTS, AccountSpec, Market, with_movements
from exporter.simulator.server.exchange import ReceivedRequest
from exporter.simulator.server.simulator import Simulator, serve

__all__ = [
    "OLD_ACCOUNTS",
    "AccountSpec",
    "Faults",
    "Market",
    "ReceivedRequest",
    "Simulator",
    "serve",
    "with_movements",
]
