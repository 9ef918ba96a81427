"""Positions and margin: how far is each account from a margin call, and which position is it?"""

from __future__ import annotations

from grafana.source import closed_positions, variables
from grafana.source.freshness import Streams
from grafana.source.layout import Dashboard, Row
from grafana.source.looks import BAD, COUNT, GOOD, MONEY, PLAIN, RATIO, SHARE, WARN, Steps, runbook
from grafana.source.metrics import latest, lowest
from grafana.source.panels import lines, stat
from grafana.source.queries import Series
from grafana.source.reports import report
from grafana.source.tables import Column, table

REDUCES, LIQUIDATES = 1.5, 1.0
RATIO_STEPS: tuple[str, Steps] = (BAD, ((LIQUIDATES, WARN), (REDUCES, "yellow"), (3, GOOD)))
"""Of the account ratio: yellow below twice the first line."""

_PORTFOLIO = Streams("portfolio")
_POSITIONS = Streams("positions")
_EQUITY = latest("onetrading_futures_equity")
_RATIO = lowest("onetrading_futures_account_ratio")
_LOW = [runbook("OnetradingMarginRatioLow"), runbook("OnetradingMarginRatioCritical")]


def losable(line: float) -> str:
    """Equity that may be lost before the account ratio falls to ``line``.

    The ratio is taken to fall with equity while what it is measured against stays the same.
    """
    return f"{_EQUITY} * (1 - {line} / {_RATIO})"


