"""Read the list of open facts as a whole: all its pages, without a window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from exporter.api.client import Client, OnError
from exporter.api.paginator import check_account
from exporter.api.rate_limiter import Priority
from exporter.api.time_cursor import later_cursor, unless_refused
from exporter.model.errors import BadRequest, UnexpectedPayload
from exporter.model.live_history import LiveHistory
from exporter.model.page import read
from exporter.model.stream import Drift, Page, Partition, Reject

_MOST_PAGES = 1_000
_MOST_REPEATED_PAGES = 5


@dataclass
class OpenList:
    """What the pages held."""

    rows: dict[Any, Any] = field(default_factory=dict)
    """By id, the newest state of each."""
    older: list[Any] = field(default_factory=list)
    """States that a later page replaced."""
    rejects: list[Reject] = field(default_factory=list)
    drift: set[Drift] = field(default_factory=set)

    @property
    def listed(self) -> set[str]:
        """The ids of all that is listed, as far as they can be read."""
        keys = [reject.key for reject in self.rejects if reject.key is not None]
        return {*map(str, self.rows), *(next(iter(key.values())) for key in keys)}

    @property
    def conclusive(self) -> bool:
        """Whether what is not among ``listed`` is not in the list."""
        return all(reject.key is not None for reject in self.rejects)


class OpenListReader:
    """Reads the open facts of one account, with the priority of live polls.

    The cursor may be the time of a page's oldest row, and stand for what is strictly older: then
    other rows of that instant would be lost. So the next page is requested from a microsecond later
    on, unless that leads nowhere or is refused. A row that comes twice is the same fact.
    """

    def __init__(self, client: Client, stream: LiveHistory) -> None:
        self._client = client
        self._stream = stream
        (self._key,) = stream.table.key

    def read(self, partition: Partition, deadline_s: float, on_error: OnError) -> OpenList:
        """All pages. Raises ExchangeError, also when the list is not as documented."""
        found, repeated = OpenList(), 0
        page = self._page(partition, None, deadline_s, on_error)
        for _ in range(_MOST_PAGES):
            grown = self._add(found, page)
            if page.cursor is None:
                return found
            repeated = 0 if grown else repeated + 1
            if repeated > _MOST_REPEATED_PAGES:
                break
            page = self._following(partition, page.cursor, repeated, deadline_s, on_error)
        raise UnexpectedPayload(f"{self._stream.path}: the list of open ones has no end")

    def _following(
        self, partition: Partition, cursor: str, repeated: int, deadline_s: float, on_error: OnError
    ) -> Page:
        later = (
            later_cursor(cursor) if self._stream.paging.cursor_is_time and not repeated else cursor
        )
        if later == cursor:
            return self._page(partition, cursor, deadline_s, on_error)
        try:
            return self._page(partition, later, deadline_s, unless_refused(on_error))
        except BadRequest:
            return self._page(partition, cursor, deadline_s, on_error)

    def _page(
        self, partition: Partition, cursor: str | None, deadline_s: float, on_error: OnError
    ) -> Page:
        paging = self._stream.paging
        query = {paging.size_param: str(paging.size)}
        if cursor is not None:
            query[paging.cursor or "cursor"] = cursor
        body = self._client.get(
            self._stream.path,
            query,
            priority=Priority.LIVE,
            deadline_s=deadline_s,
            on_error=on_error,
        )
        page = read(self._stream, body, partition.account_id)
        check_account(self._stream, partition, page)
        keys = [getattr(row, self._key) for row in page.rows]
        if len(set(keys)) < len(keys):
            raise UnexpectedPayload(f"{self._stream.path}: an open one is listed twice on a page")
        return page

    def _add(self, found: OpenList, page: Page) -> bool:
        """Whether the page held anything new."""
        changes, before = self._stream.table.changes, len(found.rows) + len(found.rejects)
        for row in page.rows:
            known = found.rows.get(getattr(row, self._key))
            if known is not None and changes is not None and changes.newer(known, row):
                found.older.append(row)
                continue
            if known is not None and known != row:
                found.older.append(known)
            found.rows[getattr(row, self._key)] = row
        seen = {reject.raw for reject in found.rejects}
        found.rejects += [reject for reject in page.rejects if reject.raw not in seen]
        found.drift.update(page.drift)
        return len(found.rows) + len(found.rejects) > before
