"""What the exchange tells of one closed position: all pages of it."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar
from urllib.parse import quote

from exporter.api.rate_limiter import Priority
from exporter.model.closings import Follower
from exporter.model.errors import UnexpectedPayload
from exporter.model.page import read
from exporter.notebook.access import Access
from exporter.notebook.reading import Reading

RowT = TypeVar("RowT")

_MOST_PAGES = 1_000


def read_details(
    access: Access, follower: Follower, position_id: str, _row: type[RowT]
) -> Reading[RowT]:
    """The details of a position, each once. ``_row``: what the rows of the stream are.

    Paging is not documented, but a cursor is followed to its end. Raises ExchangeError, and
    UnexpectedPayload for a cursor that leads nowhere.
    """
    stream = follower.of(position_id)
    path = stream.path.format(quote(position_id, safe=""))
    key: Callable[[Any], Any] = attrgetter(*stream.table.key)
    rows, rejects, cursors = dict[Any, RowT](), dict[str, Any](), set[str]()
    cursor: str | None = None
    while True:
        body = access.client.get(
            path,
            {**stream.parameters, **({} if cursor is None else {"cursor": cursor})},
            priority=Priority.LIVE,
            deadline_s=access.patience_s,
            endpoint=stream.path,
        )
        received = access.clock.steady()
        page = read(stream, body, access.account_id)
        access.recognise(page.account_id)
        rows |= {key(row): row for row in page.rows}
        rejects |= {reject.raw: reject for reject in page.rejects}
        cursor = page.cursor
        if cursor is None:
            break
        if cursor in cursors or len(cursors) >= _MOST_PAGES:
            raise UnexpectedPayload(f"{stream.path}: the cursors of its pages have no end")
        cursors.add(cursor)
    return Reading(
        stream.name,
        list(rows.values()),
        observed_at=access.time.at(received),
        header=page.header,
        rejects=tuple(rejects.values()),
    )
