"""Trading: how much, at which fees, as maker or taker, with which result; which orders are open?"""

from __future__ import annotations

from grafana.source import looks, open_orders, results, variables
from grafana.source.fee_tiers import FEE_TIERS
from grafana.source.freshness import Streams
from grafana.source.layout import Dashboard, Row
from grafana.source.looks import BAD, COUNT, GOOD, MONEY, PLAIN, SECONDS, SHARE, WARN, runbook
from grafana.source.metrics import grew, in_quote, latest
from grafana.source.panels import lines
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


def turnover(over: str) -> str:
    """What was traded over a time, by account and quote currency."""
    return in_quote(grew(_QUOTE, over=over), "account")


def maker_share(over: str) -> str:
    """Maker share of the turnover, by account and currency."""
    every = turnover(over)
    maker = in_quote(grew(_QUOTE, _MAKER, over=over), "account")
    return f"({maker} or 0 * {every}) / ({every} > 0)"


def by_currency(of_quotes: str) -> str:
    """The same with the quote currency in the label that fees have."""
    named = f'label_join({of_quotes}, "currency", "", "quote")'
    return f"sum by (account, currency) ({named})"


def net_fees(over: str) -> str:
    """Fees less rebates, by account and the currency in which they were charged."""
    paid, received = (
        f"sum by (account, currency) ({grew(name, over=over)})" for name in (_FEES, _REBATES)
    )
    return f"{paid} - ({received} or 0 * {paid})"


ACCOUNTS = table(
    "Accounts",
    "Of the chosen instruments: open orders as of their last list, for how long the oldest is open,"
    " fills over the dashboard's range, as estimated by Prometheus, and the time since the last"
    " one.",
    Streams("orders", "trades"),
    {"account": "account"},
    Column("open orders", open_orders.COUNTED, COUNT, 0),
    Column("oldest open for", open_orders.SINCE, SECONDS, 1, width=145),
    Column("fills", f"sum by (account) ({grew(_COUNT, over='$__range')})", COUNT, 0),
    Column(
        "last fill ago",
        f"time() - max by (account) ({latest('onetrading_last_trade_timestamp_seconds')})",
        SECONDS,
        1,
    ),
    links=[*open_orders.TOO_LONG, *_NO_FILLS],
)
IN_RANGE = table(
    "Turnover and fees in this range",
    "By currency. Turnover and maker share: of what was traded for it. Fees less rebates: of what"
    " was charged in it; below 0 more was received than paid. Estimated by Prometheus; exact"
    " numbers below.",
    _TRADES,
    {"account": "account", "currency": "currency"},
    Column(
        "fees less rebates",
        net_fees("$__range"),
        MONEY,
        8,
        None,
        (GOOD, ((0.00000001, PLAIN),)),
        160,
    ),
    Column("turnover", f"{by_currency(turnover('$__range'))} > 0", MONEY, 2),
    Column("maker share", by_currency(maker_share("$__range")), SHARE, 1),
)
FILLS_OVER_TIME = lines(
    "Fills",
    "Trades of each interval by instrument, of all chosen accounts.",
    _TRADES,
    Series(f"sum by (instrument) ({grew(_COUNT)}) > 0", "{{instrument}}"),
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
        f"{turnover('$__rate_interval')} > 0",
        "{{account}} {{quote}}",
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
            7,
            [(ACCOUNTS, 13), (FEE_TIERS, 11), (IN_RANGE, 11), (MARKET, 13)],
        ),
        Row(
            "Result and drawdown, by day",
            11,
            [(results.CUMULATIVE, 24), (results.DRAWDOWN, 12), (results.EQUITY, 12)],
        ),
        Row("Orders of which nothing is known", 4, [(open_orders.UNKNOWN, 24)]),
        Row(
            "Open orders by instrument",
            9,
            [(open_orders.BY_SIDE, 13), (open_orders.OVER_TIME, 11), (open_orders.EACH, 24)],
        ),
        Row(
            "Activity",
            13,
            [
                (FILLS_OVER_TIME, 12),
                (TURNOVER_OVER_TIME, 12),
                (FEES_OVER_TIME, 12),
                (MAKER_OVER_TIME, 12),
            ],
        ),
        Row("Exact, from Postgres", 9, [(BY_INSTRUMENT, 24), (BY_HOUR, 24)]),
        Row("Fills", 10, [(LATEST, 24)]),
    ],
)
