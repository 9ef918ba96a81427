"""The futures endpoints, which need the token of a futures account."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from exporter.simulator.endpoints.paging import (
    JsonCursor,
    MicrosCursor,
    ResumePoint,
    TimeRange,
    WindowRules,
    read_instruments,
    read_page_size,
    read_window,
    select_page,
)
from exporter.simulator.endpoints.records import (
    Record,
    closed_position_record,
    margin_record,
    payment_record,
    position_payment_record,
    position_records,
    trade_row,
    trades_of,
)
from exporter.simulator.endpoints.requests import AccountRequest
from exporter.simulator.endpoints.wire import ErrorResponse, bad_request
from exporter.simulator.market.exact import ZERO
from exporter.simulator.market.ledger import ClosedPosition
from exporter.simulator.market.market import SimulatedAccount

_DOCUMENTED = (
    "account_id",
    "position_id",
    "closing_pnl",
    "realised_pnl",
    "total_funding_payments",
    "total_trade_fees",
)
_FUNDING = WindowRules(floor=True, only_to_from_midnight=True)
_CLOSED = WindowRules(longest=None, floor=True)


def _permitted(request: AccountRequest) -> SimulatedAccount:
    faults = request.injector.faults
    denied = faults.no_futures if request.account.name == faults.account else ""
    if not request.account.futures:
        denied = faults.no_futures or "403"
    if denied in {"{}", "[]"}:
        raise ErrorResponse(200, [] if denied == "[]" else {})
    if denied:
        raise ErrorResponse(int(denied), {"error": "Permission denied."})
    return request.account


def summary(request: AccountRequest) -> Any:
    """`GET /account/futures/summary`; `account_ratio` is null without a position."""
    account = _permitted(request)
    response: Record = {"account_id": account.id}
    response |= margin_record(account, request.market.prices, request.now)
    response["positions"] = _positions(request)
    return request.injector.add_unknown_fields(
        response | request.overrides.summary.get(account.name, {})
    )


def positions(request: AccountRequest) -> Any:
    """`GET /account/futures/positions`: an empty list without positions."""
    _permitted(request)
    codes = read_instruments(request.params)
    rows = _positions(request)
    shown = [row for row in rows if not codes or row.get("instrument_code") in codes]
    return request.injector.add_unknown_fields({"positions": shown})


def _positions(request: AccountRequest) -> list[Record]:
    account = request.account
    rows = request.overrides.positions.get(account.name)
    if rows is None:
        rows = position_records(account, request.market.prices, request.now)
    return [
        request.injector.alter(
            dict(row), request.row_key("positions", n), "mark_price", "direction"
        )
        for n, row in enumerate(rows)
    ]


def funding_payments(request: AccountRequest) -> Any:
    """`GET /account/futures/funding-payments`: a map of instrument to rows, paged together."""
    account, injector = _permitted(request), request.injector
    codes = read_instruments(request.params)
    window = read_window(request.params, request.now, _FUNDING)
    size = read_page_size(request.params, "max_page_size", 0, 10, 3)
    payments = account.ledger.payments
    instants = [payment.instant for payment in payments]

    def keep(row: int) -> bool:
        payment = payments[row]
        if codes and payment.code not in codes:
            return False
        return injector.visible(request.row_key("funding", row), payment.instant)

    cursor = MicrosCursor(instants)
    resume = cursor.read(request.cursor)
    rows, following = select_page(instants, window, size, resume, injector, keep)
    by_instrument: dict[str, list[Record]] = {}
    for row in rows:
        record = payment_record(payments[row])
        row_key = request.row_key("funding", row)
        injector.alter(record, row_key, "funding_payment")
        by_instrument.setdefault(payments[row].code, []).append(record)
    response: Record = {
        "account_id": account.id,
        "funding_payments": by_instrument,
        "max_page_size": size,
    }
    if following is not None:
        response["cursor"] = cursor.write(following)
    return injector.add_unknown_fields(response)


def closed_positions(request: AccountRequest) -> Any:
    """`GET /account/futures/positions-history`: closed positions by opening time."""
    account, injector = _permitted(request), request.injector
    codes = read_instruments(request.params)
    window = read_window(request.params, request.now, _CLOSED)
    size = read_page_size(request.params, "limit", 1, 10, 5)
    order = request.params.get("order") or "DESC"
    if order not in {"ASC", "DESC"}:
        raise bad_request("INVALID_QUERY")
    sign = 1 if order == "DESC" else -1
    known = [closed for closed in account.ledger.closed if closed.closed <= request.now]
    known.sort(key=lambda closed: (sign * closed.opened, closed.number))
    instants = [sign * closed.opened for closed in known]
    if order == "ASC":
        window = TimeRange(-window.last, -window.first)

    def keep(row: int) -> bool:
        if codes and known[row].code not in codes:
            return False
        return injector.visible(request.row_key("closed", known[row].number), known[row].closed)

    cursor = JsonCursor(request.filters())
    resume = _closed_resume_point(cursor.read(request.cursor), known)
    rows, following = select_page(instants, window, size, resume, injector, keep)
    response: Record = {"positions": [_closed_position(request, known[row]) for row in rows]}
    if following is not None:
        at = known[min(following.row, len(known) - 1)]
        response["cursor"] = cursor.write(ResumePoint(at.number, following.after_empty), at.opened)
    return injector.add_unknown_fields(response)


def _closed_resume_point(
    resume: ResumePoint | None, known: list[ClosedPosition]
) -> ResumePoint | None:
    """Return the row of the position whose number the cursor holds, as a resume point."""
    if resume is None:
        return None
    row = next((n for n, closed in enumerate(known) if closed.number == resume.row), None)
    if row is None:
        raise bad_request("INVALID_CURSOR")
    return ResumePoint(row, resume.after_empty)


def _closed_position(request: AccountRequest, closed: ClosedPosition) -> Record:
    record = closed_position_record(
        request.account, closed, funding_of(request.account, closed.number)
    )
    row_key = request.row_key("closed", closed.number)
    if request.injector.faults.only_documented:
        record = {name: record[name] for name in _DOCUMENTED}
    request.injector.change_price(record, row_key, "total_trade_fees")
    return request.injector.alter(record, row_key, "realised_pnl", "direction", "position_id")


def funding_of(account: SimulatedAccount, position: int) -> Decimal:
    """Return the funding that a position has received, negative when it paid."""
    payments = account.ledger.payments
    return sum((p.amount for p in payments if p.position == position), ZERO)


def position_funding(request: AccountRequest) -> Any:
    """`GET /account/futures/positions/{id}/funding-payments`: oldest first, on one page."""
    account = _permitted(request)
    number = _position_number(request)
    rows = [
        position_payment_record(account, payment)
        for row, payment in enumerate(account.ledger.payments)
        if payment.position == number
        and request.injector.visible(request.row_key("position_funding", row), payment.instant)
    ]
    return request.injector.add_unknown_fields({"funding_payments": rows})


def position_trades(request: AccountRequest) -> Any:
    """`GET /account/futures/positions/{id}/trades`: oldest first, on one page.

    What the list is called is not documented: see the fault `trades_member`.
    """
    account, injector = _permitted(request), request.injector
    number = _position_number(request)
    closed = next((one for one in account.ledger.closed if one.number == number), None)
    if closed is None or closed.closed > request.now:
        raise ErrorResponse(404, {"error": "POSITION_NOT_FOUND"})
    records = [
        trade_row(account, k)
        for k in trades_of(account, closed)
        if injector.visible(request.row_key("position_trades", k), account.trades.instants[k])
    ]
    rows = [row["trade"] | row["fee"] if injector.faults.flat_trades else row for row in records]
    member = injector.faults.trades_member
    if not member:
        return rows
    return injector.add_unknown_fields({member: rows})


def _position_number(request: AccountRequest) -> int:
    text = request.path_parameter
    if not (text.isascii() and text.isdigit()):
        raise bad_request("INVALID_QUERY")
    if text in request.injector.faults.refuse_positions:
        raise ErrorResponse(404, {"error": "POSITION_NOT_FOUND"})
    return int(text)
