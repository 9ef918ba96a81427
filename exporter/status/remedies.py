"""What to read and to run about each kind of finding: declared once, looked up by its name."""

from __future__ import annotations

from typing import Literal, NamedTuple

from exporter.model.errors import Reason

Kind = Literal[
    "scheduler",
    "lateness",
    "database",
    "database_slow",
    "spool_lost",
    "spool",
    "clock",
    "config",
    "restart",
    "token",
    "token_expiry",
    "standby",
    "rate_limit",
    "permission",
    "stream",
    "scopes",
    "lag",
    "gap",
    "filling",
    "rejects",
]


class Remedy(NamedTuple):
    """Where it is explained, and what shows more."""

    page: str
    """Below `docs/`."""
    command: str


def _runbook(alert: str, command: str) -> Remedy:
    return Remedy(f"runbooks/Onetrading{alert}.md", f"onetrading-exporter {command}")


REMEDIES: dict[Kind, Remedy] = {
    "scheduler": _runbook("SchedulerStuck", "health"),
    "lateness": _runbook("PollsLate", "status"),
    "database": _runbook("DatabaseDown", "check"),
    "database_slow": Remedy("operate.md#postgres-is-down", "onetrading-exporter check"),
    "spool_lost": _runbook("SpoolDropping", "check"),
    "spool": _runbook("SpoolFilling", "check"),
    "clock": _runbook("ClockSkew", "check"),
    "config": _runbook("ConfigReloadFailed", "check"),
    "restart": Remedy("operate.md#restart", "onetrading-exporter check"),
    "token": _runbook("TokenRefused", "check"),
    "token_expiry": _runbook("TokenExpires", "check"),
    "standby": Remedy("operate.md#several-processes", "onetrading-exporter status"),
    "rate_limit": _runbook("BudgetExhausted", "check"),
    "permission": _runbook("StreamNotPermitted", "check"),
    "stream": _runbook("StreamStale", "check"),
    "scopes": Remedy("operate.md#an-instrument-is-not-served", "onetrading-exporter gaps"),
    "lag": _runbook("CoverageLag", "gaps"),
    "gap": _runbook("CoverageGap", "gaps"),
    "filling": Remedy("operate.md#backfill-history", "onetrading-exporter gaps"),
    "rejects": _runbook("Rejects", "rejects list"),
}

_BY_REASON: dict[Reason, Kind] = {
    "auth": "token",
    "permission": "permission",
    "rate_limited": "rate_limit",
    "database": "database",
}


def of_reason(reason: Reason | None) -> Kind:
    """What a stream needs whose polls fail for a reason; None: they are overdue."""
    return "stream" if reason is None else _BY_REASON.get(reason, "stream")
