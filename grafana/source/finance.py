"""Finance: can the month be closed, and what are its exact numbers?"""

from __future__ import annotations

from grafana.source import closed_positions, looks, month_close, variables
from grafana.source.layout import Dashboard, Row
from grafana.source.looks import BAD, GOOD, MONEY, PLAIN, SECONDS, WARN, runbook
from grafana.source.reports import history, report
from grafana.source.tables import Column

_GAPS = [runbook("OnetradingCoverageGap"), runbook("OnetradingCoverageLag")]
_REJECTS = [runbook("OnetradingRejects")]
_DAY = "time:YYYY-MM-DD"
_MONTH = "time:YYYY-MM"

DAILY = report(
    "Daily closing balances of $month",
    "As last observed before each midnight of the business zone. A day without a response repeats"
    " the previous state: it is estimated, and its age shows it. Source derived: from before the"
    " first response, computed from it by trades, fees and movements; cash_anchor: cash after a"
    " funding payment. The parts available and locked are told by a response alone.",
    "daily_balances",
    Column("day", unit=_DAY),
    *(Column(name, unit=MONEY, decimals=8) for name in ("available", "locked", "total")),
    Column("observed", unit=looks.INSTANT),
    Column("age", unit=SECONDS, decimals=0, steps=(PLAIN, ((300, WARN), (3600, BAD)))),
    empty="No balance of the chosen accounts is known in this month.",
)
FEES = report(
    "Fees of $month",
    "Fees paid and rebates received in their own currency, never netted except in the net"
    " amounts. Effective fees in basis points of the turnover. The month is that of UTC, as in"
    " all views whose name begins with monthly.",
    "fees_of_month",
    *(
        Column(name, unit=MONEY, decimals=8, width=150)
        for name in ("fees paid", "rebates received", "net", "turnover", "net in quote")
    ),
    Column("effective bps", decimals=4),
    Column("complete to", unit=looks.INSTANT),
    empty="No trade of this month has a fee.",
)
FUNDING = report(
    "Funding of $month",
    "Paid and received in the quote currency, never netted except in net. The payment of midnight"
    " on the first counts for the month that begins. The month is that of UTC.",
    "funding_of_month",
    *(Column(name, unit=MONEY, decimals=8) for name in ("paid", "received", "net")),
    Column("complete to", unit=looks.INSTANT),
    empty="No funding was paid or received: the chosen accounts held no futures.",
)
TURNOVER = report(
    "Turnover of $month",
    "Traded amounts by market, side and liquidity, without fees. The month is that of UTC.",
    "turnover_of_month",
    *(Column(name, unit=MONEY, decimals=8) for name in ("base amount", "turnover")),
    Column("complete to", unit=looks.INSTANT),
    empty="Nothing was traded in this month.",
)
BY_MONTH = history(
    "Fees and funding by month in $currency",
    "Of each UTC month in the dashboard's range: below 0 the account paid. One panel for each"
    " currency, since amounts of two do not add up.",
    "results_by_month",
    stream="trades",
    unit=MONEY,
    decimals=8,
    bars=True,
)
ALL_MONTHS = report(
    "By month",
    "Fees and funding of each UTC month in the dashboard's range, by currency.",
    "all_months",
    Column("month", unit=_MONTH),
    *(Column(name, unit=MONEY, decimals=8) for name in ("net fees", "net funding")),
    Column("complete to", unit=looks.INSTANT),
)
GAPS = report(
    "Coverage gaps",
    "Ranges of time whose history is not proven complete, of all months. A short one that reaches"
    " to now is normal: the time since the last pass is always open.",
    "gaps",
    Column("from", unit=looks.INSTANT),
    Column("to", unit=looks.INSTANT),
    Column("gap", unit=SECONDS, decimals=0),
    Column("as of", unit=looks.INSTANT),
    links=_GAPS,
)
REJECTS = report(
    "Rejected records",
    "Records of the exchange that could not be decoded. Empty is good.",
    "rejects",
    Column("records", steps=(GOOD, ((1, BAD),))),
    Column("first seen", unit=looks.INSTANT),
    Column("last new", unit=looks.INSTANT),
    Column("as of", unit=looks.INSTANT),
    links=_REJECTS,
)
FRESHNESS = report(
    "Freshness",
    "When each stream was last read into Postgres.",
    "freshness",
    Column("last success", unit=looks.INSTANT),
    Column("age", unit=SECONDS, decimals=0),
    Column("complete to", unit=looks.INSTANT),
    Column("behind", unit=SECONDS, decimals=0),
    Column("failing", steps=(GOOD, ((1, BAD),))),
    Column("last error", width=430),
)

DASHBOARD = Dashboard(
    slug="finance",
    title="One Trading / Finance",
    description="Can the month be closed? Its exact numbers from Postgres.",
    variables=[
        variables.postgres(),
        variables.prometheus(),
        variables.account_in_postgres(),
        variables.month(),
        variables.currency_in_postgres(),
    ],
    streams=["trades", "funding_payments", "closed_positions", "balances"],
    since="now-1y",
    # The checks of a month read all of its facts.
    refresh="5m",
    rows=[
        Row("Can it be closed?", 4, [(month_close.AT_A_GLANCE, 24)]),
        Row("Checks", 11, [(month_close.CHECKS, 24)]),
        Row("Balances", 9, [(month_close.ROLLFORWARD, 24)]),
        Row("Results", 9, [(month_close.GAINS, 24), (closed_positions.OF_MONTH, 24)]),
        Row("Fees and tiers", 8, [(month_close.FEES, 24)]),
        Row("What came late", 7, [(month_close.LATE, 24)]),
        Row("Locks of months", 6, [(month_close.LOCKS, 24)]),
        Row(
            "All months",
            7,
            [(month_close.UNCLOSED, 11), (month_close.DIFFERENCES, 13)],
        ),
        Row("The month in detail", 9, [(FEES, 24), (FUNDING, 24), (TURNOVER, 24)]),
        Row("Day by day", 9, [(DAILY, 24)]),
        Row("What is missing", 8, [(GAPS, 24), (REJECTS, 24), (FRESHNESS, 24)]),
        Row(
            "Month by month",
            9,
            [(ALL_MONTHS, 24), (BY_MONTH.repeat("currency").max_per_row(3), 24)],
        ),
    ],
)
