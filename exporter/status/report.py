"""What the report contains. Its fields are the keys of `/api/status`: docs/status-api.md.

Instants are UTC, RFC 3339 in JSON. A value that is not known is null, never 0. No token and no text
of the exchange or of Postgres is in it: a failure is a reason of a closed set.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from exporter.metrics import CoverageSummary, ErrorRun, StreamSummary

Severity = Literal["broken", "attention", "note"]
Verdict = Literal["well", "starting", "attention", "broken"]
Proven = Literal["all", "some", "none"]


class Finding(msgspec.Struct, frozen=True):
    """Something worth knowing, in words."""

    severity: Severity
    """``broken``: values or history are missing; ``attention``: they may soon be; ``note``."""
    text: str
    since: datetime | None = None
    """How long what ``text`` begins with has been so: the cause, not what follows from it."""
    consequence: str | None = None
    """What follows from the cause: ``text`` ends with it, after a semicolon."""
    runbook: str | None = None
    """The address of the document that says what to do."""
    command: str | None = None
    """The command that shows more."""

    @property
    def cause(self) -> str:
        """``text`` without its consequence."""
        return self.text.removesuffix(f"; {self.consequence}") if self.consequence else self.text


class RequestBudget(msgspec.Struct, frozen=True, kw_only=True):
    """The request budget of a token, or of all public requests together."""

    per_minute: int
    burst: int
    """Requests that may start at once after a while without any."""
    remaining: float
    """Requests that may start right now: `onetrading_api_budget_remaining`."""
    waited_seconds: float
    """Time that requests have spent waiting for the budget since the start, added up."""
    paused_seconds: float
    """Until a token that is paused after a 429 is used again, else 0."""


class AccountReport(msgspec.Struct, frozen=True, kw_only=True):
    """An account; ``public`` stands for what is read without a token."""

    account: str
    leader: bool
    """Whether this process reads, writes and exports it: `onetrading_exporter_leader`."""
    token_scopes: dict[str, bool]
    """Whether the exchange granted a scope: `onetrading_token_scope`. Empty: not known yet."""
    requests: RequestBudget
    token_expires_at: datetime | None = None
    """As the token says of itself: `onetrading_token_expiry_timestamp_seconds`."""


class Segment(msgspec.Struct, frozen=True):
    """A part of a timeline: ``[start, end)``."""

    start: datetime
    end: datetime
    proven: Proven
    """``all``: proven complete; ``some``: for some of the stream's instruments only; ``none``."""


class CoverageReport(CoverageSummary, frozen=True, kw_only=True):
    """How much of a stream's history is proven complete in Postgres.

    The inherited fields are as of the last pass, the others as of ``history_read_at``.
    """

    scopes: int | None = None
    """Instruments that are requested one by one; 1 when the stream is requested as a whole."""
    proven_ratio: float | None = None
    """Like ``progress_ratio``, but read from Postgres; a scope of which nothing is proven counts
    as missing."""
    required_from: datetime | None = None
    settled_to: datetime | None = None
    """Now, less the time in which late rows may still appear."""
    segments: tuple[Segment, ...] = ()
    """From ``required_from`` to ``settled_to``, oldest first, without gap or overlap."""


class UnreadScope(msgspec.Struct, frozen=True):
    """An instrument that is not read, or only once an hour, although others are."""

    scope: str
    """The instrument's code."""
    reason: str
    """Refused, with status and error code; or no longer listed."""


class VerificationReport(msgspec.Struct, frozen=True, kw_only=True):
    """How far proven history was read again and compared, and what that ever found."""

    last_at: datetime | None
    """When a part was last read again; null: none was yet."""
    progress_ratio: float | None
    """`onetrading_verify_progress_ratio`; null: nothing is due to be read again yet."""
    late: int
    changed: int
    vanished: int
    returned: int
    """Records by kind: `onetrading_verify_findings_total`."""


