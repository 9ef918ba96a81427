"""Every error we raise, sorted by what the caller does next.

ExporterError
├── SettingsError            stop the process: exit 2, every fault listed at once
├── SchemaError              stop writing: the database's schema is not the one this version knows
├── EmbeddedPostgresError    stop the process: the embedded Postgres cannot be started
├── Stopping                 unwind: the process was asked to stop while somebody waited
├── NotYet                   try again soon: something else must come first
├── StandingBy               ask nothing: another process reads and writes this account
│   └── LeaseLost            the same, found out by a transaction, of which nothing is kept
├── BadRecord                skip the record: it goes to quarantine, its page goes on
├── DatabaseError            wait: the whole transaction is tried again later
└── ExchangeError
    ├── RetryLater           wait, then send the same request again
    │   ├── RateLimited      429: pause the token
    │   ├── ServerFailed     5xx
    │   ├── TimedOut         no answer in time
    │   └── ConnectionFailed no connection, or it broke in the middle of an answer
    ├── Refused              stop the stream and ask again with growing pauses
    │   ├── TokenRefused     the token is missing, wrong, expired or revoked
    │   └── NotPermitted     the token is good but may not read this
    └── UnexpectedResponse     stop this pass: asking again will not help
        ├── BadRequest       400 and 404: the exchange and we disagree about the question
        │   └── CursorExpired restart the window, once
        └── UnexpectedPayload the answer is not what the documentation describes
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

Reason = Literal[
    "auth",
    "permission",
    "rate_limited",
    "server",
    "timeout",
    "connection",
    "payload",
    "database",
    "internal",
]
"""The closed set of the ``reason`` label of ``onetrading_sync_errors_total``."""

REASONS: tuple[Reason, ...] = (
    "auth",
    "permission",
    "rate_limited",
    "server",
    "timeout",
    "connection",
    "payload",
    "database",
    "internal",
)

REASON_MEANINGS: Mapping[Reason, str] = {
    "auth": "the exchange refuses the token",
    "permission": "the token may not read it",
    "rate_limited": "too many requests (429)",
    "server": "the exchange fails (5xx)",
    "timeout": "the exchange does not answer in time",
    "connection": "no connection to the exchange",
    "payload": "the answer is not as documented",
    "database": "Postgres is away or refuses",
    "internal": "a fault of this program, see its log",
}
"""What people are told in place of an error's text, which may hold a part of an answer."""


class ExporterError(Exception):
    """Anything that this program raises on purpose."""

    reason: ClassVar[Reason] = "internal"


class SettingsError(ExporterError):
    """The environment, the configuration file or an option is wrong.

    ``faults`` holds one sentence for each: what, where, and what to do. No secret is in them.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class SchemaError(ExporterError):
    """The database's schema is edited, incomplete or newer than this version knows."""

    reason: ClassVar[Reason] = "database"


class EmbeddedPostgresError(ExporterError):
    """The embedded Postgres cannot be set up or started; the text says why and what to do."""

    reason: ClassVar[Reason] = "database"


class Stopping(ExporterError):
    """The process is shutting down; whoever waited gives up without a result."""


class NotYet(ExporterError):
    """What this needs is not there yet, and will be; nothing has failed."""


class StandingBy(ExporterError):
    """Another process holds the lease of this account: it polls, writes and shows it; we do not."""


class LeaseLost(StandingBy):
    """Another process took the lease over while a transaction was under way; it was rolled back."""


class BadRecord(ExporterError):
    """One record cannot be read. ``str()`` names the field and the value."""

    reason: ClassVar[Reason] = "payload"


class DatabaseError(ExporterError):
    """Postgres is away or refused the transaction; nothing of it was kept."""

    reason: ClassVar[Reason] = "database"


class ExchangeError(ExporterError):
    """The exchange did not give a usable answer. ``str()`` names the request and the cause."""


class RetryLater(ExchangeError):
    """The same request may succeed later. ``after_s``: seconds asked for by the exchange."""

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class RateLimited(RetryLater):
    """HTTP 429."""

    reason: ClassVar[Reason] = "rate_limited"


class ServerFailed(RetryLater):
    """HTTP 5xx."""

    reason: ClassVar[Reason] = "server"


class TimedOut(RetryLater):
    """The exchange did not connect or answer in time."""

    reason: ClassVar[Reason] = "timeout"


class ConnectionFailed(RetryLater):
    """There was no connection, or it broke before the answer was complete."""

    reason: ClassVar[Reason] = "connection"


class Refused(ExchangeError):
    """HTTP 401 or 403."""

    reason: ClassVar[Reason] = "permission"


class TokenRefused(Refused):
    """No token, or one that the exchange does not know: 401, or 403 with ``message``."""

    reason: ClassVar[Reason] = "auth"


class NotPermitted(Refused):
    """A known token that may not read this: 403 with ``error``."""


class UnexpectedResponse(ExchangeError):
    """Asking the same again will not help."""

    reason: ClassVar[Reason] = "payload"


class BadRequest(UnexpectedResponse):
    """HTTP 4xx other than 401, 403 and 429. ``code`` is the exchange's ``error`` text."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class CursorExpired(BadRequest):
    """The cursor of a walk is no longer known to the exchange."""


class UnexpectedPayload(UnexpectedResponse):
    """The answer is not JSON, or not of the documented shape."""
