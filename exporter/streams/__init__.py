"""Everything that is synced: one file per stream, and this list, the only one of them.

Each record names its endpoint and, where known, the page of docs.onetrading.com that documents it.
"""

from __future__ import annotations

from exporter.model.stream import Stream
from exporter.streams.account_fees import ACCOUNT_FEES
from exporter.streams.balances import BALANCES
from exporter.streams.candlesticks import CANDLESTICKS
from exporter.streams.currencies import CURRENCIES
from exporter.streams.fees import FEES
from exporter.streams.funding_history import FUNDING_HISTORY
from exporter.streams.funding_payments import FUNDING_PAYMENTS
from exporter.streams.funding_rates import FUNDING_RATES
from exporter.streams.funding_settings import FUNDING_SETTINGS
from exporter.streams.instruments import INSTRUMENTS
from exporter.streams.orders import ORDERS
from exporter.streams.portfolio import PORTFOLIO
from exporter.streams.positions import POSITIONS
from exporter.streams.tickers import TICKERS
from exporter.streams.trades import TRADES

STREAMS: tuple[Stream, ...] = (
    BALANCES,
    POSITIONS,
    PORTFOLIO,
    FUNDING_RATES,
    TICKERS,
    INSTRUMENTS,
    CURRENCIES,
    FEES,
    FUNDING_SETTINGS,
    ACCOUNT_FEES,
    TRADES,
    ORDERS,
    FUNDING_PAYMENTS,
    FUNDING_HISTORY,
    CANDLESTICKS,
)
