"""The futures endpoints, which need the token of a futures account."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from exporter.simulator.endpoints.paging import (
    RequestWindow,
    WindowRules,
    codes,
    page,
    page_size,
    window,
)
from exporter.simulator.endpoints.records import (
    Record,
    closed_position_record,
    margin_record,
    payment_record,
    position_payment_record,
    position_records,
)
from exporter.simulator.endpoints.requests import AccountQuery
from exporter.simulator.endpoints.wire import JsonCursor, MicrosCursor, Place, Refusal, bad_request
from exporter.simulator.market.exact import ZERO
from exporter.simulator.market.ledger import ClosedPosition
from exporter.simulator.market.market import SimulatedAccount

_FUNDING = WindowRules(floor=True, only_to_from_midnight=True)
_CLOSED = WindowRules(longest=None, floor=True)


def _permitted(query: AccountQuery) -> SimulatedAccount:
    if not query.account.futures:
        raise Refusal(403, {"error": "Permission denied."})
    return query.account


def summary(query: AccountQuery) -> Any:
    """`GET /account/futures/summary`; `account_ratio` is null while flat."""
    account = _permitted(query)
    answer: Record = {"account_id": account.id}
    answer |= margin_record(account, query.market.prices, query.now)
    answer["positions"] = _positions(query)
    return query.distortion.widen(answer | query.overrides.summary.get(account.name, {}))


def positions(query: AccountQuery) -> Any:
    """`GET /account/futures/positions`: an empty list when flat."""
    _permitted(query)
    asked = codes(query.params)
    rows = _positions(query)
    shown = [row for row in rows if not asked or row.get("instrument_code") in asked]
    return query.distortion.widen({"positions": shown})


def _positions(query: AccountQuery) -> list[Record]:
    account = query.account
    rows = query.overrides.positions.get(account.name)
    if rows is None:
        rows = position_records(account, query.market.prices, query.now)
    return [
        query.distortion.record(dict(row), query.number("positions", n), "mark_price", "direction")
        for n, row in enumerate(rows)
    ]


def funding_payments(query: AccountQuery) -> Any:
    """`GET /account/futures/funding-payments`: a map of instrument to rows, counted together."""
    account, distortion = _permitted(query), query.distortion
    asked = codes(query.params)
    within = window(query.params, query.now, _FUNDING)
    size = page_size(query.params, "max_page_size", 0, 10, 3)
    payments = account.ledger.payments
    instants = [payment.instant for payment in payments]

    def keep(row: int) -> bool:
        payment = payments[row]
        if asked and payment.code not in asked:
            return False
        return distortion.visible(query.number("funding", row), payment.instant)

    cursor, asked_for = MicrosCursor(instants), query.params.get("cursor")
    place = cursor.read(asked_for) if asked_for else None
    rows, following = page(instants, within, size, place, distortion, keep)
    found: dict[str, list[Record]] = {}
    for row in rows:
        record = payment_record(payments[row])
        number = query.number("funding", row)
        distortion.record(record, number, "funding_payment")
        found.setdefault(payments[row].code, []).append(record)
    answer: Record = {
        "account_id": account.id,
        "funding_payments": found,
        "max_page_size": size,
    }
    if following is not None:
        answer["cursor"] = cursor.write(following)
    return distortion.widen(answer)


def closed_positions(query: AccountQuery) -> Any:
    """`GET /account/futures/positions-history`: closed positions by their opening time."""
    account, distortion = _permitted(query), query.distortion
    asked = codes(query.params)
    within = window(query.params, query.now, _CLOSED)
    size = page_size(query.params, "limit", 1, 10, 5)
    order = query.params.get("order") or "DESC"
    if order not in {"ASC", "DESC"}:
        raise bad_request("INVALID_QUERY")
    sign = 1 if order == "DESC" else -1
    known = [closed for closed in account.ledger.closed if closed.closed <= query.now]
    known.sort(key=lambda closed: (sign * closed.opened, closed.number))
    instants = [sign * closed.opened for closed in known]
    if order == "ASC":
        within = RequestWindow(-within.last, -within.first)

    def keep(row: int) -> bool:
        if asked and known[row].code not in asked:
            return False
        return distortion.visible(query.number("closed", known[row].number), known[row].closed)

    cursor = JsonCursor(query.filters())
    place = (
        _closed_place(cursor, query.params["cursor"], known) if "cursor" in query.params else None
    )
    rows, following = page(instants, within, size, place, distortion, keep)
    answer: Record = {"positions": [_closed(query, known[row]) for row in rows]}
    if following is not None:
        at = known[min(following.row, len(known) - 1)]
        answer["cursor"] = cursor.write(Place(at.number, following.fed), at.opened)
    return distortion.widen(answer)


def _closed_place(cursor: JsonCursor, text: str, known: list[ClosedPosition]) -> Place | None:
    if not text:
        return None
    place = cursor.read(text)
    row = next((n for n, closed in enumerate(known) if closed.number == place.row), None)
    if row is None:
        raise bad_request("INVALID_CURSOR")
    return Place(row, place.fed)


def _closed(query: AccountQuery, closed: ClosedPosition) -> Record:
    record = closed_position_record(query.account, closed, funding_of(query.account, closed.number))
    number = query.number("closed", closed.number)
    return query.distortion.record(record, number, "realised_pnl", "direction", "position_id")


def funding_of(account: SimulatedAccount, position: int) -> Decimal:
    """Return the funding that a position has received."""
    payments = account.ledger.payments
    return sum((p.amount for p in payments if p.position == position), ZERO)


def position_funding(query: AccountQuery) -> Any:
    """`GET /account/futures/positions/{id}/funding-payments`: oldest first, no paging."""
    account = _permitted(query)
    if not query.tail.isdigit():
        raise bad_request("INVALID_QUERY")
    rows = [
        position_payment_record(account, payment)
        for payment in account.ledger.payments
        if payment.position == int(query.tail)
    ]
    return query.distortion.widen({"funding_payments": rows})
