"""What is said of an export beside its rows: what it contains, and whether that is complete."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from exporter import __version__


class Check(NamedTuple):
    """A row of `reporting.month_close`."""

    account: str
    month: date
    check_name: str
    state: str
    detail: str | None


_GOOD = ("ok", "not_applicable", "acknowledged")


def period_of(checks: Sequence[Check]) -> dict[str, Any]:
    """Whether the months of an export are complete: ``true``, ``false``, or null where no month is
    judged; and each check that does not say so."""
    return {
        "complete": all(check.state in _GOOD for check in checks) if checks else None,
        "months": sorted({check.month.isoformat() for check in checks}),
        "accounts": sorted({check.account for check in checks}),
        "not_complete": [
            {
                "account": check.account,
                "month": check.month.isoformat(),
                "check": check.check_name,
                "state": check.state,
                "detail": check.detail,
            }
            for check in checks
            if check.state not in _GOOD
        ],
    }


def describe(
    view: str, format_name: str, created_at: datetime, filters: Mapping[str, Any]
) -> dict[str, Any]:
    """What is known of an export before its rows are."""
    return {
        "view": view,
        "format": format_name,
        "created_at": created_at.isoformat(),
        "version": __version__,
        "filters": {name: text(value) for name, value in filters.items()},
    }


def text(value: Any) -> Any:
    """Instants as ISO 8601."""
    return value.isoformat() if isinstance(value, date) else value


def sidecar(path: Path) -> Path:
    """Where the metadata of a file are."""
    return path.with_name(f"{path.name}.meta.json")


def as_json(metadata: Mapping[str, Any]) -> bytes:
    """The content of a sidecar."""
    return (json.dumps(metadata, indent=1, ensure_ascii=False) + "\n").encode()
