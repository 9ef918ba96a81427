"""Windows, page sizes and cursors: which rows of a history one request gets.

Rows are numbered from the oldest and served newest first. A cursor holds the number of the last row
served, so rows added later never shift the pages that follow.
"""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from exporter.simulator.endpoints.fault_injection import FaultInjector
from exporter.simulator.endpoints.faults import Faults
from exporter.simulator.endpoints.times import parse_instant
from exporter.simulator.endpoints.wire import bad_request
from exporter.simulator.market.instruments import INSTRUMENTS
from exporter.simulator.market.prices import DAY

_WEEK = 7 * DAY
_FLOOR = parse_instant("2024-01-01")
_MILLI = 1_000_000
_AFTER_EMPTY = 500  # added to the rank of a MicrosCursor whose page was empty


class TimeRange(NamedTuple):
    """A range of instants, both ends included, in nanoseconds since the epoch."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class WindowRules:
    """How an endpoint reads `from` and `to`."""

    longest: int | None = 30 * DAY
    lookback: int = _WEEK
    floor: bool = False
    default_from_midnight: bool = True
    only_to_from_midnight: bool = False


def read_window(params: Mapping[str, str], now: int, rules: WindowRules) -> TimeRange:
    """Return the requested window with defaults filled in; it never extends beyond `now`.

    Raises ErrorResponse (400) for an invalid time, a `from` in the future or before the floor, a
    `to` before `from`, and a window that is too long.
    """
    first, last = (_instant(params.get(name, "")) for name in ("from", "to"))
    if first is None and last is None:
        midnight = rules.default_from_midnight
        return TimeRange(_floored(now - rules.lookback, midnight), now)
    if first is None:
        first = _floored((last or now) - rules.lookback, rules.only_to_from_midnight)
    if last is None:
        last = min(first + rules.lookback, now)
    if first > now or last < first or (rules.floor and first < _FLOOR):
        raise bad_request("INVALID_TIME_RANGE")
    if rules.longest is not None and last - first > rules.longest:
        raise bad_request("ACCOUNT_HISTORY_TIME_RANGE_TOO_BIG")
    return TimeRange(first, min(last, now))


def check_reach(params: Mapping[str, str], now: int, faults: Faults) -> None:
    """Raise ErrorResponse (400) where the faults do not let a window begin so early or be so long.

    Parameters that cannot be read are left to the endpoint.
    """
    if not (faults.depth_days or faults.window_days) or not params.get("from"):
        return
    try:
        first = parse_instant(params["from"])
        last = parse_instant(params["to"]) if params.get("to") else now
    except (OverflowError, ValueError):
        return
    if faults.depth_days and first < now - faults.depth_days * DAY:
        raise bad_request("INVALID_TIME_RANGE")
    if faults.window_days and last - first > faults.window_days * DAY:
        raise bad_request("ACCOUNT_HISTORY_TIME_RANGE_TOO_BIG")


def _floored(instant: int, to_midnight: bool) -> int:
    return instant // DAY * DAY if to_midnight else instant


def _instant(text: str) -> int | None:
    if not text:
        return None
    try:
        return parse_instant(text)
    except (OverflowError, ValueError):
        raise bad_request("INVALID_TIME") from None


def read_page_size(
    params: Mapping[str, str], name: str, smallest: int, largest: int, default: int
) -> int:
    """Return the requested page size. Raises ErrorResponse (400) outside the limits."""
    text = params.get(name, "")
    if not text:
        return default
    size = int(text) if text.isascii() and text.isdigit() else -1
    if not smallest <= size <= largest:
        raise bad_request("INVALID_LIMIT", f"{name} must be between {smallest} and {largest}")
    return size


def read_instruments(params: Mapping[str, str]) -> frozenset[str]:
    """Return the codes of a comma-separated `instrument_code`; empty means all instruments.

    Raises ErrorResponse (400) for an unknown code.
    """
    codes = frozenset(filter(None, params.get("instrument_code", "").split(",")))
    unknown = sorted(codes - set(INSTRUMENTS))
    if unknown:
        valid = ", ".join(INSTRUMENTS)
        message = f"Invalid instrument codes: {', '.join(unknown)}. Valid codes: {valid}"
        raise bad_request("INVALID_INSTRUMENT_CODE", message)
    return codes


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where a page starts: below row `row`; `after_empty` when the page before it was empty."""

    row: int
    after_empty: bool = False


