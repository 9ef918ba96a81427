"""What becomes of rows that a page holds although they lie outside of the window asked for.

Nothing is left out in silence. A row of the history that is to be kept is a fact like any other: an
exchange that ignores ``from`` or ``to`` sends many of these, and they would be rejected in each
pass, although another window brings them in. A row from before that history, or from the future, is
read by no window: its date is wrong, or it is no row of this account, so it becomes a reject.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from exporter.api.paginator import PageResult
from exporter.model.stream import History, Reject
from exporter.model.window import Window

AHEAD = timedelta(minutes=1)
"""What happened since the request was sent may be sent, too."""


def placed(stream: History, result: PageResult, history: Window) -> PageResult:
    """``result`` with its rows outside of the window among its rows or its rejects.

    ``history``: what windows are read of, until now.
    """
    instant = attrgetter(stream.instant)
    facts = [row for row in result.page.outside if history.holds(instant(row))]
    wrong = [row for row in result.page.outside if not history.holds(instant(row))]
    rejects = [*result.page.rejects, *(_reject(stream, row) for row in wrong)]
    page = result.page._replace(rejects=rejects, outside=())
    return result._replace(rows=[*result.rows, *facts], page=page)


def _reject(stream: History, row: Any) -> Reject:
    """The reason names no window: it is the same in each pass."""
    at: datetime = getattr(row, stream.instant)
    reason = f"{stream.instant} {at.isoformat()} lies outside of every window that was requested"
    key = {name: str(getattr(row, name)) for name in stream.table.key}
    return Reject(row.raw, reason, key, at)
