"""The metric families that no stream declares: names, labels, help texts."""

from __future__ import annotations

from typing import Literal, NamedTuple

from exporter.model.stream import Metric


class Family(NamedTuple):
    """A metric family of any type, with all its labels: a row of the table in docs/metrics.md."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    labels: tuple[str, ...]
    help: str


_PER_STREAM = ("account", "stream")

# The sync of one stream of one account: written by `StreamMetrics`.
SYNC_SUCCESS = Metric(
    "onetrading_sync_success",
    "1 if the last pass of the stream succeeded; 0 if it failed, if none has run yet, or if the "
    "next one has not succeeded for max(3 x interval, 60 s).",
    _PER_STREAM,
)
SYNC_LAST_SUCCESS = Metric(
    "onetrading_sync_last_success_timestamp_seconds",
    "Unix time of the last successful pass of the stream; 0 if none has succeeded since the start.",
    _PER_STREAM,
)
SYNC_AGE = Metric(
    "onetrading_sync_age_seconds",
    "Seconds since the last successful pass of the stream, by a clock that nobody sets; absent "
    "before the first.",
    _PER_STREAM,
)
SYNC_INTERVAL = Metric(
    "onetrading_sync_interval_seconds", "Poll interval of the stream, in seconds.", _PER_STREAM
)
SYNC_PERMITTED = Metric(
    "onetrading_sync_permitted",
    "0 while the exchange refuses the token for this stream (HTTP 401 or 403), or the account has "
    "no futures to read, else 1.",
    _PER_STREAM,
)
SYNC_HELD = Metric(
    "onetrading_sync_held",
    "1 while the exported values of the stream are stale (the last pass failed or two are "
    "overdue), else 0.",
    _PER_STREAM,
)
SYNC_ERRORS = Metric(
    "onetrading_sync_errors_total",
    "Failed passes and failed backfill requests of the stream, by reason.",
    (*_PER_STREAM, "reason"),
    "counter",
)
DUPLICATES = Metric(
    "onetrading_exposition_duplicates_total",
    "Samples dropped because a sample with the same name and labels was already there.",
    _PER_STREAM,
    "counter",
)
COVERAGE_LAG = Metric(
    "onetrading_coverage_lag_seconds",
    "Seconds from the end of the history that is proven complete in Postgres to now.",
    _PER_STREAM,
)
COVERAGE_GAP = Metric(
    "onetrading_coverage_gap_seconds",
    "Seconds of history not proven complete in Postgres, between the configured start and the end "
    "of what is proven complete.",
    _PER_STREAM,
)
BACKFILL_PROGRESS = Metric(
    "onetrading_backfill_progress_ratio",
    "Share (0 to 1) of the history since the configured start that is proven complete in Postgres.",
    _PER_STREAM,
)
SCOPES_REFUSED = Metric(
    "onetrading_scopes_refused",
    "Instruments whose history the exchange refuses to serve while it serves that of others; they "
    "count neither as lag nor as gap.",
    _PER_STREAM,
)
SYNC_FAMILIES = (
    SYNC_SUCCESS,
    SYNC_LAST_SUCCESS,
    SYNC_AGE,
    SYNC_INTERVAL,
    SYNC_PERMITTED,
    SYNC_HELD,
    SYNC_ERRORS,
    DUPLICATES,
    COVERAGE_LAG,
    COVERAGE_GAP,
    BACKFILL_PROGRESS,
    SCOPES_REFUSED,
)

# The process and what it depends on: written by `ServiceMetrics`.
DATABASE_UP = Metric(
    "onetrading_database_up", "1 if Postgres was reachable when last used, else 0."
)
LEADER = Metric(
    "onetrading_exporter_leader",
    "1 in the process that reads, writes and exports the account, since it holds its lease; 0 in "
    "all others, and until Postgres has said who holds it. Always 1 without a database.",
    ("account",),
)
BUDGET_REMAINING = Metric(
    "onetrading_api_budget_remaining",
    "Requests that the account's token may send right now within its request budget.",
    ("account",),
)
TOKEN_SCOPE = Metric(
    "onetrading_token_scope",
    "1 if the account's token has the scope, 0 if the exchange refused it.",
    ("account", "scope"),
)
TOKEN_EXPIRY = Metric(
    "onetrading_token_expiry_timestamp_seconds",
    "Unix time at which the account's token expires, as the token says of itself; absent when it "
    "says nothing.",
    ("account",),
)
CONFIG_RELOAD_SUCCESSFUL = Metric(
    "onetrading_config_last_reload_successful",
    "1 if the configuration file, as it was read last, is usable, else 0: then the accounts are "
    "those of an earlier version of it. Absent without such a file.",
)
CONFIG_RELOAD_SUCCESS_TIME = Metric(
    "onetrading_config_last_reload_success_timestamp_seconds",
    "Unix time at which the configuration file was last read and found usable. Absent without such "
    "a file.",
)
CLOCK_SKEW = Metric(
    "onetrading_exchange_clock_skew_seconds",
    "Clock of the exchange minus the local clock, in seconds, estimated from the times that its "
    "responses state.",
    ("account",),
)
CLOCK_DISPUTED = Metric(
    "onetrading_exchange_clock_disputed",
    "1 while responses of the exchange state a time that a steady clock contradicts and that is "
    "not confirmed, else 0.",
)
SPOOL_SNAPSHOTS = Metric(
    "onetrading_spool_snapshots", "Snapshots spooled on disk until Postgres can store them."
)
SPOOL_DROPPED = Metric(
    "onetrading_spool_dropped_total",
    "Snapshots lost since the start because the spool was full or could not be written.",
    (),
    "counter",
)
REJECTS_OPEN = Metric(
    "onetrading_rejects_open",
    "Records that could not be read or stored and are still among the rejects in Postgres.",
    _PER_STREAM,
)
DRIFT = Metric(
    "onetrading_drift_total",
    "Distinct fields, values and page shapes received that the exchange does not document, as "
    "recorded in Postgres.",
    _PER_STREAM,
    "counter",
)
DRIFT_NEWEST = Metric(
    "onetrading_drift_newest_timestamp_seconds",
    "Unix time at which the newest of the things that onetrading_drift_total counts was received "
    "for the first time.",
    _PER_STREAM,
)
VERIFY_FINDINGS = Metric(
    "onetrading_verify_findings_total",
    "Records found different as proven history was read again, as recorded in Postgres: late "
    "(missing until then), changed, vanished (no longer sent) and returned (sent again).",
    (*_PER_STREAM, "kind"),
    "counter",
)
VERIFY_LAST = Metric(
    "onetrading_verify_last_timestamp_seconds",
    "Unix time at which a part of the proven history was last read again and compared.",
    _PER_STREAM,
)
VERIFY_PROGRESS = Metric(
    "onetrading_verify_progress_ratio",
    "Share (0 to 1) of the proven history that is older than a day which was read, for the first "
    "time or again, within the last 32 days.",
    _PER_STREAM,
)
FACTS_CHANGED = Metric(
    "onetrading_facts_changed_total",
    "Settled records (trades, payments, rates) that later came back with different contents, and "
    "second, different records of one fact, which are left out, as recorded in Postgres.",
    _PER_STREAM,
    "counter",
)
RECONCILIATION = Metric(
    "onetrading_reconciliation_difference",
    "How far a check of reporting.month_close is off, in its own unit (a currency, seconds of "
    "history, records), when it was last asked; of the newest two months, and of older ones that "
    "are not locked where it fails. key: the month, and the currency if the check has one.",
    ("account", "check", "key"),
)
MONTH_UNCLOSED = Metric(
    "onetrading_month_unclosed_end_timestamp_seconds",
    "Unix time at which the oldest month ended that cannot be closed because a check of "
    "reporting.month_close fails; absent when there is none. Months that began before the history "
    "that is required do not count.",
    ("account",),
)
LATE_IN_LOCKED = Metric(
    "onetrading_late_facts_in_locked_months",
    "Facts that became known, changed or vanished after their month was locked: reporting."
    "late_facts has them, the figures of the month do not.",
    ("account",),
)
DATABASE_BYTES = Metric(
    "onetrading_database_bytes",
    "Bytes that a table takes in Postgres, its indexes and partitions included; measured every 15 "
    "minutes, by the process that reads the public streams.",
    ("table",),
)
OLDEST_OBSERVATION = Metric(
    "onetrading_oldest_observation_timestamp_seconds",
    "Unix time at which the oldest snapshot of a stream that is stored was first observed; from "
    "when on each change is kept is told by ONETRADING_RETENTION.",
    ("stream",),
)
HEARTBEAT = Metric(
    "onetrading_scheduler_heartbeat_timestamp_seconds",
    "Unix time of the scheduler's last heartbeat.",
)
HEARTBEAT_AGE = Metric(
    "onetrading_scheduler_heartbeat_age_seconds",
    "Seconds since the scheduler's last heartbeat, by a clock that nobody sets.",
)
SYNC_LATENESS = Metric(
    "onetrading_sync_lateness_seconds",
    "By how many seconds passes of the stream began after their turn, or wait for it: the most "
    "of any account in the last one to two minutes. More than the interval: the process has too "
    "much to do.",
    ("stream",),
)
SCHEDULER_EVENTS = Metric(
    "onetrading_scheduler_events_total",
    "Scheduled runs that were missed, that raised an error, or that were skipped because the "
    "previous run was still going (max_instances).",
    ("event",),
    "counter",
)
SERVICE_FAMILIES = (
    DATABASE_UP,
    LEADER,
    BUDGET_REMAINING,
    TOKEN_SCOPE,
    TOKEN_EXPIRY,
    CONFIG_RELOAD_SUCCESSFUL,
    CONFIG_RELOAD_SUCCESS_TIME,
    CLOCK_SKEW,
    CLOCK_DISPUTED,
    SPOOL_SNAPSHOTS,
    SPOOL_DROPPED,
    REJECTS_OPEN,
    DRIFT,
    DRIFT_NEWEST,
    FACTS_CHANGED,
    VERIFY_FINDINGS,
    VERIFY_LAST,
    VERIFY_PROGRESS,
    RECONCILIATION,
    MONTH_UNCLOSED,
    LATE_IN_LOCKED,
    DATABASE_BYTES,
    OLDEST_OBSERVATION,
    HEARTBEAT,
    HEARTBEAT_AGE,
    SYNC_LATENESS,
    SCHEDULER_EVENTS,
)

MOVING = frozenset({SYNC_AGE, COVERAGE_LAG, BUDGET_REMAINING, HEARTBEAT, HEARTBEAT_AGE})
"""What time alone changes, so that nearly every scrape shows other values."""

# Measured while work is done: written by `Instrumentation`.
SYNC_DURATION = Family(
    "onetrading_sync_duration_seconds",
    "histogram",
    _PER_STREAM,
    "Duration of the stream's passes in seconds, failed ones included.",
)
ROWS_WRITTEN = Family(
    "onetrading_rows_written_total",
    "counter",
    (*_PER_STREAM, "operation"),
    "Rows inserted or updated in the stream's table; unchanged rows are not counted.",
)
ROWS_REJECTED = Family(
    "onetrading_rows_rejected_total",
    "counter",
    _PER_STREAM,
    "Records that were rejected because they could not be read.",
)
API_REQUESTS = Family(
    "onetrading_api_requests_total",
    "counter",
    ("account", "endpoint", "code"),
    "Requests sent to the exchange, by HTTP status code or, without a response, by error.",
)
API_DURATION = Family(
    "onetrading_api_request_duration_seconds",
    "histogram",
    ("endpoint",),
    "Time from sending a request to the exchange to its complete response, in seconds.",
)
API_WAIT = Family(
    "onetrading_api_wait_seconds_total",
    "counter",
    ("account",),
    "Seconds that requests spent waiting for the request budget.",
)
BUILD_INFO = Family(
    "onetrading_exporter_build_info",
    "gauge",
    ("version", "revision", "python"),
    "Always 1; labelled with the version of the exporter, the commit that it was built from, and "
    "the version of Python.",
)
INSTRUMENTATION_FAMILIES = (
    SYNC_DURATION,
    ROWS_WRITTEN,
    ROWS_REJECTED,
    API_REQUESTS,
    API_DURATION,
    API_WAIT,
    BUILD_INFO,
)
