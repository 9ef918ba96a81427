"""Funding: what does holding cost, what did it cost, and when is the next payment?"""

from __future__ import annotations

from grafana.source import looks, variables
from grafana.source.freshness import Streams
from grafana.source.layout import Dashboard, Row
from grafana.source.looks import GOOD, MONEY, PLAIN, SECONDS, SHARE, WARN, runbook
from grafana.source.metrics import grew, in_quote, latest
from grafana.source.panels import lines, stat
from grafana.source.queries import Series
from grafana.source.reports import history, report
from grafana.source.tables import Column, table

_RATES = Streams("funding_rates")
_PAYMENTS = Streams("funding_payments")
_OUT_OF_BOUNDS = [runbook("OnetradingFundingRateOutOfBounds")]
_PAID = "onetrading_funding_paid_total"
_RECEIVED = "onetrading_funding_received_total"
_NEXT = "onetrading_next_funding_timestamp_seconds"


def of_range(name: str) -> str:
    """A counter's growth over the dashboard's range, by account and currency."""
    return in_quote(grew(name, over="$__range"), "account")


NEXT_PAYMENT = stat(
    "Next payment in",
    "Time until the earliest coming settlement of the chosen instruments.",
    Streams("tickers"),
    Series(f"min({latest(_NEXT)} > time()) - time()", "soonest"),
    unit=SECONDS,
    decimals=0,
    steps=(WARN, ((600, PLAIN),)),
)
EXTREMES = stat(
    "Highest and lowest rate",
    "Of the chosen instruments, as a fraction per funding period. Longs pay shorts when positive.",
    _RATES,
    Series(f"topk(1, {latest('onetrading_funding_rate')})", "{{instrument}}"),
    Series(f"bottomk(1, {latest('onetrading_funding_rate')})", "{{instrument}}"),
    unit=SHARE,
    decimals=4,
    links=_OUT_OF_BOUNDS,
)
IN_RANGE = table(
    "Funding in this range",
    "Paid and received over the dashboard's range, by quote currency. An estimate as Prometheus"
    " makes them; exact below.",
    _PAYMENTS,
    {"account": "account", "quote": "currency"},
    Column("paid", of_range(_PAID), MONEY, 2),
    Column("received", of_range(_RECEIVED), MONEY, 2, None, (PLAIN, ((0.000001, GOOD),))),
    links=[runbook("OnetradingFundingPaidHigh")],
)
RATE = lines(
    "Rate that forms for the coming payment",
    "A fraction per funding period; longs pay shorts when it is positive.",
    _RATES,
    Series(latest("onetrading_funding_rate"), "{{instrument}}"),
    unit=SHARE,
    decimals=4,
    links=_OUT_OF_BOUNDS,
)
MARK = lines(
    "Mark price",
    "In the quote currency of each instrument, computed once a minute. Logarithmic, since prices of"
    " instruments differ by orders of magnitude.",
    _RATES,
    Series(latest("onetrading_mark_price"), "{{instrument}}"),
    unit=MONEY,
    log=True,
)
INSTRUMENTS = table(
    "By instrument",
    "Rate, prices and the coming settlement of each instrument.",
    Streams("funding_rates", "tickers"),
    {"instrument": "instrument"},
    Column("rate", latest("onetrading_funding_rate"), SHARE, 4),
    Column("mark price", latest("onetrading_mark_price"), MONEY, 8),
    Column("last price", latest("onetrading_last_price", 'instrument=~".+_P"'), MONEY, 8),
    Column("next payment", f"1000 * {latest(_NEXT)}", looks.AGO),
    Column(
        "rate computed",
        f"1000 * {latest('onetrading_funding_rate_timestamp_seconds')}",
        looks.AGO,
    ),
)
EXPOSURE = lines(
    "What the coming payment would be",
    "Rate that forms now times the notional of the position, in the quote currency: below 0 the"
    " account would pay. An estimate: rate and position may change until the payment.",
    Streams("funding_rates", "positions"),
    *(
        Series(
            f"{sign}{latest('onetrading_position_open_notional', way)}"
            f" * on (instrument) group_left () {latest('onetrading_funding_rate')}",
            "{{account}} {{instrument}} {{direction}}",
        )
        for sign, way in (("-", 'direction="LONG"'), ("", 'direction="SHORT"'))
    ),
    unit=MONEY,
    decimals=2,
)
SETTLED = history(
    "Settled rate of the payments",
    "The settled rate at each funding time at which the account paid or received.",
    "settled_rates",
    stream="funding_payments",
    unit=SHARE,
    decimals=4,
)
BOOKED = history(
    "Payments",
    "Each booked payment in the quote currency of its instrument: above 0 received, below 0 paid.",
    "booked_payments",
    stream="funding_payments",
    unit=MONEY,
    decimals=2,
    bars=True,
    mixed=True,
)
SUMS = report(
    "Paid and received in this range",
    "Exact sums of what was booked; complete up to the last column.",
    "sums_of_payments",
    *(Column(name, unit=MONEY, decimals=8) for name in ("paid", "received", "net")),
    Column("complete to", unit=looks.INSTANT),
)
LATEST = report(
    "Payments in this range, newest first",
    "At most 500. Rate and mark price are null until the settled rate is read.",
    "latest_payments",
    Column("funding time", unit=looks.INSTANT),
    Column("rate", unit=SHARE, decimals=4),
    *(
        Column(name, unit=MONEY, decimals=8)
        for name in ("mark price", "paid", "received", "cash after")
    ),
    Column("booked", unit=looks.INSTANT),
    Column("complete to", unit=looks.INSTANT),
)

DASHBOARD = Dashboard(
    slug="funding",
    title="One Trading / Funding",
    description="Funding: preliminary, settled, paid and received.",
    variables=[
        variables.prometheus(),
        variables.postgres(),
        variables.account(),
        variables.futures(),
    ],
    streams=["funding_rates", "tickers", "funding_payments", "positions"],
    since="now-2d",
    rows=[
        Row("At a glance", 5, [(NEXT_PAYMENT, 5), (EXTREMES, 7), (IN_RANGE, 12)]),
        # Twelve instruments, each with a line of the legend.
        Row("Now", 12, [(RATE, 10), (INSTRUMENTS, 14), (MARK, 12), (EXPOSURE, 12)]),
        Row("Settled and booked", 10, [(SETTLED, 12), (BOOKED, 12), (SUMS, 24), (LATEST, 24)]),
    ],
)
