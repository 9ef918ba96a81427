"""What sends the requests of one account, and knows which account of the exchange it is."""

from __future__ import annotations

from exporter.api.client import Client
from exporter.api.clock import ExchangeClock, Witness
from exporter.api.exchange_time import ExchangeTime
from exporter.api.identity import identify, made_up
from exporter.model.errors import UnexpectedPayload
from exporter.model.stream import PUBLIC_ACCOUNT, PUBLIC_ACCOUNT_ID, Partition, Stream


class Access:
    """One account of the exchange, or ``public`` without a token. Thread-safe.

    ``patience_s``: how long a request is retried.
    """

    def __init__(
        self, name: str, client: Client, clock: ExchangeClock, *, patience_s: float
    ) -> None:
        self.name = name
        self.client = client
        self.clock = clock
        self.time = ExchangeTime(client, clock)
        self.patience_s = patience_s
        self._account_id = PUBLIC_ACCOUNT_ID if name == PUBLIC_ACCOUNT else None

    @property
    def account_id(self) -> str:
        """The UUID that the exchange gives the account, asked for once; derived from the name where
        no response tells it. Raises ExchangeError."""
        if self._account_id is None:
            found = identify(self.client, deadline_s=self.patience_s)
            self._account_id = found or made_up(self.name)
        return self._account_id

    def recognise(self, account_id: str | None) -> None:
        """A response named its account. Raises UnexpectedPayload unless it is the known one."""
        if account_id is None or self.name == PUBLIC_ACCOUNT:
            return
        known, named = self._account_id, account_id.lower()
        if known not in (None, named, made_up(self.name)):
            raise UnexpectedPayload(
                f"account {self.name!r} is {known}, but its token now reads {named}: open it again"
            )
        self._account_id = named

    def partition(self, stream: Stream, scope: str = "") -> Partition:
        """What is read of a stream. Raises ExchangeError."""
        return Partition(self.name, self.account_id, stream.name, scope)

    def witness(self, endpoint: str) -> Witness:
        """Who the responses of an endpoint are for."""
        return Witness(self.name, endpoint)
