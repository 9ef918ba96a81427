"""Exporter health: is every number that the other dashboards show of now, and if not, why?"""

from __future__ import annotations

from exporter.streams import STREAMS
from grafana.source import data_quality, looks, variables
from grafana.source import exporter_process as process
from grafana.source.freshness import EXPORTER
from grafana.source.layout import Dashboard, Row
from grafana.source.looks import (
    BAD,
    COUNT,
    GOOD,
    PLAIN,
    SECONDS,
    SHARE,
    WARN,
    YES_IS_BAD,
    YES_IS_GOOD,
    runbook,
)
from grafana.source.metrics import grew, latest, lowest
from grafana.source.panels import lines, stat, states
from grafana.source.queries import Series
from grafana.source.reports import report
from grafana.source.tables import Column, table

_LAST = f"({latest('onetrading_sync_last_success_timestamp_seconds', public=True)} > 0)"
_INTERVAL = latest("onetrading_sync_interval_seconds", public=True)
_SUCCESS = latest("onetrading_sync_success", public=True)
_HELD = latest("onetrading_sync_held", public=True)
_PERMITTED = lowest("onetrading_sync_permitted", public=True)
_AGE = f"(time() - {_LAST})"
_WITHDRAWN = f"({_AGE} > clamp_min(3 * {_INTERVAL}, 60))"
_LAG = latest("onetrading_coverage_lag_seconds", public=True)
_GAP = latest("onetrading_coverage_gap_seconds", public=True)
_PROGRESS = latest("onetrading_backfill_progress_ratio", public=True)
_ERRORS = "onetrading_sync_errors_total"
_STALE = [runbook("OnetradingStreamStale"), runbook("OnetradingStreamNeverSucceeded")]
_COVERAGE = [runbook("OnetradingCoverageLag"), runbook("OnetradingCoverageGap")]

NOT_FRESH = stat(
    "Streams in trouble",
    "Failing: the last pass failed, and not because it was refused. Held: shown, but older than it"
    " should be. Withdrawn: too old to be shown. Refused: the token may not read it.",
    EXPORTER,
    Series(f"sum((1 - {_SUCCESS}) * {_PERMITTED})", "failing"),
    Series(f"sum({_HELD})", "held"),
    Series(f"count({_WITHDRAWN}) or vector(0)", "withdrawn"),
    Series(f"sum(1 - {_PERMITTED})", "refused"),
    unit=COUNT,
    decimals=0,
    steps=(GOOD, ((1, WARN), (3, BAD))),
    links=[*_STALE, runbook("OnetradingStreamNotPermitted")],
)
COVERED = stat(
    "History",
    "Lag: from now to the end of what is proven complete. Gap: what is missing before that end. The"
    " worst of the chosen accounts.",
    EXPORTER,
    Series(f"max({_LAG})", "lag"),
    Series(f"max({_GAP})", "gap"),
    unit=SECONDS,
    decimals=0,
    steps=(PLAIN, ((1800, WARN), (7200, BAD))),
    links=_COVERAGE,
)
STREAM_TABLE = table(
    "Streams",
    "Every stream of every account: the age of its last good response, and the state of its"
    " history.",
    EXPORTER,
    {"account": "account", "stream": "stream"},
    Column("good", _SUCCESS, words=YES_IS_GOOD, width=80),
    Column("age", _AGE, SECONDS, 0),
    Column(
        "intervals old",
        f"{_AGE} / {_INTERVAL}",
        COUNT,
        1,
        None,
        (GOOD, ((2, WARN), (3, BAD))),
        140,
    ),
    Column("held", _HELD, words=YES_IS_BAD, width=80),
    Column("permitted", _PERMITTED, words=YES_IS_GOOD),
    Column(
        "errors in range",
        f"sum by (account, stream) ({grew(_ERRORS, over='$__range', public=True)})",
        COUNT,
        0,
        None,
        (PLAIN, ((0.5, WARN),)),
        140,
    ),
    Column("history lag", _LAG, SECONDS, 0),
    Column("history gap", _GAP, SECONDS, 0, None, (GOOD, ((1, WARN),))),
    Column("backfill", _PROGRESS, SHARE, 1),
    Column("rejects", latest("onetrading_rejects_open", public=True), COUNT, 0),
    sort="-intervals old",
    links=_STALE,
)
STATES = states(
    "State of each stream",
    "Fresh, held (shown, but stale), withdrawn (too old to be shown) or refused.",
    EXPORTER,
    Series(
        f"(3 + ({_PERMITTED} == 0)) or (2 + 0 * {_WITHDRAWN}) or {_HELD}",
        "{{account}} {{stream}}",
    ),
    words={
        "0": ("fresh", GOOD),
        "1": ("held", WARN),
        "2": ("withdrawn", BAD),
        "3": ("refused", "purple"),
    },
    links=_STALE,
)
AGES = lines(
    "Age in intervals",
    "Age of each stream's last good response in intervals of the stream, of the account where it is"
    " oldest; the table above tells which. 1 is on time; from 2 on it is held, from 3 on (and 60 s)"
    " withdrawn.",
    EXPORTER,
    Series(f"max by (stream) ({_AGE} / {_INTERVAL})", "{{stream}}"),
    unit=COUNT,
    decimals=1,
    steps=("transparent", ((2, WARN), (3, BAD))),
    minimum=0,
    links=_STALE,
)
ERRORS = lines(
    "Failed passes by reason",
    "In each interval; the table of streams counts them by stream. `auth` and `permission` need a"
    " person, `rate_limited` a smaller budget, `payload` and `internal` a new version.",
    EXPORTER,
    Series(
        f"sum by (account, reason) ({grew(_ERRORS, public=True)}) > 0",
        "{{account}} {{reason}}",
    ),
    unit=COUNT,
    decimals=1,
    bars=True,
    minimum=0,
    links=_STALE,
)
LAGS = lines(
    "History lag",
    "Time from now back to the end of what is proven complete, of the account that is furthest"
    " behind. The settle time and one interval are normal.",
    EXPORTER,
    Series(f"max by (stream) ({_LAG})", "{{stream}}"),
    unit=SECONDS,
    decimals=0,
    minimum=0,
    links=_COVERAGE,
)
GAPS = lines(
    "History not proven complete",
    "Between the required start and the end of what is proven, of the account that misses most."
    " Above 0 while the backfill runs.",
    EXPORTER,
    Series(f"max by (stream) ({_GAP})", "{{stream}}"),
    unit=SECONDS,
    decimals=0,
    minimum=0,
    links=_COVERAGE,
)
PROGRESS = lines(
    "Backfill",
    "Share of the required history that is proven complete in Postgres, of the account with the"
    " least.",
    EXPORTER,
    Series(f"min by (stream) ({_PROGRESS})", "{{stream}}"),
    unit=SHARE,
    decimals=0,
    minimum=0,
    maximum=1,
    links=_COVERAGE,
)
ODDITIES = lines(
    "Quarantine, drift, changed facts",
    "Records that could not be read, things that the exchange's documentation does not know, and"
    " settled facts that came back different.",
    EXPORTER,
    Series(
        f"{latest('onetrading_rejects_open', public=True)} > 0", "{{account}} {{stream}} rejects"
    ),
    Series(f"{latest('onetrading_drift_total', public=True)} > 0", "{{account}} {{stream}} drift"),
    Series(
        f"{latest('onetrading_facts_changed_total', public=True)} > 0",
        "{{account}} {{stream}} changed",
    ),
    unit=COUNT,
    decimals=0,
    minimum=0,
    links=[
        runbook("OnetradingRejects"),
        runbook("OnetradingDrift"),
        runbook("OnetradingFactsChanged"),
    ],
)
LAST_ERRORS = report(
    "Last errors",
    "Streams whose last pass failed, and why, as stored in Postgres. Empty is good.",
    "last_errors",
    Column("last error", width=500),
    Column("tried", unit=looks.INSTANT),
    Column("last success", unit=looks.INSTANT),
    Column("age", unit=SECONDS, decimals=0),
    links=_STALE,
)

