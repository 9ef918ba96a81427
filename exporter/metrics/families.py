"""The metrics that are not a stream's own: names, labels, help."""

from __future__ import annotations

from typing import Literal, NamedTuple

from exporter.model.stream import Metric


class Entry(NamedTuple):
    """A row of the table of metrics."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    labels: tuple[str, ...]
    help: str


_PER_STREAM = ("account", "stream")

# One stream of one account: written by `board`.
SYNC_SUCCESS = Metric(
    "onetrading_sync_success",
    "1 if the last pass of the stream succeeded, 0 if it failed or there was none yet",
    _PER_STREAM,
)
SYNC_LAST_SUCCESS = Metric(
    "onetrading_sync_last_success_timestamp_seconds",
    "Unix time of the last pass that succeeded; 0 if there was none since the start",
    _PER_STREAM,
)
SYNC_INTERVAL = Metric(
    "onetrading_sync_interval_seconds", "How often the stream is asked, in seconds", _PER_STREAM
)
SYNC_PERMITTED = Metric(
    "onetrading_sync_permitted",
    "0 while the exchange refuses the token for this stream (HTTP 401 or 403), else 1",
    _PER_STREAM,
)
SYNC_HELD = Metric(
    "onetrading_sync_held",
    "1 while the stream's values shown here are of an older answer than they should be: "
    "the last pass failed, or the last two are overdue",
    _PER_STREAM,
)
SYNC_ERRORS = Metric(
    "onetrading_sync_errors_total",
    "Passes of the stream that failed, by reason",
    (*_PER_STREAM, "reason"),
    "counter",
)
DUPLICATES = Metric(
    "onetrading_exposition_duplicates_total",
    "Samples left out because a sample of the same name and labels was already there",
    _PER_STREAM,
    "counter",
)
COVERAGE_LAG = Metric(
    "onetrading_coverage_lag_seconds",
    "Seconds between now and the end of the history that is proven complete in Postgres",
    _PER_STREAM,
)
COVERAGE_GAP = Metric(
    "onetrading_coverage_gap_seconds",
    "Seconds of history, from its configured start to the end of what is proven complete, "
    "that are not proven complete in Postgres",
    _PER_STREAM,
)
BACKFILL_PROGRESS = Metric(
    "onetrading_backfill_progress_ratio",
    "Share (0 to 1) of the history from its configured start that is proven complete in Postgres",
    _PER_STREAM,
)
SYNC_FAMILIES = (
    SYNC_SUCCESS,
    SYNC_LAST_SUCCESS,
    SYNC_INTERVAL,
    SYNC_PERMITTED,
    SYNC_HELD,
    SYNC_ERRORS,
    DUPLICATES,
    COVERAGE_LAG,
    COVERAGE_GAP,
    BACKFILL_PROGRESS,
)

# The process and what it depends on: written by `vitals`.
DATABASE_UP = Metric("onetrading_database_up", "1 if Postgres answered when last asked, else 0")
LEADER = Metric(
    "onetrading_exporter_leader", "1 while this process is the writer of its accounts, else 0"
)
BUDGET_REMAINING = Metric(
    "onetrading_api_budget_remaining",
    "Requests that the account's token may still send at once within its budget",
    ("account",),
)
TOKEN_SCOPE = Metric(
    "onetrading_token_scope",
    "1 if the account's token has the scope, 0 if it was seen not to have it",
    ("account", "scope"),
)
CLOCK_SKEW = Metric(
    "onetrading_exchange_clock_skew_seconds",
    "The exchange's clock minus ours, in seconds, from the last answer's Date or time",
    ("account",),
)
SPOOL_SNAPSHOTS = Metric(
    "onetrading_spool_snapshots", "Snapshots that wait on disk until Postgres takes them"
)
SPOOL_DROPPED = Metric(
    "onetrading_spool_dropped_total",
    "Snapshots that were lost since the start because the spool was full",
    (),
    "counter",
)
REJECTS_OPEN = Metric(
    "onetrading_rejects_open",
    "Records of the exchange that could not be read and still are in quarantine, in Postgres",
    _PER_STREAM,
)
DRIFT = Metric(
    "onetrading_drift_total",
    "Fields, values and page shapes seen that the exchange's documentation does not know, each "
    "counted once, in Postgres",
    _PER_STREAM,
    "counter",
)
FACTS_CHANGED = Metric(
    "onetrading_facts_changed_total",
    "Settled records (trades, payments, rates) that came back different from what was stored, "
    "in Postgres",
    _PER_STREAM,
    "counter",
)
HEARTBEAT = Metric(
    "onetrading_scheduler_heartbeat_timestamp_seconds",
    "Unix time when the scheduler last ran its own heartbeat job",
)
SCHEDULER_EVENTS = Metric(
    "onetrading_scheduler_events_total",
    "Runs that the scheduler missed, that raised, or that found the run before still going",
    ("event",),
    "counter",
)
VITAL_FAMILIES = (
    DATABASE_UP,
    LEADER,
    BUDGET_REMAINING,
    TOKEN_SCOPE,
    CLOCK_SKEW,
    SPOOL_SNAPSHOTS,
    SPOOL_DROPPED,
    REJECTS_OPEN,
    DRIFT,
    FACTS_CHANGED,
    HEARTBEAT,
    SCHEDULER_EVENTS,
)

# Measured while the work is done: written by `instruments`.
SYNC_DURATION = Entry(
    "onetrading_sync_duration_seconds",
    "histogram",
    _PER_STREAM,
    "Duration of the stream's passes, failed ones included, in seconds",
)
ROWS_WRITTEN = Entry(
    "onetrading_rows_written_total",
    "counter",
    (*_PER_STREAM, "operation"),
    "Rows of the stream's table inserted or updated in Postgres; unchanged ones do not count",
)
ROWS_REJECTED = Entry(
    "onetrading_rows_rejected_total",
    "counter",
    _PER_STREAM,
    "Records of the exchange that could not be read and went to quarantine",
)
API_REQUESTS = Entry(
    "onetrading_api_requests_total",
    "counter",
    ("account", "endpoint", "code"),
    "Requests sent to the exchange, by HTTP status or by what went wrong without one",
)
API_DURATION = Entry(
    "onetrading_api_request_duration_seconds",
    "histogram",
    ("endpoint",),
    "Time from sending a request to the exchange to its complete answer, in seconds",
)
API_WAIT = Entry(
    "onetrading_api_wait_seconds_total",
    "counter",
    ("account",),
    "Seconds that requests waited for the request budget before they were sent",
)
BUILD_INFO = Entry(
    "onetrading_exporter_build_info",
    "gauge",
    ("version", "python"),
    "1; the labels name the version of the exporter and of Python",
)
INSTRUMENTS = (
    SYNC_DURATION,
    ROWS_WRITTEN,
    ROWS_REJECTED,
    API_REQUESTS,
    API_DURATION,
    API_WAIT,
    BUILD_INFO,
)
