"""Trading: what did it bring so far, and how far is equity below its highest?"""

from __future__ import annotations

from grafana_foundation_sdk.models import common, dashboard

from grafana.source.looks import MONEY, SHARE
from grafana.source.reports import history

_MONTH = "30d"
"""What is counted by day needs more than the hours that the dashboard begins with."""

_POINTS = common.VisibilityMode.ALWAYS
"""A single day is no line: whoever started yesterday would see nothing."""
_SINCE = (
    " It begins with the day on which the exporter was started: the exchange tells no equity of"
    " the past."
)
_NONE_YET = "The exchange has sent no equity of these accounts."
_THICK = dashboard.DynamicConfigValue("custom.lineWidth", 3)

CUMULATIVE = (
    history(
        "Cumulative result in $currency",
        "What was realised since the range's first day, to the end of each day of the business"
        " zone. Gross: spot sales (first in, first out) and closed positions. Fees are below 0"
        " when paid, funding is above 0 when received. Net is the sum of the three; what has no"
        " known cost is in none, what has a fee that is not known not in net. Those of a spot"
        " purchase count when it is sold. A line begins with the first result; without any,"
        " nothing was sold, closed or paid. Choose the currency above: amounts of two do not add"
        " up.",
        "results_in_range",
        stream="trades",
        unit=MONEY,
        decimals=2,
    )
    .time_from(_MONTH)
    .show_points(_POINTS)
    .point_size(6)
    .override_by_regexp("/ net$/", [_THICK])
    .no_value("Nothing was sold or closed, and no funding was paid, in this currency and time.")
)
DRAWDOWN = (
    history(
        "Drawdown",
        "How far the equity at each day's end is below its highest so far, as a share of that; 0"
        " is a new high. Deposits and withdrawals are not taken out: a withdrawal looks like a"
        " loss. An account whose equity the exchange does not send has no line." + _SINCE,
        "drawdown_in_range",
        stream="portfolio",
        unit=SHARE,
        decimals=1,
        age="age_of_equity",
    )
    .time_from(_MONTH)
    .show_points(_POINTS)
    .point_size(6)
    .max(0)
    .fill_opacity(20)
    .no_value(_NONE_YET)
)
EQUITY = (
    history(
        "Equity and its highest so far",
        "At each day's end in the business zone, as the exchange tells it, in the account's"
        " currency, which it does not name." + _SINCE,
        "equity_in_range",
        stream="portfolio",
        unit=MONEY,
        decimals=2,
        age="age_of_equity",
    )
    .time_from(_MONTH)
    .show_points(_POINTS)
    .point_size(6)
    .no_value(_NONE_YET)
)