POSITIONS = table(
    "Positions now",
    "Each open position with the exchange's own numbers. Volume is in the base asset, money in the"
    " quote currency of the instrument. No row: flat, or withdrawn; see the age above.",
    _POSITIONS,
    {"account": "account", "instrument": "instrument", "direction": "direction"},
    Column("volume", latest("onetrading_position_open_volume"), MONEY, 8),
    Column("notional", latest("onetrading_position_open_notional"), MONEY, 2),
    Column("mark price", latest("onetrading_position_mark_price"), MONEY, 8),
    Column("maintenance margin", latest("onetrading_position_maintenance_margin"), MONEY, 2),
    Column("last settlement", latest("onetrading_position_last_settlement"), MONEY, 4),
    sort="-notional",
    links=[runbook("OnetradingPositionOverLimit")],
)
LOWEST_RATIO = stat(
    "Lowest account ratio",
    "Of the chosen accounts; the account is named. At 1.5 the exchange reduces positions, at 1.0 it"
    " liquidates. No value while all are flat.",
    _PORTFOLIO,
    Series(f"bottomk(1, {_RATIO})", "{{account}}"),
    unit=RATIO,
    decimals=2,
    steps=RATIO_STEPS,
    links=_LOW,
)
DISTANCES = table(
    "Accounts, closest to a margin call first",
    "Ratio: at 1.5 the exchange reduces positions, at 1.0 it liquidates; no value while flat. Loss"
    " until 1.5 and 1.0: equity that may be lost before, in the exchange's currency of account:"
    " equity x (1 - 1.5 / ratio). It takes the margin in use to stay the same, so read it as a"
    " distance and not as a promise. In use: margin in use as a share of equity. Maintenance: the"
    " margin of all positions together.",
    Streams("portfolio", "positions"),
    {"account": "account"},
    Column("equity", _EQUITY, MONEY, 2),
    Column("ratio", _RATIO, RATIO, 2, None, RATIO_STEPS),
    Column("above 1.5", f"{_RATIO} - {REDUCES}", RATIO, 2, None, (BAD, ((0, WARN), (1.5, GOOD)))),
    Column("loss until 1.5", losable(REDUCES), MONEY, 0, None, (BAD, ((0, PLAIN),)), 130),
    Column("loss until 1.0", losable(LIQUIDATES), MONEY, 0, None, (BAD, ((0, PLAIN),)), 130),
    Column(
        "in use",
        f"{latest('onetrading_futures_margin_used')} / ({_EQUITY} > 0)",
        SHARE,
        1,
        None,
        (GOOD, ((0.5, WARN), (0.8, BAD))),
    ),
    Column("maintenance", latest("onetrading_futures_maintenance_margin"), MONEY, 2),
    Column("positions", latest("onetrading_positions_open"), COUNT, 0),
    sort="ratio",
    links=_LOW,
)
RATIO_OVER_TIME = lines(
    "Account ratio against its lines",
    "Logarithmic. Dashed lines: at 1.5 the exchange reduces positions, at 1.0 it liquidates.",
    _PORTFOLIO,
    Series(_RATIO, "{{account}}"),
    unit=RATIO,
    decimals=2,
    log=True,
    steps=("transparent", ((LIQUIDATES, BAD), (REDUCES, WARN))),
    minimum=0.5,
    links=_LOW,
)
DISTANCE_OVER_TIME = lines(
    "Loss until 1.5, over time",
    "Equity that may be lost before the account ratio is 1.5: equity x (1 - 1.5 / ratio).",
    _PORTFOLIO,
    Series(losable(REDUCES), "{{account}}"),
    unit=MONEY,
    decimals=0,
    steps=("transparent", ((0, BAD),)),
    links=_LOW,
)
MARGINS_OVER_TIME = lines(
    "Equity, margin in use, maintenance margin",
    "Of the futures account, in the exchange's currency of account.",
    _PORTFOLIO,
    Series(_EQUITY, "{{account}} equity"),
    Series(latest("onetrading_futures_margin_used"), "{{account}} margin in use"),
    Series(latest("onetrading_futures_maintenance_margin"), "{{account}} maintenance"),
    unit=MONEY,
    decimals=2,
    minimum=0,
)
NOTIONAL_OVER_TIME = lines(
    "Notional by instrument",
    "Size at the mark price in the quote currency of the instrument: longs above zero, shorts"
    " below.",
    _POSITIONS,
    *(
        Series(
            f"{sign}{latest('onetrading_position_open_notional', way)}",
            "{{account}} {{instrument}} {{direction}}",
        )
        for sign, way in (("", 'direction="LONG"'), ("-", 'direction="SHORT"'))
    ),
    unit=MONEY,
    decimals=0,
    links=[runbook("OnetradingPositionOverLimit")],
)
MAINTENANCE_OVER_TIME = lines(
    "Maintenance margin by position",
    "In the quote currency of the instrument: which position brings a margin call closer.",
    _POSITIONS,
    Series(
        latest("onetrading_position_maintenance_margin"),
        "{{account}} {{instrument}} {{direction}}",
    ),
    unit=MONEY,
    decimals=2,
    minimum=0,
)
SETTLEMENT_OVER_TIME = lines(
    "Settlement of the last minute",
    "Positions are settled in cash every minute, in the quote currency of the instrument; below 0"
    " the account paid. A sample each scrape: read the sum from the ledger, not from here.",
    _POSITIONS,
    Series(
        latest("onetrading_position_last_settlement"),
        "{{account}} {{instrument}} {{direction}}",
    ),
    unit=MONEY,
    decimals=4,
)
STORED = report(
    "Positions in Postgres",
    "The same from the newest stored snapshot, with the currencies.",
    "stored_positions",
    Column("net volume", unit=MONEY, decimals=8),
    Column("notional", unit=MONEY, decimals=2),
    Column("maintenance margin", unit=MONEY, decimals=2),
    Column("observed", unit="dateTimeAsIso"),
    Column("age", unit="s", decimals=0),
)
DASHBOARD = Dashboard(
    slug="positions-and-margin",
    title="One Trading / Positions and margin",
    description="How far each account is from a margin call, what moves it there, and what closed"
    " positions brought.",
    variables=[
        variables.prometheus(),
        variables.postgres(),
        variables.account(),
        variables.futures(),
    ],
    streams=["portfolio", "positions", "closed_positions"],
    rows=[
        Row(
            "How far from a margin call",
            6,
            [(DISTANCES, 20), (LOWEST_RATIO, 4)],
        ),
        Row("Distance", 10, [(RATIO_OVER_TIME, 12), (DISTANCE_OVER_TIME, 12)]),
        Row("Positions", 8, [(POSITIONS, 24)]),
        Row("Exposure", 9, [(NOTIONAL_OVER_TIME, 12), (MAINTENANCE_OVER_TIME, 12)]),
        Row("Margin and settlement", 9, [(MARGINS_OVER_TIME, 12), (SETTLEMENT_OVER_TIME, 12)]),
        Row(
            "Closed positions",
            8,
            [
                (closed_positions.BY_ACCOUNT, 10),
                (closed_positions.OVER_TIME, 14),
                (closed_positions.SUMS, 24),
                (closed_positions.EACH, 24),
            ],
        ),
        Row("For the books", 8, [(STORED, 24)]),
    ],
)