class StreamReport(StreamSummary, frozen=True, kw_only=True):
    """One stream of one account."""

    kind: Literal["snapshot", "reference", "history", "closings", "follower"]
    next_due_at: datetime | None
    rejects_open: int | None
    """Rejected records: `onetrading_rejects_open`."""
    read_before: bool = False
    """A pass of a futures stream succeeded once, maybe before the start: the account has futures.
    Known after a success, and once the exchange denies it."""
    unread_scopes: tuple[UnreadScope, ...] = ()
    """Instruments that the exchange refuses or no longer lists; `onetrading_scopes_refused` counts
    the refused ones."""
    coverage: CoverageReport | None
    """Null except for history streams."""
    verification: VerificationReport | None = None
    """Null except for history streams, and until it is known."""

    @property
    def state(self) -> str:
        """Its freshness, or ``refused``, ``not_permitted`` or ``standing_by`` where that is why no
        values arrive.

        A stream that was readable before, and now fails for another reason, has its freshness.
        """
        if self.standing_by:
            return "standing_by"
        if self.permitted:
            return self.freshness
        if self.last_error == "auth":
            return "refused"
        if self.last_error == "permission" or self.last_success_at is None:
            return "not_permitted"
        return self.freshness


class FailingMonthReport(msgspec.Struct, frozen=True, kw_only=True):
    """A month that is not complete, as `reporting.month_close` judges it."""

    account: str
    month: str
    """Year and month: 2026-03."""
    check: str
    """``coverage`` or ``rejects``."""
    detail: str
    """What is missing."""
    failing_since: datetime


class ConfigReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the configuration file as it was read last."""

    file: str
    last_reload_successful: bool
    """Whether its accounts are in force: `onetrading_config_last_reload_successful`."""
    last_reload_success_at: datetime
    """When it was last read and found usable."""
    faults: tuple[str, ...]
    """Why the accounts are those of an earlier version of it."""
    needs_restart: tuple[str, ...]
    """Settings that it changes, but which are in force only after a restart, by variable."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the service at ``generated_at``."""

    verdict: Verdict
    headline: str
    summary: str
    findings: tuple[Finding, ...]
    """The most severe first."""
    version: str
    python: str
    generated_at: datetime
    started_at: datetime
    uptime_seconds: float
    heartbeat_age_seconds: float | None
    """Since the scheduler's last heartbeat."""
    lateness_seconds: float | None = None
    """By how much passes begin after their turn, of the stream that is latest by its interval:
    `onetrading_sync_lateness_seconds`; null before the first pass."""
    lateness_intervals: float | None = None
    """The same by the stream's interval; above 1 there is too much to do."""
    documentation_url: str | None
    """The project's address; null when it was not installed as a package."""
    exchange: str
    """Host, and port if there is one, of the exchange's API."""
    clock_skew_seconds: float | None
    """The exchange's clock minus the local one."""
    leader: bool
    """Whether this process reads and writes all its accounts."""
    database: Literal["url", "embedded", "none"]
    database_up: bool | None
    """`onetrading_database_up`; null without a database."""
    database_since: datetime | None
    """When ``database_up`` last changed, to a few seconds."""
    history_read_at: datetime | None
    """When coverage was last read from Postgres; null: not yet."""
    history_left_seconds: float | None = None
    """About how long the history that is missing still takes, by how fast it became less while
    reports were built; null: none is missing, or it is not known."""
    spooled_snapshots: int
    """Snapshots on disk that Postgres has not stored yet."""
    dropped_snapshots: int
    """Snapshots lost since the start because the spool was full or could not be written."""
    failing_months: tuple[FailingMonthReport, ...] = ()
    """As of ``history_read_at``, the oldest first."""
    accounts: tuple[AccountReport, ...]
    streams: tuple[StreamReport, ...]
    errors: tuple[ErrorRun, ...]
    """The last 50 runs of failures, the newest first."""
    config: ConfigReport | None = None
    """Null without a configuration file."""


def to_json(report: Report) -> bytes:
    """The report as JSON, in UTF-8."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1)
