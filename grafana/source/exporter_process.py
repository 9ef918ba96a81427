"""Exporter health: the process, the exchange and Postgres."""

from __future__ import annotations

from grafana.source.freshness import EXPORTER
from grafana.source.looks import BAD, COUNT, GOOD, PLAIN, SECONDS, WARN, runbook
from grafana.source.metrics import grew, latest, quantile
from grafana.source.panels import lines, stat
from grafana.source.queries import Series
from grafana.source.tables import Column, table

_SPOOL = [runbook("OnetradingSpoolFilling"), runbook("OnetradingSpoolDropping")]

REQUESTS = lines(
    "Requests by code",
    "Requests to the exchange per second, by HTTP status, or by error without one.",
    EXPORTER,
    Series(
        "sum by (code) (rate(onetrading_api_requests_total"
        '{account=~"$account|public"}[$__rate_interval]))',
        "{{code}}",
    ),
    unit="reqps",
    bars=True,
    minimum=0,
    links=[runbook("OnetradingTokenRefused")],
)
LATENCY = lines(
    "Latency of the exchange",
    "From sending a request to its complete response: median, 95th and 99th percentile of all"
    " endpoints. Bucketed, so read it as an order of magnitude.",
    EXPORTER,
    *(
        Series(
            f"histogram_quantile({share}, sum by (le)"
            " (rate(onetrading_api_request_duration_seconds_bucket[$__rate_interval])))",
            name,
        )
        for share, name in ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))
    ),
    unit=SECONDS,
    minimum=0,
)
SLOWEST = lines(
    "Latency by endpoint, 95th percentile",
    "From sending a request to its complete response.",
    EXPORTER,
    Series(quantile(0.95, "onetrading_api_request_duration_seconds", "endpoint"), "{{endpoint}}"),
    unit=SECONDS,
    minimum=0,
)
BUDGET = stat(
    "Request budget left",
    "Requests that may be sent at once, a small burst; the lowest of all tokens. At 0 for a moment"
    " is normal, at 0 for minutes polls come late.",
    EXPORTER,
    Series(f"min({latest('onetrading_api_budget_remaining', public=True)})", "requests"),
    unit=COUNT,
    decimals=0,
    steps=(WARN, ((1, GOOD),)),
    links=[runbook("OnetradingBudgetExhausted")],
)
BUDGETS = lines(
    "Request budget of each token",
    "Requests that each token may send now. Live polling has priority over history.",
    EXPORTER,
    Series(latest("onetrading_api_budget_remaining", public=True), "{{account}}"),
    unit=COUNT,
    decimals=0,
    minimum=0,
    links=[runbook("OnetradingBudgetExhausted")],
)
WAITS = lines(
    "Waiting for the budget",
    "Seconds waited per second, summed over all requests: above 0 the budget is the limit.",
    EXPORTER,
    Series(
        "sum by (account) (rate(onetrading_api_wait_seconds_total"
        '{account=~"$account|public"}[$__rate_interval]))',
        "{{account}}",
    ),
    unit=SECONDS,
    minimum=0,
    links=[runbook("OnetradingBudgetExhausted")],
)
SKEW = lines(
    "Clock skew",
    "The exchange's clock less ours. Windows of history are cut by the exchange's clock; a skew"
    " is no fault of the data, but of the machine.",
    EXPORTER,
    Series(latest("onetrading_exchange_clock_skew_seconds", public=True), "{{account}}"),
    unit=SECONDS,
    links=[runbook("OnetradingClockSkew")],
)
ALIVE = stat(
    "Processes",
    "Exporters that are scraped, and how many of them lead: each account has one leader, which"
    " reads and writes it. 0: an account has none, and its values are missing.",
    EXPORTER,
    Series("count(onetrading_exporter_build_info) or vector(0)", "running"),
    Series("min(sum by (account) (onetrading_exporter_leader)) or vector(0)", "leader"),
    unit=COUNT,
    decimals=0,
    steps=(BAD, ((1, GOOD),)),
    links=[runbook("OnetradingExporterAbsent")],
)
DATABASE = stat(
    "Postgres",
    "Whether it was reachable at the last attempt. Gauges stay current without it, history and"
    " counters do not move.",
    EXPORTER,
    Series("max(onetrading_database_up)", "Postgres"),
    unit=COUNT,
    words={"1": ("up", GOOD), "0": ("down", BAD)},
    links=[runbook("OnetradingDatabaseDown")],
)
WRITERS = lines(
    "Postgres and leaders",
    "1 while Postgres is up, and while each account has one process that reads and writes it: 0 is"
    " an account without one, 2 one that has just moved.",
    EXPORTER,
    Series("max(onetrading_database_up)", "Postgres up"),
    Series("min(sum by (account) (onetrading_exporter_leader))", "leaders, fewest"),
    Series("max(sum by (account) (onetrading_exporter_leader))", "leaders, most"),
    unit=COUNT,
    decimals=0,
    minimum=0,
    links=[runbook("OnetradingDatabaseDown")],
)
SPOOL = lines(
    "Spool",
    "Snapshots that wait on disk until Postgres takes them, and those that were lost because the"
    " spool was full.",
    EXPORTER,
    Series("max(onetrading_spool_snapshots)", "waiting"),
    Series("max(increase(onetrading_spool_dropped_total[$__rate_interval]))", "lost"),
    unit=COUNT,
    decimals=0,
    minimum=0,
    links=_SPOOL,
)
SCHEDULER = lines(
    "Scheduler",
    "Age of its heartbeat, which comes every few seconds, and runs that were missed, raised, or"
    " found the run before still going.",
    EXPORTER,
    Series(
        "time() - max(onetrading_scheduler_heartbeat_timestamp_seconds)", "heartbeat age in seconds"
    ),
    Series(
        "max by (event) (increase(onetrading_scheduler_events_total[$__rate_interval]))",
        "{{event}}",
    ),
    unit=COUNT,
    decimals=0,
    minimum=0,
    links=[runbook("OnetradingSchedulerStuck")],
)
SCOPES = table(
    "Token scopes",
    "What each account's token was seen to allow. It should allow Read, and nothing else.",
    EXPORTER,
    {"account": "account", "scope": "scope"},
    Column(
        "has it", latest("onetrading_token_scope"), words={"1": ("yes", PLAIN), "0": ("no", PLAIN)}
    ),
    links=[runbook("OnetradingTokenRefused")],
)
VERSIONS = table(
    "Versions",
    "Of each running exporter.",
    EXPORTER,
    {"version": "version", "revision": "revision", "python": "Python"},
    Column("processes", "count by (version, revision, python) (onetrading_exporter_build_info)"),
)
PASSES = lines(
    "Duration of a pass, 95th percentile",
    "From the request to the commit, including failed passes, of all chosen accounts.",
    EXPORTER,
    Series(
        quantile(0.95, "onetrading_sync_duration_seconds", "stream", public=True),
        "{{stream}}",
    ),
    unit=SECONDS,
    minimum=0,
)
ROWS = lines(
    "Rows written",
    "Inserted and updated in each interval, of all chosen accounts; unchanged rows are not"
    " written.",
    EXPORTER,
    Series(
        f"sum by (stream, operation) ({grew('onetrading_rows_written_total', public=True)}) > 0",
        "{{stream}} {{operation}}",
    ),
    unit=COUNT,
    decimals=0,
    bars=True,
    minimum=0,
)
