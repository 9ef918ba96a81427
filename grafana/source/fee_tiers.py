"""Account overview and Trading: at which fees does each account trade?"""

from __future__ import annotations

from grafana.source.freshness import Streams
from grafana.source.looks import MONEY, SHARE
from grafana.source.metrics import latest
from grafana.source.tables import Column, table

FEE_TIERS = table(
    "Fee tiers",
    "The tier in force, and the volume of 30 days that decides it, of all subaccounts together."
    " What was charged is on the dashboard Finance.",
    Streams("account_fees"),
    {"account": "account", "fee_group": "group"},
    Column("maker", latest("onetrading_fee_tier_maker_ratio"), SHARE, 4),
    Column("taker", latest("onetrading_fee_tier_taker_ratio"), SHARE, 4),
    Column("running volume", latest("onetrading_fee_running_volume"), MONEY, 2, width=140),
)
