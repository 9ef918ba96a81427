"""Finance: the month in exact numbers, and whether it is complete."""

from __future__ import annotations

from grafana.source import closed_positions, looks, variables
from grafana.source.layout import Dashboard, Row
from grafana.source.looks import BAD, GOOD, MONEY, PLAIN, SECONDS, WARN, runbook
from grafana.source.reports import figures, history, report
from grafana.source.tables import Column

_GAPS = [runbook("OnetradingCoverageGap"), runbook("OnetradingCoverageLag")]
_REJECTS = [runbook("OnetradingRejects")]
_DAY = "time:YYYY-MM-DD"
_MONTH = "time:YYYY-MM"

AT_A_GLANCE = figures(
    "Is $month complete?",
    "Complete when no check of it is failing or open: the month is over, all of its history is"
    " proven without a gap, and no record of it was rejected. The other panels rely on it.",
    "month_at_a_glance",
    Column("the month", words={"1": ("complete", GOOD), "0": ("not complete", BAD)}),
    Column("checks failing", steps=(GOOD, ((1, BAD),))),
    Column("checks open", steps=(GOOD, ((1, WARN),))),
    Column("rejected records", steps=(GOOD, ((1, BAD),))),
    Column("history behind", unit=SECONDS, decimals=0, steps=(PLAIN, ((1800, WARN), (7200, BAD)))),
    links=[*_GAPS, *_REJECTS],
)
COMPLETENESS = report(
    "Completeness of $month",
    "Each check of each account. The query in the last but one column shows what is behind it.",
    "completeness",
    Column(
        "state",
        words={
            "ok": ("ok", GOOD),
            "open": ("open", WARN),
            "failing": ("failing", BAD),
            "not_applicable": ("not applicable", "purple"),
        },
    ),
    Column("difference", decimals=0),
    Column("detail", width=430),
    Column("failing since", unit=looks.INSTANT),
    Column("rows to look at", width=430),
    Column("as of", unit=looks.INSTANT),
    links=[*_GAPS, *_REJECTS],
)
CLOSING = report(
    "Closing balances of $month",
    "Balances at the month's last midnight UTC; of today while the month runs. Age: how long before"
    " midnight they were observed, normally seconds.",
    "closing_balances",
    *(Column(name, unit=MONEY, decimals=8) for name in ("available", "locked", "total")),
    Column("day", unit=_DAY),
    Column("observed", unit=looks.INSTANT),
    Column("age", unit=SECONDS, decimals=0, steps=(PLAIN, ((300, WARN), (3600, BAD)))),
)
DAILY = report(
    "Daily closing balances of $month",
    "As last observed before each midnight UTC. A day without a response repeats the previous"
    " state: it is estimated, and its age shows it.",
    "daily_balances",
    Column("day", unit=_DAY),
    Column("total", unit=MONEY, decimals=8),
    Column("observed", unit=looks.INSTANT),
    Column("age", unit=SECONDS, decimals=0, steps=(PLAIN, ((300, WARN), (3600, BAD)))),
)
FEES = report(
    "Fees of $month",
    "Fees paid and rebates received in their own currency, never netted except in the net"
    " amounts. Effective fees in basis points of the turnover.",
    "fees_of_month",
    *(
        Column(name, unit=MONEY, decimals=8, width=150)
        for name in ("fees paid", "rebates received", "net", "turnover", "net in quote")
    ),
    Column("effective bps", decimals=4),
    Column("complete to", unit=looks.INSTANT),
)
TIER_AND_CHARGE = report(
    "Fee tier and what was charged in $month",
    "Net fees in basis points of the turnover, and the lowest and highest fee of the account's"
    " tiers in that month."
    " A lower charge is the price of API trading, which the exchange does not list."
    " No tier: it was not observed in that month.",
    "tier_and_charge",
    Column("turnover", unit=MONEY, decimals=8, width=150),
    *(Column(name, decimals=4) for name in ("charged bps", "tier bps from", "tier bps to")),
    Column("complete to", unit=looks.INSTANT),
)
FUNDING = report(
    "Funding of $month",
    "Paid and received in the quote currency, never netted except in net. The payment of midnight"
    " on the first counts for the month that begins.",
    "funding_of_month",
    *(Column(name, unit=MONEY, decimals=8) for name in ("paid", "received", "net")),
    Column("complete to", unit=looks.INSTANT),
)
TURNOVER = report(
    "Turnover of $month",
    "Traded amounts by market, side and liquidity, without fees.",
    "turnover_of_month",
    *(Column(name, unit=MONEY, decimals=8) for name in ("base amount", "turnover")),
    Column("complete to", unit=looks.INSTANT),
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
    "Fees and funding of every month in Postgres, by currency.",
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
    description="The month in exact numbers from Postgres, and whether it is complete.",
    variables=[
        variables.postgres(),
        variables.prometheus(),
        variables.account_in_postgres(),
        variables.month(),
        variables.currency_in_postgres(),
    ],
    streams=["trades", "funding_payments", "closed_positions", "balances"],
    since="now-1y",
    rows=[
        Row("Is it complete?", 4, [(AT_A_GLANCE, 24)]),
        Row("Completeness", 8, [(COMPLETENESS, 24)]),
        Row(
            "The month",
            9,
            [
                (CLOSING, 24),
                (FEES, 24),
                (TIER_AND_CHARGE, 24),
                (FUNDING, 24),
                (closed_positions.OF_MONTH, 24),
                (TURNOVER, 24),
            ],
        ),
        Row("Day by day", 9, [(DAILY, 24)]),
        Row("What is missing", 8, [(GAPS, 24), (REJECTS, 24), (FRESHNESS, 24)]),
        Row(
            "Month by month",
            9,
            [(ALL_MONTHS, 24), (BY_MONTH.repeat("currency").max_per_row(3), 24)],
        ),
    ],
)
