"""Account overview: what do we have, how much of it is at risk, and is that of now?"""

from __future__ import annotations

from grafana.source import looks, variables
from grafana.source.fee_tiers import FEE_TIERS
from grafana.source.freshness import EXPORTER, Streams
from grafana.source.layout import Dashboard, Row
from grafana.source.looks import BAD, COUNT, GOOD, MONEY, PLAIN, RATIO, SHARE, WARN, runbook
from grafana.source.metrics import grew, latest, lowest
from grafana.source.panels import lines, stat
from grafana.source.positions_and_margin import LOWEST_RATIO, POSITIONS, RATIO_STEPS
from grafana.source.queries import Series
from grafana.source.reports import report
from grafana.source.tables import Column, table

PORTFOLIO = Streams("portfolio")
CURRENCY = 'currency=~"$currency"'
HELD_NOW = f"on (instrument) {latest('onetrading_position_open_volume')}"

FAILED = (
    f"sum((1 - {latest('onetrading_sync_success', public=True)})"
    f" * {lowest('onetrading_sync_permitted', public=True)})"
)

ACCOUNTS = table(
    "Accounts",
    "Of each futures account: equity, margin that new positions may use (red when nothing is left),"
    " and the account ratio: at 1.5 the exchange reduces positions, at 1.0 it liquidates; no value"
    " while flat. Money is in the exchange's currency of account.",
    Streams("portfolio", "positions"),
    {"account": "account"},
    Column("equity", latest("onetrading_futures_equity"), MONEY, 2),
    Column(
        "free margin",
        latest("onetrading_futures_margin_available"),
        MONEY,
        2,
        steps=(BAD, ((0.01, PLAIN),)),
    ),
    Column(
        "account ratio", lowest("onetrading_futures_account_ratio"), RATIO, 2, None, RATIO_STEPS
    ),
    Column("positions", latest("onetrading_positions_open"), COUNT, 0),
    links=[runbook("OnetradingMarginRatioLow")],
)
FAILING = stat(
    "Streams failing",
    "Streams whose last pass failed: what they show is held for a while, then withdrawn. Not those"
    " that the exchange refuses to the token.",
    EXPORTER,
    Series(FAILED, "failing"),
    unit=COUNT,
    decimals=0,
    steps=(GOOD, ((1, WARN), (3, BAD))),
    links=[runbook("OnetradingStreamStale")],
)
EQUITY_OVER_TIME = lines(
    "Equity over time",
    "Of the futures account, in the exchange's currency of account.",
    PORTFOLIO,
    Series(latest("onetrading_futures_equity"), "{{account}}"),
    unit=MONEY,
    decimals=2,
)
MARGIN_OVER_TIME = lines(
    "Margin in use and free",
    "Margin that positions and orders use, and what is left for new ones.",
    PORTFOLIO,
    Series(latest("onetrading_futures_margin_used"), "{{account}} used"),
    Series(latest("onetrading_futures_margin_available"), "{{account}} free"),
    unit=MONEY,
    decimals=2,
    minimum=0,
)
BALANCES = table(
    "Balances now",
    "Units of each currency. Zero is shown as 0; a currency that is not listed has no row.",
    Streams("balances"),
    {"account": "account", "currency": "currency"},
    Column("available", latest("onetrading_balance_available", CURRENCY), MONEY, 8, width=140),
    Column("locked", latest("onetrading_balance_locked", CURRENCY), MONEY, 8),
    Column(
        "last changed",
        f"1000 * {latest('onetrading_balance_changed_timestamp_seconds', CURRENCY)}",
        looks.AGO,
    ),
    links=[runbook("OnetradingBalanceLow")],
)
LAST_CLOSE = report(
    "Balances at the last close",
    "The last response before the latest midnight UTC, and when it was observed. Empty until a"
    " midnight has passed since the first start.",
    "last_close",
    *(Column(name, width=90) for name in ("account", "currency")),
    *(Column(name, unit=MONEY, decimals=8, width=140) for name in ("available", "total")),
    Column("locked", unit=MONEY, decimals=8),
    Column("day", unit="time:YYYY-MM-DD", width=100),
    Column("observed", unit=looks.INSTANT),
)
BALANCE_OVER_TIME = lines(
    "$currency",
    "Available and locked together, in units of the currency. One panel for each currency, since"
    " amounts of two do not compare.",
    Streams("balances"),
    Series(
        " + ".join(
            latest(name, 'currency="$currency"')
            for name in ("onetrading_balance_available", "onetrading_balance_locked")
        ),
        "{{account}}",
    ),
    unit=MONEY,
    decimals=8,
)
FUNDING_OF_A_DAY = lines(
    "Funding received less paid, over 24 hours",
    "In the quote currency of the instrument; below 0 more was paid than received.",
    Streams("funding_payments"),
    Series(
        f"{grew('onetrading_funding_received_total', over='1d')}"
        f" - {grew('onetrading_funding_paid_total', over='1d')}",
        "{{account}} {{instrument}}",
    ),
    unit=MONEY,
    decimals=2,
    links=[runbook("OnetradingFundingPaidHigh")],
)
FUNDING_AHEAD = table(
    "Funding ahead, where there is a position",
    "The preliminary rate of the next payment: longs pay shorts when it is positive.",
    Streams("funding_rates", "tickers"),
    {"instrument": "instrument"},
    Column("rate", f"{latest('onetrading_funding_rate')} and {HELD_NOW}", SHARE, 4),
    Column(
        "next payment",
        f"1000 * {latest('onetrading_next_funding_timestamp_seconds')} and {HELD_NOW}",
        looks.AGO,
    ),
)

DASHBOARD = Dashboard(
    slug="account-overview",
    title="One Trading / Account overview",
    description="What the accounts hold and risk, and how old those numbers are.",
    variables=[
        variables.prometheus(),
        variables.postgres(),
        variables.account(),
        variables.currency(),
        variables.futures(),
    ],
    streams=["balances", "portfolio", "positions", "funding_payments", "funding_rates", "tickers"],
    rows=[
        Row(
            "At a glance",
            6,
            [(ACCOUNTS, 15), (LOWEST_RATIO, 5), (FAILING, 4)],
        ),
        Row("Equity and margin", 9, [(EQUITY_OVER_TIME, 12), (MARGIN_OVER_TIME, 12)]),
        Row("Positions", 8, [(POSITIONS, 24)]),
        Row("Balances", 10, [(BALANCES, 11), (LAST_CLOSE, 13)]),
        Row("Funding", 8, [(FUNDING_OF_A_DAY, 14), (FUNDING_AHEAD, 10)]),
        Row("Fees", 6, [(FEE_TIERS, 24)]),
        Row("Balances over time", 8, [(BALANCE_OVER_TIME.repeat("currency").max_per_row(3), 24)]),
    ],
)
