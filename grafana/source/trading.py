"""Trading: how much, at which fees, as maker or taker, with which result; which orders are open?"""

from __future__ import annotations

from grafana.source import looks, open_orders, results, variables
from grafana.source.freshness import Streams
from grafana.source.layout import Dashboard, Row
from grafana.source.looks import BAD, COUNT, GOOD, MONEY, PLAIN, SECONDS, SHARE, WARN, runbook
from grafana.source.metrics import grew, in_quote, latest
from grafana.source.panels import lines, stat
from grafana.source.queries import Series
from grafana.source.reports import history, report
from grafana.source.tables import Column, table

_TRADES = Streams("trades")
_COUNT = "onetrading_trades_total"
_QUOTE = "onetrading_traded_quote_total"
_FEES = "onetrading_trade_fees_paid_total"
_REBATES = "onetrading_trade_rebates_received_total"
_MAKER = 'liquidity="MAKER"'
_NO_FILLS = [runbook("OnetradingNoFills")]


def maker_share(over: str) -> str:
    """Maker share of the turnover, by account and currency."""
    every = in_quote(grew(_QUOTE, over=over), "account")
    maker = in_quote(grew(_QUOTE, _MAKER, over=over), "account")
    return f"({maker} or 0 * {every}) / ({every} > 0)"


FILLS = stat(
    "Fills in this range",
    "Trades over the dashboard's range, as estimated by Prometheus; exact numbers below.",
    _TRADES,
    Series(f"sum by (account) ({grew(_COUNT, over='$__range')})", "{{account}}"),
    unit=COUNT,
    decimals=0,
    links=_NO_FILLS,
)
TURNOVER = stat(
    "Turnover in this range",
    "Traded amount in each quote currency.",
    _TRADES,
    Series(f"{in_quote(grew(_QUOTE, over='$__range'), 'account')} > 0", "{{account}} {{quote}}"),
    unit=MONEY,
    decimals=0,
)
MAKER_SHARE = stat(
    "Maker share",
    "Share of the turnover that was traded as maker, by quote currency.",
    _TRADES,
    Series(maker_share("$__range"), "{{account}} {{quote}}"),
    unit=SHARE,
    decimals=1,
)
FEES = stat(
    "Fees less rebates in this range",
    "In the currency in which each was charged; below 0 more was received than paid.",
    _TRADES,
    Series(
        f"(sum by (account, currency) ({grew(_FEES, over='$__range')})"
        f" - (sum by (account, currency) ({grew(_REBATES, over='$__range')})"
        f" or 0 * sum by (account, currency) ({grew(_FEES, over='$__range')}))) != 0",
        "{{account}} {{currency}}",
    ),
    unit=MONEY,
    decimals=6,
    steps=(GOOD, ((0.000001, PLAIN),)),
)
FEE_TIER = stat(
    "Fee tier",
    "Maker and taker fee of the tier in force, as a share of the trade's value, by group of fees.",
    Streams("account_fees"),
    *(
        Series(latest(f"onetrading_fee_tier_{role}_ratio"), f"{{{{account}}}} {role}")
        for role in ("maker", "taker")
    ),
    unit=SHARE,
    decimals=3,
)
LAST_FILL = stat(
    "Last fill",
    "Time since the last trade of each account in the chosen instruments.",
    _TRADES,
    Series(
        f"time() - max by (account) ({latest('onetrading_last_trade_timestamp_seconds')})",
        "{{account}}",
    ),
    unit=SECONDS,
    decimals=0,
    links=_NO_FILLS,
)
FILLS_OVER_TIME = lines(
    "Fills",
    "Trades of each interval, by account and instrument.",
    _TRADES,
    Series(
        f"sum by (account, instrument) ({grew(_COUNT)}) > 0",
        "{{account}} {{instrument}}",
    ),
    unit=COUNT,
    decimals=0,
    bars=True,
    minimum=0,
)
TURNOVER_OVER_TIME = lines(
    "Turnover",
    "Traded amount of each interval in the quote currency, which the legend names.",
    _TRADES,
    Series(
        f"{in_quote(grew(_QUOTE), 'account', 'instrument')} > 0",
        "{{account}} {{instrument}} in {{quote}}",
    ),
    unit=MONEY,
    decimals=0,
    bars=True,
    mixed=True,
    minimum=0,
)
FEES_OVER_TIME = lines(
    "Fees paid and rebates received",
    "Of each interval, in the currency that the legend names; rebates are below zero.",
    _TRADES,
    Series(
        f"sum by (account, currency) ({grew(_FEES)}) > 0",
        "{{account}} {{currency}} paid",
    ),
    Series(
        f"-sum by (account, currency) ({grew(_REBATES)}) < 0",
        "{{account}} {{currency}} rebates",
    ),
    unit=MONEY,
    decimals=8,
    bars=True,
    mixed=True,
)
MAKER_OVER_TIME = lines(
    "Maker share over the last hour",
    "Share of the turnover of the last hour that was traded as maker. A gap: no trade.",
    _TRADES,
    Series(maker_share("1h"), "{{account}} {{quote}}"),
    unit=SHARE,
    decimals=0,
    minimum=0,
    maximum=1,
)
MARKET = table(
    "Market",
    "Best prices of the instruments in which an account has traded; spread as a share of the ask."
    " An empty side has no price.",
    Streams("tickers"),
    {"instrument": "instrument"},
    *(
        Column(
            title,
            f"{expression} and on (instrument) {latest('onetrading_last_trade_timestamp_seconds')}",
            unit,
            decimals,
        )
        for title, expression, unit, decimals in (
            ("last", latest("onetrading_last_price"), MONEY, 8),
            ("bid", latest("onetrading_bid_price"), MONEY, 8),
            ("ask", latest("onetrading_ask_price"), MONEY, 8),
            (
                "spread",
                f"1 - {latest('onetrading_bid_price')} / {latest('onetrading_ask_price')}",
                SHARE,
                3,
            ),
            ("24 h volume", latest("onetrading_volume_24h_quote"), MONEY, 0),
        )
    ),
)
BY_INSTRUMENT = report(
    "By instrument in this range",
    "Exact sums of the trades in Postgres; complete up to the last column. Fees are net of rebates,"
    " in their own currency; effective fees in basis points where that is the quote currency.",
    "trades_by_instrument",
    *(Column(name, unit=MONEY, decimals=8) for name in ("base amount", "turnover", "net fees")),
    Column("maker share", unit=SHARE, decimals=1),
    Column("effective bps", unit=COUNT, decimals=2),
    Column("complete to", unit=looks.INSTANT),
)
BY_HOUR = history(
    "Turnover by hour",
    "Exact, in the quote currency that the legend names.",
    "turnover_by_hour",
    stream="trades",
    unit=MONEY,
    decimals=0,
    bars=True,
    mixed=True,
)
LATEST = report(
    "Fills in this range, newest first",
    "At most 500. A taker's row may stand for several fills at their average price.",
    "latest_trades",
    Column("time", unit=looks.INSTANT),
    Column("complete to", unit=looks.INSTANT),
    *(Column(name, unit=MONEY, decimals=8) for name in ("amount", "price", "total", "fee")),
    Column("side", words={"BUY": ("BUY", GOOD), "SELL": ("SELL", BAD)}),
    Column("liquidity", words={"MAKER": ("MAKER", GOOD), "TAKER": ("TAKER", WARN)}),
)

