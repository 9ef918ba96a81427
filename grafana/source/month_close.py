"""Finance: can a month be closed, and what are its figures?"""

from __future__ import annotations

from grafana.source import looks
from grafana.source.freshness import EXPORTER
from grafana.source.looks import BAD, GOOD, MONEY, PLAIN, SECONDS, WARN, runbook
from grafana.source.metrics import latest, lowest
from grafana.source.reports import figures, report
from grafana.source.tables import Column, table

_CLOSE = looks.link("How to close a month", "docs/close.md")
_DIFFERS = runbook("OnetradingReconciliationDiffers")
_BLOCKED = runbook("OnetradingMonthNotClosable")
_LATE = runbook("OnetradingLateFactInLockedMonth")
_GAPS = [runbook("OnetradingCoverageGap"), runbook("OnetradingCoverageLag")]
_REJECTS = [runbook("OnetradingRejects")]
_SIGN = (BAD, ((0, GOOD),))
"""Of a result: a gain or a loss."""
_ZERO = (BAD, ((0, GOOD), (1e-18, BAD)))
"""Of a difference: any is bad, however small and of either sign."""
_NONE = (GOOD, ((1, BAD),))
_DIFFERENCE = "onetrading_reconciliation_difference"
_UNCLOSED = "onetrading_month_unclosed_end_timestamp_seconds"
_IN_LOCKED = "onetrading_late_facts_in_locked_months"
_JUDGED = f"0 * max by (account) ({latest(_DIFFERENCE)})"
"""0 for each account whose months were judged: of one that was not, nothing is said."""

