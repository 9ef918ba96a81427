"""The page at `/`: a report as one HTML document that loads nothing else.

The template escapes all values. The style sheet and the script are fixed texts, which
`CONTENT_SECURITY_POLICY` allows by their hashes, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from exporter.model.errors import REASON_MEANINGS
from exporter.status.humanize import duration, interval, listed, percent, plural, rfc3339, second
from exporter.status.page import timeline
from exporter.status.report import ConfigReport, Report, StreamReport, Verdict

if TYPE_CHECKING:
    from jinja2 import Template

_FOLDER = files(__name__)
_CSS = _FOLDER.joinpath("status.css").read_text("utf-8")
_JS = _FOLDER.joinpath("status.js").read_text("utf-8")


def _hash(text: str) -> str:
    """The hash-source of an inline element's exact text (CSP Level 3, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src {_hash(_CSS)}; script-src {_hash(_JS)}; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The header of every response: no other origin, no framing, only this script and this style."""

_COLOURS: dict[Verdict, str] = {
    "well": "#1b7748",
    "starting": "#4d5b70",
    "attention": "#b87400",
    "broken": "#b3241a",
}
_TONES: dict[Verdict, str] = {
    "well": "good",
    "starting": "note",
    "attention": "attention",
    "broken": "broken",
}
_PATHS: dict[Verdict, str] = {
    "well": "M7 12.5 L10.75 16 L17 8.5",
    "starting": "M7.5 12 h.01 M12 12 h.01 M16.5 12 h.01",
    "attention": "M12 6.5 V13 M12 17 h.01",
    "broken": "M8 8 L16 16 M16 8 L8 16",
}


class _StateMark(NamedTuple):
    """How the state of a stream is drawn: never by colour alone."""

    mark: str
    """A path in a box of 12 x 12."""
    word: str
    tone: str
    show_error: bool = True
    """Whether the reason of the last error stands beside it."""


# Shapes that differ even without colour; filled by the even-odd rule.
_RING = "M6 1a5 5 0 1 1 0 10a5 5 0 1 1 0-10zM6 2.8a3.2 3.2 0 1 0 0 6.4a3.2 3.2 0 1 0 0-6.4z"
_DISC = "M6 1a5 5 0 1 1 0 10a5 5 0 1 1 0-10z"
_HALF = _RING + "M6 2.8a3.2 3.2 0 0 1 0 6.4z"
_BARRED = _RING + "M3.3 6.9v-1.8h5.4v1.8z"
_DASH = "M2.5 5.2h7v1.6h-7z"

_STATES = {
    "fresh": _StateMark(_DISC, "fresh", "good"),
    "held": _StateMark(_HALF, "held", "attention"),
    "withdrawn": _StateMark(_RING, "withdrawn", "broken"),
    "standing_by": _StateMark(_DASH, "standing by", "note"),
    "empty": _StateMark(_DASH, "none yet", "note"),
    "refused": _StateMark(_BARRED, "refused", "broken"),
}


def render(report: Report) -> bytes:
    """The page as HTML, in UTF-8."""
    page: str = _template().render(report=report)
    return page.encode()


def _state_mark(stream: StreamReport) -> _StateMark:
    if stream.state == "not_permitted":
        show_error = stream.last_error != "permission"
        return _StateMark(_BARRED, "not permitted", "note", show_error)
    return _STATES[stream.state]


class _AgeBar(NamedTuple):
    """In percent of the age at which values are withdrawn."""

    age: float
    interval: float


def _age_bar(stream: StreamReport) -> _AgeBar:
    age = 0.0 if stream.age_seconds is None else stream.age_seconds
    return _AgeBar(
        round(min(100.0, 100 * age / stream.hold_seconds), 1),
        round(100 * stream.interval_seconds / stream.hold_seconds, 1),
    )


def _due(span: timedelta) -> str:
    return "now" if span < timedelta(seconds=0.5) else f"in {duration(span)}"


def _icon(verdict: Verdict) -> str:
    """The icon of the browser's tab, which shows the verdict, too, as a data URL."""
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
        f'<circle cx="12" cy="12" r="12" fill="{_COLOURS[verdict]}"/>'
        f'<path d="{_PATHS[verdict]}" fill="none" stroke="#fff" stroke-width="2.5" '
        'stroke-linecap="round"/></svg>'
    )
    return f"data:image/svg+xml,{quote(svg)}"


def _service(report: Report) -> Iterator[tuple[str, str]]:
    """Label and text of each fact about the process and what it depends on."""
    yield "uptime", f"{duration(report.uptime_seconds)}, since {second(report.started_at)}"
    yield "exchange", report.exchange
    skew_s = report.clock_skew_seconds
    skew = "not known yet" if skew_s is None else f"{skew_s:+.3f} s (exchange minus local)"
    yield "clock skew", skew
    heartbeat_s = report.heartbeat_age_seconds
    heartbeat = "not started" if heartbeat_s is None else f"heartbeat {duration(heartbeat_s)} ago"
    yield "scheduler", heartbeat
    yield "Postgres", _database(report)
    if report.database != "none":
        yield "writer of", _written(report)
        yield "spool", _spool(report)
    if report.config is not None:
        yield "configuration", _config(report.config)
    if report.accounts:
        per_minute = report.accounts[0].requests.per_minute
        yield "request budget", f"{per_minute:,} per minute for each token"
    yield "versions", f"{report.version}, Python {report.python}"


def _config(config: ConfigReport) -> str:
    usable = "usable" if config.last_reload_successful else "not usable as it is now"
    return f"{config.file}, {usable}, last read well at {second(config.last_reload_success_at)}"


def _database(report: Report) -> str:
    if report.database_up is None:
        return "none: metrics only"
    since = report.database_since
    lasting = "" if since is None else f" for {duration(report.generated_at - since)}"
    kind = "embedded" if report.database == "embedded" else "external"
    return f"{kind}, {'up' if report.database_up else 'down'}{lasting}"


def _written(report: Report) -> str:
    """The accounts of which this process is the writer, as far as Postgres has said."""
    if report.leader:
        return "all accounts"
    ours = [account.account for account in report.accounts if account.leader]
    if ours:
        return listed(ours)
    elsewhere = any(stream.standing_by for stream in report.streams)
    return "no account: on standby" if elsewhere else "not known yet"


def _spool(report: Report) -> str:
    spooled, dropped = report.spooled_snapshots, report.dropped_snapshots
    lost = f", {plural(dropped, 'snapshot')} lost" if dropped else ""
    return (plural(spooled, "snapshot") if spooled else "empty") + lost


@cache
def _template() -> Template:
    # Not before somebody asks for the page: these imports are a good part of those of the service.
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader(__name__, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "state_mark": _state_mark,
        "age_bar": _age_bar,
        "duration": duration,
        "interval": interval,
        "due": _due,
        "second": second,
        "rfc3339": rfc3339,
        "percent": percent,
        "icon": _icon,
        "history": timeline.history_chart,
        "service": _service,
    }
    # Fixed texts of this package, not escaped: the policy's hashes are of exactly these.
    environment.globals |= {
        "css": Markup(_CSS),  # noqa: S704
        "js": Markup(_JS),  # noqa: S704
        "tones": _TONES,
        "paths": _PATHS,
        "meanings": REASON_MEANINGS,
    }
    return environment.get_template("status.html")
