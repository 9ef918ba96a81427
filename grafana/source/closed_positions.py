"""Positions and margin: what did the positions that were closed in a range of time bring?"""

from __future__ import annotations

from grafana.source import looks
from grafana.source.freshness import Streams
from grafana.source.looks import BAD, COUNT, GOOD, MONEY, PLAIN
from grafana.source.metrics import grew, in_quote
from grafana.source.panels import lines
from grafana.source.queries import Series
from grafana.source.reports import report
from grafana.source.tables import Column, table

_CLOSED = Streams("closed_positions")
_COUNT = "onetrading_positions_closed_total"
_GAINED = "onetrading_realised_pnl_gained_total"
_LOST = "onetrading_realised_pnl_lost_total"
_GAINS = in_quote(grew(_GAINED, over="$__range"), "account")
_LOSSES = in_quote(grew(_LOST, over="$__range"), "account")
_SIGN = (BAD, ((0, GOOD),))
"""Of a result: a gain or a loss."""
RESULTS = [
    *(Column(name, unit=MONEY, decimals=8, width=120) for name in ("gross", "fees", "funding")),
    Column("net", unit=MONEY, decimals=8, steps=_SIGN, width=120),
]

BY_ACCOUNT = table(
    "Closed in this range",
    "Positions closed over the dashboard's range by quote currency, and their gains less losses"
    " after fees and funding, as estimated by Prometheus; exact numbers below.",
    _CLOSED,
    {"account": "account", "quote": "currency"},
    Column("positions", in_quote(grew(_COUNT, over="$__range"), "account"), COUNT, 0),
    # An account may have only gains, or only losses.
    Column(
        "net result",
        f"({_GAINS} or 0 * {_LOSSES}) - ({_LOSSES} or 0 * {_GAINS})",
        MONEY,
        2,
        None,
        _SIGN,
    ),
)
OVER_TIME = lines(
    "Gains and losses of closed positions",
    "Net results of the positions closed in each interval, in the quote currency that the legend"
    " names; losses are below zero.",
    _CLOSED,
    Series(
        f"{in_quote(grew(_GAINED), 'account')} > 0",
        "{{account}} {{quote}} gained",
    ),
    Series(
        f"-{in_quote(grew(_LOST), 'account')} < 0",
        "{{account}} {{quote}} lost",
    ),
    unit=MONEY,
    decimals=2,
    bars=True,
    mixed=True,
)
SUMS = report(
    "Closed positions by instrument in this range",
    "Exact sums of the positions closed in it. Net is gross less fees plus funding: fees are"
    " positive when paid, funding when received.",
    "closed_positions_by_instrument",
    *RESULTS,
    Column("positions", decimals=0, width=110),
    Column("with a gain", decimals=0, width=125),
    Column("complete to", unit=looks.INSTANT),
)
EACH = report(
    "Closed positions in this range, newest first",
    "At most 500. Net is gross less fees plus funding: fees are positive when paid, funding when"
    " received. One of which the exchange does not tell when it was closed is listed by when it"
    " was first seen here.",
    "latest_closed_positions",
    Column("direction", words={"LONG": ("LONG", GOOD), "SHORT": ("SHORT", BAD)}, width=85),
    *RESULTS,
    Column("held for", unit="s", decimals=1, width=100),
    Column("instrument", width=130),
    *(Column(name, width=95) for name in ("account", "currency")),
    *(Column(name, unit=looks.INSTANT) for name in ("closed", "opened", "complete to")),
)
OF_MONTH = report(
    "Positions closed in $month, as the exchange tells",
    "What positions brought that were closed in the month: gross less fees plus funding is net."
    " Difference: what is left of that sum, by rounding or otherwise. A position that was opened in"
    " an earlier month counts with all of its fees and funding, so these are not the month's fees"
    " and funding above.",
    "closed_positions_of_month",
    *RESULTS,
    Column("positions", decimals=0, width=110),
    Column("difference", unit=MONEY, decimals=8, steps=(PLAIN, ())),
    Column("complete to", unit=looks.INSTANT),
    empty="No futures position was closed in this month.",
)
