"""Everything that can be read of one account, and of the markets."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, time
from types import TracebackType
from typing import Self, TypeVar

from exporter.api.open_list import OpenListReader
from exporter.api.rate_limiter import Priority
from exporter.model.closings import Follower
from exporter.model.errors import TokenRefused, UnexpectedPayload
from exporter.model.granularity import GRANULARITIES, CandleScope
from exporter.model.page import read
from exporter.model.stream import History, Reference, Reject, Snapshot
from exporter.model.whole import unusable
from exporter.model.window import Window
from exporter.notebook.access import Access
from exporter.notebook.advice import advised
from exporter.notebook.details import read_details
from exporter.notebook.reading import Reading
from exporter.notebook.walk import HistoryWalk
from exporter.settings import instant
from exporter.streams.account_fees import ACCOUNT_FEES, AccountFeeTier
from exporter.streams.balances import BALANCES, Balance
from exporter.streams.candlesticks import CANDLESTICKS, Candlestick
from exporter.streams.closed_positions import CLOSED_POSITIONS, ClosedPosition
from exporter.streams.currencies import CURRENCIES, Currency
from exporter.streams.fees import FEES, FeeTier
from exporter.streams.funding_history import FUNDING_HISTORY, FundingRate
from exporter.streams.funding_payments import FUNDING_PAYMENTS, FundingPayment
from exporter.streams.funding_rates import FUNDING_RATES, FundingRateSample
from exporter.streams.funding_settings import FUNDING_SETTINGS, FundingSetting
from exporter.streams.instruments import INSTRUMENTS, Instrument
from exporter.streams.orders import ORDERS, Order
from exporter.streams.portfolio import PORTFOLIO, Portfolio
from exporter.streams.position_funding import POSITION_FUNDING, PositionFundingPayment
from exporter.streams.position_trades import POSITION_TRADES, PositionTrade
from exporter.streams.positions import POSITIONS, Position
from exporter.streams.tickers import TICKERS, Ticker
from exporter.streams.trades import TRADES, Trade

When = str | date | datetime
"""An instant: ISO 8601 text, an aware datetime, or a day, which is its midnight UTC."""

RowT = TypeVar("RowT")


class AccountReader:
    """Reads one account at the exchange, and the markets. Sends only GET requests, writes nothing.

    Amounts and prices are `Decimal`, exactly as sent; instants are aware UTC, floored to the
    microsecond, and in full as ``*_nanos`` where the exchange sends more. Each row is a named tuple
    whose class documents its fields, with the unit of each; ``raw`` is the record as sent.

    What is listed now (`balances`) comes as a `Reading`, a range of history (`trades`) as a
    `HistoryWalk`, which requests page after page while it is iterated, and tells what is proven.
    ``start`` and ``end`` bound a range as [start, end); without ``end`` it reaches as far as rows
    can be expected to have appeared.

    Every method may raise an `ExchangeError`, with a note that says what to do about it: a
    `TokenRefused` or `NotPermitted` that the token may not read it, a `RateLimited` that there were
    too many requests, a `BadRequest` that the exchange does not accept the request; and ValueError
    for an argument that makes no sense, or once the account is closed. Thread-safe.
    """

    def __init__(
        self,
        own: Access | None,
        public: Access,
        stop: threading.Event,
    ) -> None:
        self._own = own
        self._public = public
        self._stop = stop

    @property
    def account_id(self) -> str:
        """The account's UUID, as the exchange tells it; asked for once (account/balances)."""
        with advised():
            return self._access("account_id", public=False).account_id

    # What is listed now.

    def balances(self) -> Reading[Balance]:
        """Free and locked amount of each currency (account/balances)."""
        return self._listed(BALANCES, Balance)

    def positions(self) -> Reading[Position]:
        """Open futures positions (account/futures/positions)."""
        return self._listed(POSITIONS, Position)

    def portfolio(self) -> Reading[Portfolio]:
        """Equity and margin of the futures account: one row (account/futures/summary)."""
        return self._listed(PORTFOLIO, Portfolio)

    def account_fees(self) -> Reading[AccountFeeTier]:
        """The fee tier in force per group of markets (account/fees)."""
        return self._listed(ACCOUNT_FEES, AccountFeeTier)

    def open_orders(self) -> Reading[Order]:
        """Every open order, however old (account/orders, all of its pages)."""
        with advised():
            access = self._access(ORDERS.name, public=False)
            reader = OpenListReader(access.client, ORDERS)
            partition = access.partition(ORDERS)
            found = reader.read(partition, access.patience_s, lambda _error: None)
            if found.rejects:
                raise UnexpectedPayload(f"{ORDERS.path}: {found.rejects[0].reason}")
            at = access.time.at(access.clock.steady())
            return Reading(ORDERS.name, list(found.rows.values()), observed_at=at, header={})

    def tickers(self) -> Reading[Ticker]:
        """Last, bid and ask price and volume of each tradable market (market-ticker)."""
        return self._listed(TICKERS, Ticker)

    def funding_rates(self) -> Reading[FundingRateSample]:
        """Preliminary funding rate and mark price of each futures instrument (funding-rate)."""
        return self._listed(FUNDING_RATES, FundingRateSample)

    def instruments(self) -> Reading[Instrument]:
        """Every market with its assets, kind, state and rules (instruments)."""
        return self._listed(INSTRUMENTS, Instrument)

    def currencies(self) -> Reading[Currency]:
        """Every asset with its decimals (currencies)."""
        return self._listed(CURRENCIES, Currency)

    def fees(self) -> Reading[FeeTier]:
        """The fee schedule: every tier (fees)."""
        return self._listed(FEES, FeeTier)

    def funding_settings(self) -> Reading[FundingSetting]:
        """Offset, cap and period of each futures instrument's funding (funding-rate/settings)."""
        return self._listed(FUNDING_SETTINGS, FundingSetting)

    def position_trades(self, position_id: str) -> Reading[PositionTrade]:
        """The trades that a closed position was built up and closed with
        (account/futures/positions/{}/trades); `closed_positions` tells its id."""
        return self._details(POSITION_TRADES, position_id, PositionTrade)

    def position_funding(self, position_id: str) -> Reading[PositionFundingPayment]:
        """The funding payments of a closed position, each with the rate and mark price behind it
        (account/futures/positions/{}/funding-payments)."""
        return self._details(POSITION_FUNDING, position_id, PositionFundingPayment)

    # What happened.

    def trades(self, start: When, end: When | None = None) -> HistoryWalk[Trade]:
        """Every fill, by when it happened (account/trades)."""
        return self._walk(TRADES, Trade, start, end)

    def orders(self, start: When, end: When | None = None) -> HistoryWalk[Order]:
        """Orders by when they were created (account/orders). Proven are those that are closed:
        `open_orders` tells of all that are open."""
        return self._walk(ORDERS, Order, start, end)

    def funding_payments(self, start: When, end: When | None = None) -> HistoryWalk[FundingPayment]:
        """Funding booked on the account, by when (account/futures/funding-payments)."""
        return self._walk(FUNDING_PAYMENTS, FundingPayment, start, end)

    def closed_positions(self, start: When, end: When | None = None) -> HistoryWalk[ClosedPosition]:
        """Futures positions that are closed by now, by when they were opened: what was opened in
        the range and is open still is not among them (account/futures/positions-history)."""
        return self._walk(CLOSED_POSITIONS, ClosedPosition, start, end)

    def funding_history(
        self, instrument: str, start: When, end: When | None = None
    ) -> HistoryWalk[FundingRate]:
        """Settled funding rates of a futures instrument, by funding time (funding-rate/history)."""
        return self._walk(FUNDING_HISTORY, FundingRate, start, end, instrument)

    def candlesticks(
        self, instrument: str, granularity: str, start: When, end: When | None = None
    ) -> HistoryWalk[Candlestick]:
        """Candles of a market that are over, by their end (candlesticks/{instrument}).

        ``granularity``: 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w or 1M.
        """
        if granularity not in GRANULARITIES:
            raise ValueError(
                f"granularity {granularity!r} is not one of: {', '.join(GRANULARITIES)}"
            )
        scope = str(CandleScope(instrument, GRANULARITIES[granularity]))
        return self._walk(CANDLESTICKS, Candlestick, start, end, scope)

    # The account itself.

    def close(self) -> None:
        """End what is being read, and close all connections. May be called twice."""
        self._stop.set()
        for access in filter(None, (self._own, self._public)):
            access.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        what = "public markets only" if self._own is None else f"account {self._own.name!r}"
        return f"<AccountReader: {what}{', closed' if self._stop.is_set() else ''}>"

    def _access(self, name: str, *, public: bool) -> Access:
        """What reads a stream. Raises TokenRefused for what needs a token, without one."""
        if self._stop.is_set():
            raise ValueError("this account is closed: open it again with open_account")
        if public:
            return self._public
        if self._own is None:
            raise TokenRefused(
                f"{name}: no token was given, so only public markets can be read: call "
                "open_account(token_file=...), or set ONETRADING_API_TOKEN_FILE"
            )
        return self._own

    def _listed(self, stream: Snapshot | Reference, _row: type[RowT]) -> Reading[RowT]:
        """One response of a stream that is read as a whole; ``_row``: what its rows are."""
        with advised():
            access = self._access(stream.name, public=stream.public)
            body = access.client.get(
                stream.path,
                stream.parameters,
                priority=Priority.LIVE,
                deadline_s=access.patience_s,
            )
            received = access.clock.steady()
            page = read(stream, body, access.account_id)
            access.recognise(page.account_id)
            bad: list[Reject] = unusable(stream, page, body)
            if bad:
                raise UnexpectedPayload(f"{stream.path}: {bad[0].reason}")
            return Reading(
                stream.name,
                page.rows,
                observed_at=access.time.at(received),
                header=page.header,
                rejects=page.rejects,
            )

    def _details(self, stream: Follower, position_id: str, row: type[RowT]) -> Reading[RowT]:
        """Raises ValueError for what is no id: the path would be that of something else."""
        if not position_id.strip("."):
            raise ValueError(f"{position_id!r} is no position_id: see closed_positions")
        with advised():
            access = self._access(stream.name, public=False)
            return read_details(access, stream, position_id, row)

    def _walk(
        self,
        stream: History,
        _row: type[RowT],
        start: When,
        end: When | None,
        scope: str = "",
    ) -> HistoryWalk[RowT]:
        """``_row``: what the rows of the stream are."""
        access = self._access(stream.name, public=stream.public)
        since = _instant(start, "start")
        if end is not None:
            until = _instant(end, "end")
        else:
            with advised():
                until = max(access.time.now() - stream.of(scope).allowed_lateness, since)
        if until < since:
            raise ValueError("end lies before start: a range is [start, end)")
        return HistoryWalk(access, stream, Window(since, until), scope)


def _instant(value: When, name: str) -> datetime:
    """Raises ValueError for a text that is no instant, and for one without a time zone."""
    try:
        if isinstance(value, str):
            return instant(value)
        if not isinstance(value, datetime):
            return datetime.combine(value, time(), UTC)
        if value.tzinfo is None:
            raise ValueError("has no time zone; give it one, such as datetime.UTC")
        value = value.astimezone(UTC)
        # A subclass, such as that of pandas, becomes an ordinary datetime.
        return datetime.combine(value.date(), value.time(), UTC)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None