DASHBOARD = Dashboard(
    slug="exporter-health",
    title="One Trading / Exporter health",
    description="Whether the other dashboards are up to date, and if not, why.",
    variables=[variables.prometheus(), variables.postgres(), variables.account()],
    streams=[stream.name for stream in STREAMS],
    since="now-3h",
    rows=[
        Row(
            "At a glance",
            4,
            [
                (process.ALIVE, 4),
                (process.DATABASE, 4),
                (NOT_FRESH, 7),
                (COVERED, 5),
                (process.BUDGET, 4),
            ],
        ),
        Row("Streams", 11, [(STREAM_TABLE, 24)]),
        # Three accounts have 37 streams, each of which needs a line.
        Row("States and ages of the streams", 20, [(STATES, 12), (AGES, 12)]),
        Row("Errors", 9, [(ERRORS, 24), (LAST_ERRORS, 24)]),
        Row("The exchange", 9, [(process.REQUESTS, 12), (process.LATENCY, 12)]),
        # Seventeen endpoints and streams, each with a line of the legend.
        Row("Latency and duration", 13, [(process.SLOWEST, 12), (process.PASSES, 12)]),
        Row(
            "Budget and time",
            8,
            [
                *((process.BUDGETS, 12), (process.WAITS, 12)),
                *((process.SKEW, 12), (process.SCHEDULER, 12)),
            ],
        ),
        Row(
            "History",
            9,
            [*((LAGS, 12), (GAPS, 12), (PROGRESS, 12), (ODDITIES, 12)), (process.ROWS, 24)],
        ),
        Row(
            "Verification and drift",
            9,
            [(data_quality.VERIFIED, 24), (data_quality.FOUND, 12), (data_quality.DRIFT, 12)],
        ),
        Row("Process", 8, [(process.WRITERS, 12), (process.SPOOL, 12)]),
        Row(
            "Tokens, configuration and versions",
            5,
            [
                (data_quality.TOKENS, 12),
                (data_quality.CONFIGURATION, 12),
                (process.SCOPES, 12),
                (process.VERSIONS, 12),
            ],
        ),
    ],
)
