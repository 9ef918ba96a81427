"""What the report says: its keys are those of `/api/status`, described in docs/status-api.md.

Instants are UTC, RFC 3339 in JSON. A value that is not known is null, never 0. No token, no text
of the exchange or of Postgres is in it: what failed is a reason of a closed set.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from exporter.metrics import CoverageSummary, StreamSummary
from exporter.model.errors import Reason

Severity = Literal["broken", "attention", "note"]
Verdict = Literal["well", "starting", "attention", "broken"]
Proven = Literal["all", "some", "none"]


class Finding(msgspec.Struct, frozen=True):
    """Something that is worth knowing, in words."""

    severity: Severity
    """``broken``: values or history are missing. ``attention``: they may soon be. ``note``."""
    text: str
    since: datetime | None = None


class Requests(msgspec.Struct, frozen=True, kw_only=True):
    """The request budget of a token, or of all public requests together."""

    per_minute: int
    burst: int
    """How many may start at once after a rest."""
    remaining: float
    """How many may start at once now; `onetrading_api_budget_remaining`."""
    waited_seconds: float
    """All waits for the budget since the start together."""
    paused_seconds: float
    """Until a token that was paused by a 429 may be used again, else 0."""


class AccountReport(msgspec.Struct, frozen=True, kw_only=True):
    """An account; ``public`` is what is read without a token."""

    account: str
    token_scopes: dict[str, bool]
    """What the token was seen to allow; `onetrading_token_scope`. Empty: not known yet."""
    requests: Requests


class Segment(msgspec.Struct, frozen=True):
    """A part of a timeline: ``[start, end)``."""

    start: datetime
    end: datetime
    proven: Proven
    """``all``: complete. ``some``: for some of the stream's instruments. ``none``."""


class CoverageReport(CoverageSummary, frozen=True, kw_only=True):
    """How much of a stream's history is proven complete in Postgres.

    The first three are of the last pass, the others of ``history_read_at``.
    """

    scopes: int | None = None
    """How many instruments it is asked for one by one; 1 when it is asked as a whole."""
    proven_ratio: float | None = None
    """As ``progress_ratio``, but read from Postgres now; a scope of which nothing is proven
    counts as missing."""
    required_from: datetime | None = None
    settled_to: datetime | None = None
    """Now less the time in which rows may still appear."""
    segments: tuple[Segment, ...] = ()
    """From ``required_from`` to ``settled_to``, oldest first, without gap or overlap."""


class StreamReport(StreamSummary, frozen=True, kw_only=True):
    """One stream of one account."""

    kind: Literal["snapshot", "reference", "history"]
    next_due_at: datetime | None
    rejects_open: int | None
    """Records that could not be read; `onetrading_rejects_open`."""
    coverage: CoverageReport | None
    """Of history streams."""

    @property
    def state(self) -> str:
        """In one word: its freshness, or that a refusal is why nothing new comes.

        What was read before and now fails for another reason has the state of its values.
        """
        if self.permitted:
            return self.freshness
        if self.last_error == "auth":
            return "refused"
        if self.last_error == "permission" or self.last_success_at is None:
            return "not_permitted"
        return self.freshness


class Error(msgspec.Struct, frozen=True, kw_only=True):
    """Failures of one stream for one reason, without a success in between."""

    account: str
    stream: str
    lane: Literal["poll", "backfill"]
    reason: Reason
    times: int
    first_at: datetime
    last_at: datetime


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How the service stands at ``generated_at``."""

    verdict: Verdict
    headline: str
    summary: str
    findings: tuple[Finding, ...]
    """The worst first."""
    version: str
    python: str
    generated_at: datetime
    started_at: datetime
    uptime_seconds: float
    heartbeat_age_seconds: float | None
    """Since the scheduler last said that it lives."""
    documentation_url: str | None
    """Of this version's project; null when it was not installed from a package."""
    exchange: str
    """Host of the exchange's API."""
    clock_skew_seconds: float | None
    """The exchange's clock minus ours."""
    leader: bool
    """Whether this process writes its accounts; `onetrading_exporter_leader`."""
    database: Literal["url", "embedded", "none"]
    database_up: bool | None
    """`onetrading_database_up`; null without a database."""
    database_since: datetime | None
    """Since when it has been up, or away, to a few seconds."""
    history_read_at: datetime | None
    """When coverage was last read from Postgres; null: not yet."""
    spooled_snapshots: int
    """Answers that wait on disk for Postgres."""
    dropped_snapshots: int
    """Answers that had to go because the spool was full, since the start."""
    accounts: tuple[AccountReport, ...]
    streams: tuple[StreamReport, ...]
    errors: tuple[Error, ...]
    """The last 50 runs of failures, the newest first."""


def to_json(report: Report) -> bytes:
    """The report as JSON, in UTF-8."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1)