AT_A_GLANCE = figures(
    "Can $month be closed?",
    "It can when no check of the chosen accounts fails or is open; the command close asks those of"
    " every account. Not over: the month still runs, and what fails so far counts as open. Waiting:"
    " what it needs is not all there yet."
    " Locked: the figures below are those that were stored then; of the checksum these are the"
    " first 12 digits.",
    "month_at_a_glance",
    Column(
        "the month",
        words={
            "closable": ("closable", GOOD),
            "locked": ("locked", GOOD),
            "not closable": ("not closable", BAD),
            "not over": ("not over", PLAIN),
            "waiting": ("waiting", WARN),
        },
    ),
    Column("checks failing", steps=_NONE),
    Column("checks open", steps=(GOOD, ((1, WARN),))),
    Column("locked since", unit=looks.INSTANT),
    Column("history behind", unit=SECONDS, decimals=0, steps=(PLAIN, ((1800, WARN), (7200, BAD)))),
    links=[_CLOSE, _BLOCKED],
)
CHECKS = report(
    "Checks of $month",
    "Each check of each account; what is read without a token is account public. The difference is"
    " an amount where a currency stands beside it, else seconds of history (coverage) or a number"
    " of records. The query shows the rows behind it; the guide says what to do.",
    "checks_of_month",
    Column(
        "state",
        words={
            "ok": ("ok", GOOD),
            "open": ("open", WARN),
            "failing": ("failing", BAD),
            "failing so far": ("failing so far", WARN),
            "acknowledged": ("acknowledged", WARN),
            "not_applicable": ("not applicable", "purple"),
        },
        width=115,
    ),
    *(Column(name, width=105) for name in ("account", "check", "currency")),
    Column("difference", width=130),
    Column("failing since", unit=looks.INSTANT),
    Column("detail", width=400, long=True),
    Column("rows to look at", width=400, long=True),
    Column("as of", unit=looks.INSTANT),
    links=[_CLOSE, _DIFFERS, *_GAPS, *_REJECTS],
    empty="Nothing is known of this month, so there is nothing to check.",
)
ROLLFORWARD = report(
    "Opening + movements = closing, $month",
    "In units of the currency, signed: what came in is above 0. Trades: spot alone. Settlements of"
    " futures are inferred, since nothing tells them. External: imported deposits, withdrawals and"
    " transfers. Expected is the opening balance and all of these; closing is what was observed"
    " (now, while the month runs); difference is closing less expected. Something between both"
    " unexplained times is missing or wrong. Basis derived: nothing was observed, so that the"
    " month proves nothing.",
    "rollforward_of_month",
    Column("account", width=95),
    Column("currency", width=105),
    *(
        Column(name, unit=MONEY, decimals=8, width=140)
        for name in ("opening", "trades", "fees", "funding", "settlements", "external")
    ),
    *(Column(name, unit=MONEY, decimals=8, width=140) for name in ("expected", "closing")),
    Column("difference", unit=MONEY, decimals=8, steps=_ZERO, width=140),
    *(Column(f"unexplained {end}", unit=looks.INSTANT, width=170) for end in ("from", "to")),
    Column("basis", words={"observed": ("observed", PLAIN), "derived": ("derived", WARN)}),
    Column("observed", unit=looks.INSTANT),
    links=[_CLOSE, _DIFFERS],
    empty="No balance of the chosen accounts is known in this month.",
)
GAINS = report(
    "Profit and loss of $month by method",
    "Method fifo and average: spot trading, two answers to one question, never to be added up."
    " Position: futures, the result of the positions closed in the month, with the fees and the"
    " funding booked in it. Net is gross less fees plus funding: fees are positive when paid,"
    " funding when received. What has no known cost is in no gain: missing cost counts it, and"
    " sold without cost is what it brought.",
    "gains_of_month",
    Column("account", width=95),
    Column("method", width=85),
    Column("asset or market", width=150),
    Column("currency", width=105),
    *(Column(name, unit=MONEY, decimals=8, width=140) for name in ("gross", "fees", "funding")),
    Column("net", unit=MONEY, decimals=8, steps=_SIGN, width=140),
    Column("closed", decimals=0, width=85),
    Column("missing cost", decimals=0, steps=(PLAIN, ((1, BAD),)), width=130),
    Column("sold without cost", unit=MONEY, decimals=8, width=160),
    Column("unknown fees", decimals=0, steps=(PLAIN, ((1, BAD),)), width=135),
    Column("complete to", unit=looks.INSTANT),
    links=[_CLOSE],
    empty="Nothing was sold, no position was closed, and no funding was booked in this month.",
)
FEES = report(
    "Fees of $month against the tier",
    "Charged less expected is the difference: above 0 more was charged. Schedule: what is"
    " expected, tier (the account's fee tier in force at each trade) or api (ONETRADING_API_FEES,"
    " of orders by API). A dash: there is nothing to compare with, since no tier was observed"
    " then, or the fee is in a third currency. Trades differ by more than one unit of the last"
    " decimal. The last columns are the expected fee in basis points.",
    "fees_against_tier",
    Column("schedule", words={"tier": ("tier", PLAIN), "api": ("api", PLAIN)}, width=110),
    *(Column(name, width=100) for name in ("account", "group", "liquidity", "currency")),
    Column("trades", decimals=0, width=90),
    *(Column(name, unit=MONEY, decimals=8, width=150) for name in ("charged", "expected")),
    Column("difference", unit=MONEY, decimals=8, width=150),
    Column("trades that differ", decimals=0, steps=(PLAIN, ((1, WARN),)), width=150),
    *(Column(name, decimals=4) for name in ("bps from", "bps to")),
    Column("complete to", unit=looks.INSTANT),
    links=[_CLOSE],
    empty="No trade of this month has a fee.",
)
LATE = report(
    "Late facts of $month",
    "What became known, changed or vanished after the month was over, or after it was locked: then"
    " the figures above do not have it, and the amounts say by how much they would change. At most"
    " 500, those after the lock first. A dash: it is of something else.",
    "late_facts_of_month",
    *(Column(name, width=110) for name in ("account", "kind", "instrument")),
    Column("stream", width=145),
    *(Column(name, unit=looks.INSTANT) for name in ("happened", "noticed", "locked", "resolved")),
    Column(
        "came",
        words={
            "after the lock": ("after the lock", BAD),
            "after the month": ("after the month", WARN),
            "within the month": ("within the month", PLAIN),
        },
        width=125,
    ),
    *(
        Column(name, unit=MONEY, decimals=8, width=140)
        for name in ("fees by", "turnover by", "funding by")
    ),
    Column("fee in", width=75),
    Column("record", width=300, long=True),
    Column("as of", unit=looks.INSTANT),
    links=[_CLOSE, _LATE],
    empty="Nothing of this month came late.",
)
LOCKS = report(
    "Locks",
    "Every lock there ever was, of all months and all accounts, newest month first. The checksum"
    " is that of the stored rows, as `close` printed it. Acknowledged: checks that failed when the"
    " month was locked, with the reason why that was accepted.",
    "locks",
    *(Column(name, width=100) for name in ("month", "version")),
    Column("zone", width=120),
    Column("state", words={"in force": ("in force", GOOD), "taken off": ("taken off", WARN)}),
    Column("locked", unit=looks.INSTANT),
    Column("checksum", width=550),
    Column("rows", decimals=0, width=80),
    *(Column(name, width=200, long=True) for name in ("acknowledged", "because")),
    Column("taken off", unit=looks.INSTANT),
    Column("as of", unit=looks.INSTANT),
    links=[_CLOSE],
    empty="No month was locked yet.",
)
UNCLOSED = table(
    "Months of each account",
    "Cannot be closed, ended: how long ago the oldest month ended of which a check fails, whichever"
    " month is chosen. Months are judged hourly, older ones daily. Late: facts that the figures of"
    " locked months do not have; they are listed above, by their month.",
    EXPORTER,
    {"account": "account"},
    Column(
        "cannot be closed, ended",
        f"time() - min by (account) ({lowest(_UNCLOSED)}) or {_JUDGED}",
        SECONDS,
        1,
        {"0": ("none", GOOD)},
        (WARN, ((3 * 86_400, BAD),)),
        185,
    ),
    Column(
        "late in locked months",
        f"{latest(_IN_LOCKED)} or {_JUDGED}",
        looks.COUNT,
        0,
        {"0": ("none", GOOD)},
        _NONE,
        170,
    ),
    links=[_BLOCKED, _LATE],
)
DIFFERENCES = table(
    "Differences in all months that are not locked",
    "What differed when the months were last judged: hourly the newest two, daily older ones. The"
    " key is the month and the currency that the difference is in; without one it is seconds of"
    " history (coverage) or a number of records. No row: nothing differs.",
    EXPORTER,
    {"account": "account", "check": "check", "key": "month and currency"},
    Column("difference", f"{latest(_DIFFERENCE)} != 0", steps=_ZERO),
    sort="month and currency",
    links=[_CLOSE, _DIFFERS],
)
