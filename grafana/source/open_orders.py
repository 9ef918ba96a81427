"""Trading: which orders are open, since when, and of which is it unknown?"""

from __future__ import annotations

from grafana.source import looks
from grafana.source.freshness import Streams
from grafana.source.looks import BAD, COUNT, GOOD, MONEY, PLAIN, SECONDS, SHARE, runbook
from grafana.source.metrics import latest
from grafana.source.panels import lines, stat
from grafana.source.queries import Series
from grafana.source.reports import report
from grafana.source.tables import Column, table

_ORDERS = Streams("orders")
_OPEN = latest("onetrading_orders_open")
_OLDEST = latest("onetrading_order_oldest_open_timestamp_seconds")
_UNKNOWN = latest("onetrading_orders_unknown")
TOO_LONG = [runbook("OnetradingOrderOpenTooLong")]
_UNTOLD = runbook("OnetradingOrderStateUnknown")

# Accounts whose orders are read and of which none was listed since the start have 0.
COUNTED = f"sum by (account) ({_OPEN}) or 0 * {_UNKNOWN}"
"""How many orders each account has open."""
SINCE = f"time() - min by (account) ({_OLDEST})"
"""For how long the oldest of them is open."""
UNKNOWN = stat(
    "Orders in an unknown state",
    "Orders that left the list of open ones and that the exchange does not tell of any more: they"
    " may have been filled or cancelled. They stay in the table below until it is known.",
    _ORDERS,
    Series(f"sum({_UNKNOWN})", "orders"),
    unit=COUNT,
    decimals=0,
    steps=(GOOD, ((1, BAD),)),
    links=[_UNTOLD],
)
BY_SIDE = table(
    "Open orders by instrument and side",
    "The unfilled amount is in the base asset of the instrument. No row: no open order.",
    _ORDERS,
    {"account": "account", "instrument": "instrument", "side": "side"},
    Column("orders", f"{_OPEN} > 0", decimals=0, width=105),
    Column("unfilled", f"{latest('onetrading_order_open_base')} > 0", MONEY, 8),
    Column("oldest", f"1000 * {_OLDEST}", looks.AGO),
    sort="-orders",
    links=TOO_LONG,
)
OVER_TIME = lines(
    "Open orders over time",
    "By account and side, of the chosen instruments.",
    _ORDERS,
    Series(f"sum by (account, side) ({_OPEN})", "{{account}} {{side}}"),
    unit=COUNT,
    decimals=0,
    minimum=0,
    links=TOO_LONG,
)
EACH = report(
    "Each open order, oldest first",
    "At most 500; those in an unknown state come first: see above. Amounts are in the base asset,"
    " the price is in the quote currency, and a market order has none.",
    "open_orders",
    Column("state", words={"open": ("open", PLAIN), "unknown": ("unknown", BAD)}, width=85),
    Column("side", words={"BUY": ("BUY", GOOD), "SELL": ("SELL", BAD)}, width=70),
    *(Column(name, unit=MONEY, decimals=8) for name in ("price", "amount", "unfilled")),
    Column("filled", unit=SHARE, decimals=1, width=80),
    Column("open for", unit=SECONDS, decimals=1),
    Column("created", unit=looks.INSTANT),
    Column("instrument", width=125),
    *(Column(name, width=75) for name in ("quote", "base")),
    Column("account", width=90),
    Column("as of", unit=looks.INSTANT),
    links=[*TOO_LONG, _UNTOLD],
)
