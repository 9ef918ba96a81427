"""The page at `/`: a report drawn as HTML, whole in itself, that loads nothing.

What goes into it is escaped by the template. Its style sheet and script are fixed texts, and
`CONTENT_SECURITY_POLICY` allows exactly these two by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from exporter.model.errors import REASON_MEANINGS
from exporter.status.page import timeline
from exporter.status.wording import duration, every, percent, plural, rfc3339, stamp

_FOLDER = files(__name__)
_CSS = _FOLDER.joinpath("status.css").read_text("utf-8")
_JS = _FOLDER.joinpath("status.js").read_text("utf-8")


def _hash(text: str) -> str:
    """A source of a policy (CSP Level 3, 2.3.1): the element's text, exactly."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src {_hash(_CSS)}; script-src {_hash(_JS)}; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For every answer: nothing from elsewhere, in no frame, no script or style but these."""

_COLOURS = {"well": "#1b7748", "starting": "#4d5b70", "attention": "#b87400", "broken": "#b3241a"}
_TONES = {"well": "good", "starting": "note", "attention": "attention", "broken": "broken"}
_PATHS = {
    "well": "M7 12.5 L10.75 16 L17 8.5",
    "starting": "M7.5 12 h.01 M12 12 h.01 M16.5 12 h.01",
    "attention": "M12 6.5 V13 M12 17 h.01",
    "broken": "M8 8 L16 16 M16 8 L8 16",
}


class _Shown(NamedTuple):
    """How the state of a stream's values looks: never by colour alone."""

    mark: str
    """A path in a box of 12 x 12."""
    word: str
    tone: str
    why: bool = True
    """Whether the reason of the last error is to be told beside it."""


# Shapes that differ without colour; filled by the even-odd rule.
_RING = "M6 1a5 5 0 1 1 0 10a5 5 0 1 1 0-10zM6 2.8a3.2 3.2 0 1 0 0 6.4a3.2 3.2 0 1 0 0-6.4z"
_DISC = "M6 1a5 5 0 1 1 0 10a5 5 0 1 1 0-10z"
_HALF = _RING + "M6 2.8a3.2 3.2 0 0 1 0 6.4z"
_BARRED = _RING + "M3.3 6.9v-1.8h5.4v1.8z"
_DASH = "M2.5 5.2h7v1.6h-7z"

_STATES = {
    "fresh": _Shown(_DISC, "fresh", "good"),
    "held": _Shown(_HALF, "held", "attention"),
    "withdrawn": _Shown(_RING, "withdrawn", "broken"),
    "empty": _Shown(_DASH, "none yet", "note"),
    "refused": _Shown(_BARRED, "refused", "broken"),
}


def render(report: Any) -> bytes:
    """The page for a `exporter.status.Report`, in UTF-8."""
    page: str = _TEMPLATE.render(report=report)
    return page.encode()


def _shown(stream: Any) -> _Shown:
    if stream.state == "not_permitted":
        return _Shown(_BARRED, "not permitted", "note", why=stream.last_error != "permission")
    return _STATES[stream.state]


class _Bar(NamedTuple):
    """In percent of the age at which values are withdrawn."""

    age: float
    interval: float


def _age_bar(stream: Any) -> _Bar:
    age = 0.0 if stream.age_seconds is None else stream.age_seconds
    return _Bar(
        round(min(100.0, 100 * age / stream.hold_seconds), 1),
        round(100 * stream.interval_seconds / stream.hold_seconds, 1),
    )


def _due(span: timedelta) -> str:
    return "now" if span < timedelta(seconds=0.5) else f"in {duration(span)}"


def _icon(verdict: str) -> str:
    """The icon of the browser's tab tells the verdict, too."""
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
        f'<circle cx="12" cy="12" r="12" fill="{_COLOURS[verdict]}"/>'
        f'<path d="{_PATHS[verdict]}" fill="none" stroke="#fff" stroke-width="2.5" '
        'stroke-linecap="round"/></svg>'
    )
    return f"data:image/svg+xml,{quote(drawn)}"


def _service(report: Any) -> Iterator[tuple[str, str]]:
    """What there is to know of the process and what it depends on."""
    now = report.generated_at
    yield "up for", f"{duration(report.uptime_seconds)}, since {stamp(report.started_at)}"
    yield "exchange", report.exchange
    skew_s = report.clock_skew_seconds
    yield "its clock", "not known yet" if skew_s is None else f"{skew_s:+.3f} s from ours"
    beat_s = report.heartbeat_age_seconds
    yield "scheduler", "not started" if beat_s is None else f"alive {duration(beat_s)} ago"
    yield "Postgres", _database(report, now)
    if report.database != "none":
        yield "writer", "this process" if report.leader else "another process; this one stands by"
        yield "on disk for Postgres", _spool(report)
    rate_limiter = report.accounts[0].requests.per_minute if report.accounts else None
    if rate_limiter is not None:
        yield "request budget", f"{rate_limiter:,} a minute for each token"
    yield "versions", f"{report.version}, Python {report.python}"


def _database(report: Any, now: datetime) -> str:
    if report.database_up is None:
        return "none: metrics only"
    since = report.database_since
    lasts = f" for {duration(now - since)}" if since is not None else ""
    kind = "embedded" if report.database == "embedded" else "external"
    return f"{kind}, {'up' if report.database_up else 'away'}{lasts}"


def _spool(report: Any) -> str:
    waiting, dropped = report.spooled_snapshots, report.dropped_snapshots
    lost = f", {plural(dropped, 'answer')} lost" if dropped else ""
    return (plural(waiting, "answer") if waiting else "nothing") + lost


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader(__name__, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "shown": _shown,
        "age_bar": _age_bar,
        "duration": duration,
        "every": every,
        "due": _due,
        "stamp": stamp,
        "rfc3339": rfc3339,
        "percent": percent,
        "icon": _icon,
        "history": timeline.history,
        "service": _service,
    }
    # Our own fixed texts; the policy's hashes are of exactly these.
    environment.globals |= {
        "css": Markup(_CSS),  # noqa: S704
        "js": Markup(_JS),  # noqa: S704
        "tones": _TONES,
        "paths": _PATHS,
        "meanings": REASON_MEANINGS,
    }
    return environment.get_template("status.html")


_TEMPLATE = _template()