class JsonCursor:
    """An opaque cursor: unpadded base64url of a JSON object, bound to the request's filters."""

    def __init__(self, filters: str) -> None:
        self._filters = filters

    def write(self, resume: ResumePoint, instant: int) -> str:
        """Return the cursor of a resume point; `instant` is shown, but not read."""
        body = {
            "epoch": str(instant),
            "cqo": str(resume.row),
            "f": self._filters,
            "e": resume.after_empty,
        }
        return base64.urlsafe_b64encode(json.dumps(body).encode()).rstrip(b"=").decode()

    def read(self, text: str) -> ResumePoint | None:
        """Return the resume point, None for an empty cursor.

        Raises ErrorResponse (400) for a cursor not written here.
        """
        if not text:
            return None
        try:
            body = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            if body["f"] == self._filters:
                return ResumePoint(int(body["cqo"]), bool(body["e"]))
        except (binascii.Error, KeyError, TypeError, ValueError):
            pass
        raise bad_request("INVALID_CURSOR")


class MicrosCursor:
    """A cursor that looks like a microsecond epoch, as in the exchange's funding payments.

    A timestamp alone would lose or repeat rows of one instant at a page boundary, so the last three
    digits number the rows of one millisecond instead.
    """

    def __init__(self, instants: Sequence[int]) -> None:
        self._instants = instants

    def write(self, resume: ResumePoint) -> str:
        """Return the cursor of a resume point: 16 digits."""
        if resume.row >= len(self._instants):
            return f"{self._instants[-1] // _MILLI + 1}{_AFTER_EMPTY * resume.after_empty:03}"
        millis = self._instants[resume.row] // _MILLI
        rank = resume.row - bisect_left(self._instants, millis * _MILLI)
        return f"{millis}{rank + _AFTER_EMPTY * resume.after_empty:03}"

    def read(self, text: str) -> ResumePoint | None:
        """Return the resume point, None for an empty cursor.

        Raises ErrorResponse (400) for any other form.
        """
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) == 16):
            raise bad_request("INVALID_CURSOR")
        millis, rank = divmod(int(text), 1_000)
        after_empty, rank = divmod(rank, _AFTER_EMPTY)
        return ResumePoint(bisect_left(self._instants, millis * _MILLI) + rank, bool(after_empty))


class TimeCursor:
    """The cursor of orders: the instant of a page's oldest row, in microseconds.

    The next page starts strictly before it, so that other rows of that instant are lost at a page's
    edge; `inclusive`: at it, so that they are repeated.
    """

    def __init__(self, instants: Sequence[int], *, inclusive: bool) -> None:
        self._instants = instants
        self._inclusive = inclusive

    def write(self, resume: ResumePoint) -> str:
        """Return the cursor of a resume point: 16 digits."""
        return str(self._instants[resume.row] // 1_000)

    def read(self, text: str) -> ResumePoint | None:
        """Return the resume point, None for an empty cursor.

        Raises ErrorResponse (400) for any other form.
        """
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) == 16):
            raise bad_request("INVALID_CURSOR")
        before = (int(text) + self._inclusive) * 1_000
        # A page that is empty would be followed by the same one.
        return ResumePoint(bisect_left(self._instants, before), after_empty=True)


class PageRows(NamedTuple):
    """The numbers of the rows to serve, newest first, and where the next page starts, if any."""

    rows: list[int]
    following: ResumePoint | None


def select_page(
    instants: Sequence[int],
    window: TimeRange,
    size: int,
    resume: ResumePoint | None,
    injector: FaultInjector,
    keep: Callable[[int], bool] | None,
) -> PageRows:
    """Return one page of the rows in a window for which `keep` is true; None keeps all of them."""
    oldest = bisect_left(instants, window.first)
    newest = bisect_right(instants, window.last)
    faults = injector.faults
    size = min(size, faults.page_size_cap or size)
    top = newest
    if resume is not None:
        if injector.draw(faults.cursor_expiry_rate):
            raise bad_request("INVALID_CURSOR")
        if not resume.after_empty and injector.draw(faults.empty_pages):
            return PageRows([], ResumePoint(resume.row, after_empty=True))
        top = min(resume.row + injector.overlap(size), newest)
    candidates = range(top - 1, oldest - 1, -1)
    kept = iter(candidates) if keep is None else filter(keep, candidates)
    rows = list(islice(kept, size))
    more = next(kept, None) is not None
    following = ResumePoint(rows[-1] if rows else top) if more else None
    if faults.shuffle_equal_instants:
        rows = injector.shuffled(rows, [instants[row] for row in rows])
    return PageRows(rows, following)
