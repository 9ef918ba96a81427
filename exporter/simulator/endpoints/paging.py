"""Windows, page sizes and cursors: which rows of a history one request gets.

Rows are numbered from the oldest and served newest first. A cursor is the number of the last row
served, so rows that appear above it, before or after, never move the page.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from exporter.simulator.endpoints.distortion import Distortion
from exporter.simulator.endpoints.times import parse_instant
from exporter.simulator.endpoints.wire import Place, bad_request
from exporter.simulator.market.instruments import INSTRUMENTS
from exporter.simulator.market.prices import DAY

_WEEK = 7 * DAY
_FLOOR = parse_instant("2024-01-01")


class RequestWindow(NamedTuple):
    """A range of instants, both ends included, in nanoseconds since the epoch."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class WindowRules:
    """How one endpoint reads `from` and `to`."""

    longest: int | None = 30 * DAY
    lookback: int = _WEEK
    floor: bool = False
    default_from_midnight: bool = True
    only_to_from_midnight: bool = False


def window(params: Mapping[str, str], now: int, rules: WindowRules) -> RequestWindow:
    """Return the window asked for, defaults filled in; it never reaches beyond `now`.

    Raises Refusal (400) for a time that cannot be read, a `from` in the future or before the
    floor, a `to` before `from`, and a span that is too long.
    """
    first, last = (_instant(params.get(name, "")) for name in ("from", "to"))
    if first is None and last is None:
        midnight = rules.default_from_midnight
        return RequestWindow(_floored(now - rules.lookback, midnight), now)
    if first is None:
        first = _floored((last or now) - rules.lookback, rules.only_to_from_midnight)
    if last is None:
        last = min(first + rules.lookback, now)
    if first > now or last < first or (rules.floor and first < _FLOOR):
        raise bad_request("INVALID_TIME_RANGE")
    if rules.longest is not None and last - first > rules.longest:
        raise bad_request("ACCOUNT_HISTORY_TIME_RANGE_TOO_BIG")
    return RequestWindow(first, min(last, now))


def _floored(instant: int, to_midnight: bool) -> int:
    return instant // DAY * DAY if to_midnight else instant


def _instant(text: str) -> int | None:
    if not text:
        return None
    try:
        return parse_instant(text)
    except (OverflowError, ValueError):
        raise bad_request("INVALID_TIME") from None


def page_size(
    params: Mapping[str, str], name: str, smallest: int, largest: int, default: int
) -> int:
    """Return the page size asked for. Raises Refusal (400) outside the limits."""
    text = params.get(name, "")
    if not text:
        return default
    size = int(text) if text.isascii() and text.isdigit() else -1
    if not smallest <= size <= largest:
        raise bad_request("INVALID_LIMIT", f"{name} must be between {smallest} and {largest}")
    return size


def codes(params: Mapping[str, str]) -> frozenset[str]:
    """Return the instruments asked for, one or a comma list; empty means all.

    Raises Refusal (400) for a code that no instrument has.
    """
    asked = frozenset(filter(None, params.get("instrument_code", "").split(",")))
    unknown = sorted(asked - set(INSTRUMENTS))
    if unknown:
        valid = ", ".join(INSTRUMENTS)
        message = f"Invalid instrument codes: {', '.join(unknown)}. Valid codes: {valid}"
        raise bad_request("INVALID_INSTRUMENT_CODE", message)
    return asked


class ResponsePage(NamedTuple):
    """The numbers of the rows served, newest first, and where the next page starts, if any."""

    rows: list[int]
    following: Place | None


def page(
    instants: Sequence[int],
    within: RequestWindow,
    size: int,
    place: Place | None,
    distortion: Distortion,
    keep: Callable[[int], bool] | None,
) -> ResponsePage:
    """Return one page of the rows in a window that `keep` lets through; None lets all through."""
    oldest = bisect_left(instants, within.first)
    newest = bisect_right(instants, within.last)
    faults = distortion.faults
    size = min(size, faults.page_size_cap or size)
    top = newest
    if place is not None:
        if distortion.chance(faults.cursor_expiry_rate):
            raise bad_request("INVALID_CURSOR")
        if not place.fed and distortion.chance(faults.empty_pages):
            return ResponsePage([], Place(place.row, fed=True))
        top = min(place.row + distortion.repeated(size), newest)
    candidates = range(top - 1, oldest - 1, -1)
    kept = iter(candidates) if keep is None else filter(keep, candidates)
    rows = list(islice(kept, size))
    more = next(kept, None) is not None
    following = Place(rows[-1] if rows else top) if more else None
    return ResponsePage(_in_order(rows, instants, distortion), following)


def _in_order(rows: list[int], instants: Sequence[int], distortion: Distortion) -> list[int]:
    if not distortion.faults.shuffle_equal_instants:
        return rows
    return distortion.shuffled(rows, [instants[row] for row in rows])
