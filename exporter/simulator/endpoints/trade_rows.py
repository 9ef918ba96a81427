"""The trade rows of one account as JSON, ready to be put into a page.

A row is encoded once and kept; rows of a bulk history are too many to keep, and are composed from
one template for each kind of trade. Serving a page costs microseconds a row either way.
"""

from __future__ import annotations

import msgspec

from exporter.simulator.endpoints.records import trade_row
from exporter.simulator.endpoints.times import iso_nanos
from exporter.simulator.endpoints.wire import encode
from exporter.simulator.market.bulk import BulkTrades
from exporter.simulator.market.exact import exact
from exporter.simulator.market.market import SimulatedAccount

_BLANK = "%s"


class TradeRows:
    """Encoded `{fee, trade}` rows by index, without faults."""

    def __init__(self, account: SimulatedAccount) -> None:
        self._account = account
        self._kept: dict[int, msgspec.Raw] = {}
        self._templates: list[str] = []
        if isinstance(account.trades, BulkTrades):
            self._templates = [
                self._template(account.trades, n) for n in range(len(account.trades.variants))
            ]

    def __getitem__(self, k: int) -> msgspec.Raw:
        trades = self._account.trades
        if isinstance(trades, BulkTrades):
            return self._composed(trades, k)
        found = self._kept.get(k)
        if found is None:
            found = self._kept[k] = msgspec.Raw(encode(trade_row(self._account, k)))
        return found

    @exact
    def _template(self, trades: BulkTrades, number: int) -> str:
        row = trade_row(self._account, 0, trades.variants[number])
        changing = ("trade_id", "order_id", "time", "time_nanos", "sequence")
        row["trade"] |= dict.fromkeys(changing, _BLANK)
        return encode(row).decode()

    def _composed(self, trades: BulkTrades, k: int) -> msgspec.Raw:
        account = self._account
        instant = iso_nanos(trades.instants[k])
        row = self._templates[trades.variant(k)] % (
            account.trade_ids.make(k),
            account.order_ids.make(k),
            instant[:23] + "Z",
            instant,
            trades.sequence(k),
        )
        return msgspec.Raw(row.encode())