DASHBOARD = Dashboard(
    slug="trading",
    title="One Trading / Trading",
    description="Fills, turnover, fees, maker share and results, and the orders that are open.",
    variables=[
        variables.prometheus(),
        variables.postgres(),
        variables.account(),
        variables.instrument(),
        variables.quote_currency_in_postgres(),
    ],
    streams=["trades", "orders", "account_fees", "tickers", "instruments"],
    since="now-24h",
    rows=[
        Row(
            "At a glance",
            4,
            [
                *((open_orders.OPEN, 6), (open_orders.OLDEST, 6), (FEE_TIER, 6), (LAST_FILL, 6)),
                *((FILLS, 6), (TURNOVER, 6), (MAKER_SHARE, 6), (FEES, 6)),
            ],
        ),
        Row(
            "Result and drawdown, by day",
            10,
            [
                (results.CUMULATIVE, 24),
                (results.DRAWDOWN, 12),
                (results.EQUITY, 12),
            ],
        ),
        Row("Orders of which nothing is known", 4, [(open_orders.UNKNOWN, 24)]),
        Row(
            "Open orders by instrument",
            9,
            [(open_orders.BY_SIDE, 12), (open_orders.OVER_TIME, 12), (open_orders.EACH, 24)],
        ),
        Row(
            "Activity",
            9,
            [
                (FILLS_OVER_TIME, 12),
                (TURNOVER_OVER_TIME, 12),
                (FEES_OVER_TIME, 12),
                (MAKER_OVER_TIME, 12),
            ],
        ),
        Row("Exact, from Postgres", 9, [(BY_INSTRUMENT, 24), (BY_HOUR, 10), (MARKET, 14)]),
        Row("Fills", 10, [(LATEST, 24)]),
    ],
)
