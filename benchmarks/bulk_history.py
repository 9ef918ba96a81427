"""Trades, orders and closed positions that fit together, of any length, computed from their index.

Time is divided into one block of trades for each position. A block trades one futures instrument,
first into the position and then, with the same amounts, out of it; every fifth group of its trades
is of a spot instrument. A group is three orders: one with 2 fills, one with 8, of which some are
cancelled half filled, and one that is cancelled without any. What happens repeats after 12 blocks;
instants, ids and sequence numbers do not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import overload

import msgspec

from benchmarks.bulk import EvenInstants
from exporter.simulator.endpoints.records import Record, closed_position_record, trade_row
from exporter.simulator.endpoints.times import iso_nanos
from exporter.simulator.endpoints.wire import encode
from exporter.simulator.market.exact import ZERO, exact, quotient, text, trimmed
from exporter.simulator.market.instruments import INSTRUMENTS
from exporter.simulator.market.ledger import ClosedPosition
from exporter.simulator.market.market import SimulatedAccount
from exporter.simulator.market.prices import SECOND, mix
from exporter.simulator.market.trades import SimulatedTrade

BLOCK_TRADES = 200
BLOCK_ORDERS = 60
_GROUP_TRADES = 10
_GROUP_ORDERS = 3
_FIRST_FILL, _FILLS = (0, 2, 9), (2, 8, 0)
_GROUPS = BLOCK_TRADES // _GROUP_TRADES
_BLOCKS = 12
_CYCLE_TRADES, _CYCLE_ORDERS = _BLOCKS * BLOCK_TRADES, _BLOCKS * BLOCK_ORDERS
_FUTURES = ("BTC_USD_P", "ETH_USD_P", "SOL_USD_P")
_SPOT = "BTC_USDC"
_FIRST_NUMBER = 2_100_000_000_000_000
_MAKER, _TAKER = Decimal("-0.00005"), Decimal("0.00015")
_PLACEHOLDER = "%s"
_BEFORE_FILL = 5_000_000
"""Nanoseconds between an order and its first fill."""
_CANCELLED_AFTER = 60 * SECOND


class BulkHistory:
    """A history with ``trades`` trades between two instants, in nanoseconds since the epoch.

    It has a position for each whole block of them. As a `TradeHistory`, it holds the trades.
    """

    def __init__(self, trades: int, start: int, end: int) -> None:
        if trades % _GROUP_TRADES:
            raise ValueError(f"the trades come in groups of {_GROUP_TRADES}")
        self.positions = trades // BLOCK_TRADES
        self._count = trades
        gap = (end - start) // max(1, self._count)
        self.instants: Sequence[int] = EvenInstants(start, gap, self._count)
        self._trades = [_trade(k) for k in range(_CYCLE_TRADES)]
        self.order_instants: Sequence[int] = _OrderInstants(self.instants)
        self.opened = [self.instants[self.trades_of(n)[0]] for n in range(self.positions)]

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, k: int, /) -> SimulatedTrade:
        trade = self._trades[k % _CYCLE_TRADES]
        return trade._replace(instant=self.instants[k], order=_order_of(k), sequence=_sequence(k))

    def row_encoder(self, account: SimulatedAccount) -> Callable[[int], msgspec.Raw]:
        """Return the rows of trades by index, composed from templates."""
        row = self.trade_texts(account)
        return lambda k: msgspec.Raw(row(k).encode())

    def trade_texts(self, account: SimulatedAccount) -> Callable[[int], str]:
        """Return the rows of trades by index, as text."""
        names = ("trade_id", "order_id", "time", "time_nanos", "sequence")
        templates = []
        for trade in self._trades:
            record = trade_row(account, 0, trade)
            record["trade"] |= dict.fromkeys(names, _PLACEHOLDER)
            templates.append(encode(record).decode())

        def row(k: int) -> str:
            instant = iso_nanos(self.instants[k])
            return templates[k % _CYCLE_TRADES] % (
                account.trade_ids.make(k),
                account.order_ids.make(_order_of(k)),
                instant[:23] + "Z",
                instant,
                _sequence(k),
            )

        return row

    def order_encoder(self, account: SimulatedAccount) -> Callable[[int], msgspec.Raw]:
        """Return the rows of orders by index, ``{order, trades}``."""
        templates = [self._order_template(account, index) for index in range(_CYCLE_ORDERS)]
        trade = self.trade_texts(account)

        def row(index: int) -> msgspec.Raw:
            fills = fills_of(index)
            created = self.order_instants[index]
            last = self.instants[fills[-1]] if fills else created
            updated = last + (0 if _is_filled(index) else _CANCELLED_AFTER)
            composed = templates[index % _CYCLE_ORDERS] % (
                account.order_ids.make(index),
                account.client_ids.make(index),
                iso_nanos(created),
                iso_nanos(updated),
                50_000_000_000 + 10 * index,
                _sequence(fills[-1]) if fills else 50_000_000_000 + index,
                ",".join(map(trade, fills)),
            )
            return msgspec.Raw(composed.encode())

        return row

    @exact
    def _order_template(self, account: SimulatedAccount, index: int) -> str:
        """The row of an order, with placeholders in the order of the wire's members."""
        fills = [self._trades[k] for k in fills_of(index)]
        filled = sum((fill.amount for fill in fills), ZERO)
        first = self._trades[_GROUP_TRADES * (index // _GROUP_ORDERS)]
        amount = filled if _is_filled(index) else 2 * (filled or first.amount)
        order: Record = {
            "order_id": _PLACEHOLDER,
            "account_id": account.id,
            "client_id": _PLACEHOLDER,
            "instrument_code": first.code,
            "side": first.side,
            "amount": text(amount),
            "price": text(first.price),
            "filled_amount": trimmed(filled),
            "time": _PLACEHOLDER,
            "time_last_updated": _PLACEHOLDER,
            "sequence": _PLACEHOLDER,
            "order_book_sequence": _PLACEHOLDER,
            "status": "FILLED_FULLY" if _is_filled(index) else "CANCELLED",
            "type": "LIMIT",
            "time_in_force": "GOOD_TILL_CANCELLED",
        }
        if fills:
            value = sum((fill.price * fill.amount for fill in fills), ZERO)
            order["average_price"] = trimmed(quotient(value, filled, 18))
            order["total_fee"] = text(sum((fill.fee for fill in fills), ZERO))
            order["fee_currency"] = first.fee_currency
        return encode({"order": order, "trades": []}).decode().replace("[]", f"[{_PLACEHOLDER}]")

    @exact
    def position_records(self, account: SimulatedAccount) -> Callable[[int], Record]:
        """Return the records of closed positions by index; all were opened and closed."""
        sums = [self._position(block) for block in range(_BLOCKS)]

        def record(number: int) -> Record:
            own = self.trades_of(number)
            closed = sums[number % _BLOCKS]._replace(
                number=_FIRST_NUMBER + number,
                opened=self.instants[own[0]],
                closed=self.instants[own[-1]],
            )
            return closed_position_record(account, closed, ZERO)

        return record

    def _position(self, block: int) -> ClosedPosition:
        own = self.trades_of(block)
        trades = [self._trades[k] for k in own]
        signed = [one.amount if one.side == "BUY" else -one.amount for one in trades]
        if sum(signed, ZERO):
            raise ValueError("the position is not closed")
        costs = (volume * one.price for volume, one in zip(signed, trades, strict=True))
        fees = sum((one.fee for one in trades), ZERO)
        direction = "LONG" if signed[0] > 0 else "SHORT"
        code, volume = trades[0].code, abs(signed[-1])
        pnl = -sum(costs, ZERO)
        return ClosedPosition(0, code, direction, 0, 0, pnl, fees, volume, own[0], own[-1])

    @staticmethod
    def trades_of(number: int) -> list[int]:
        """Return the indices of the trades of a position, oldest first."""
        first = number * BLOCK_TRADES
        return [k for k in range(first, first + BLOCK_TRADES) if not _is_spot(k)]

    def position_index(self, identity: str) -> int | None:
        """Return the index of a position by its id; None for any other text."""
        index = int(identity) - _FIRST_NUMBER if identity.isascii() and identity.isdigit() else -1
        return index if 0 <= index < self.positions else None


class _OrderInstants(Sequence[int]):
    """When orders were created: a little before their first fill; some share their instant."""

    def __init__(self, trades: Sequence[int]) -> None:
        self._trades = trades

    def __len__(self) -> int:
        return len(self._trades) // _GROUP_TRADES * _GROUP_ORDERS

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        group, place = divmod(index, _GROUP_ORDERS)
        if place == 2 and group % 5 == 0:
            place = 1
        return self._trades[group * _GROUP_TRADES + _FIRST_FILL[place]] - _BEFORE_FILL


def fills_of(index: int) -> range:
    """Return the indices of the trades of an order."""
    group, place = divmod(index, _GROUP_ORDERS)
    first = group * _GROUP_TRADES + _FIRST_FILL[place]
    return range(first, first + _FILLS[place])


def _is_filled(index: int) -> bool:
    group, place = divmod(index, _GROUP_ORDERS)
    return place == 0 or (place == 1 and group % 4 != 0)


def _order_of(k: int) -> int:
    group, place = divmod(k, _GROUP_TRADES)
    return _GROUP_ORDERS * group + (place >= _FIRST_FILL[1])


def _is_spot(k: int) -> bool:
    return k // _GROUP_TRADES % 5 == 4


def _sequence(k: int) -> int:
    return 60_000_000_000 + 3 * k


@exact
def _trade(k: int) -> SimulatedTrade:
    """The trade at a place of the cycle, without what does not repeat."""
    block, place = divmod(k, BLOCK_TRADES)
    group = place // _GROUP_TRADES
    spot, closing = _is_spot(k), group >= _GROUPS // 2
    instrument = INSTRUMENTS[_SPOT if spot else _FUTURES[block % 3]]
    # One half of a block mirrors the other, so that the position ends at zero.
    amount_bits = mix(1, block * BLOCK_TRADES + place % (BLOCK_TRADES // 2))
    amount = Decimal(1 + amount_bits % 5_000).scaleb(-instrument.amount_decimals)
    ticks = int(instrument.price.scaleb(instrument.price_decimals))
    drift = mix(2, k // _GROUP_TRADES) % (ticks // 50)
    price = Decimal(ticks + drift).scaleb(-instrument.price_decimals)
    maker = bool(mix(3, k // _GROUP_TRADES) & 1)
    side = "BUY" if (block // 3 % 2 == 0) != closing else "SELL"
    in_base = spot and side == "BUY"
    fee = amount * _TAKER if in_base else price * amount * (_MAKER if maker else _TAKER)
    currency = instrument.base if in_base else instrument.quote
    return SimulatedTrade(0, instrument.code, side, price, amount, fee, currency, maker, 0, 0)
