"""Every error we raise, sorted by what the caller does next.

ExporterError
├── SettingsError            stop the process: exit 2, every fault listed at once
│   └── FileFaults           the same, of a file that was to be imported
├── SchemaError              stop writing: the database's schema is not the one this version needs
├── EmbeddedPostgresError    stop the process: the embedded Postgres cannot be started
├── Stopping                 unwind: the process was asked to stop while something waited
├── NotYet                   try again later: something else must come first
│   └── Connecting           try again within a second: Postgres is about to answer
├── StandingBy               send nothing: another process reads and writes this account
│   └── LeaseLost            the same, noticed by a transaction, which was rolled back
├── BadRecord                skip the record: it goes to the rejects, its page goes on
├── DatabaseError            wait: the whole transaction is retried later
│   ├── DataRefused          find the record and reject it: a retry brings the same
│   ├── LoginRefused         say what to correct: Postgres is there, and lets nobody in
│   └── DatabaseBusy         the same: Postgres is up, and has nothing to spare now
├── Outdated                 say so: Postgres holds a response that was observed later
├── HistoryIncomplete        ask again for what is missing, or later
├── CloseRefused             say so: the month cannot be closed or reopened as asked
│   └── ChecksFailing        list them: exit 4
└── ExchangeError
    ├── RetryLater           wait, then send the same request again
    │   ├── RateLimited      429: pause the token
    │   ├── ServerFailed     5xx
    │   ├── TimedOut         no connection or no complete response in time
    │   └── ConnectionFailed no connection, or it broke in the middle of a response
    ├── Refused              stop the stream and try again with growing pauses
    │   ├── TokenRefused     the token is missing, wrong, expired or revoked
    │   └── NotPermitted     the token is good but may not read this
    │       └── NoFutures    the account has no futures, so there is nothing to read
    └── UnexpectedResponse   stop this pass: a retry will not help
        ├── BadRequest       400, 404, ...: the exchange does not accept the request
        │   └── CursorExpired restart the window, once
        └── UnexpectedPayload the response is not what the documentation describes
            └── EmptyPayload  an object or array with nothing in it, where more is documented
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Literal, get_args

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

REASONS: tuple[Reason, ...] = get_args(Reason)

REASON_MEANINGS: Mapping[Reason, str] = {
    "auth": "the exchange refuses the token",
    "permission": "the token may not read it",
    "rate_limited": "too many requests (429)",
    "server": "the exchange fails (5xx)",
    "timeout": "the exchange does not answer in time",
    "connection": "no connection to the exchange",
    "payload": "the response is not as documented",
    "database": "Postgres is unreachable or refuses",
    "internal": "bug: unhandled exception, see the log",
}
"""Shown in place of an error's text, which may quote a part of a response."""


class ExporterError(Exception):
    """The base of every error that this program raises on purpose."""

    reason: ClassVar[Reason] = "internal"
    """How it is counted in ``onetrading_sync_errors_total``."""


class SettingsError(ExporterError):
    """The environment, the configuration file or an option is wrong.

    ``faults`` holds one sentence for each: what, where, and what to do. No secret is in them.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class FileFaults(SettingsError):
    """A file to be imported is wrong, or contradicts what is known; nothing of it was imported."""


class SchemaError(ExporterError):
    """The database's schema was edited, is incomplete, or is newer than this version knows."""

    reason: ClassVar[Reason] = "database"


class EmbeddedPostgresError(ExporterError):
    """The embedded Postgres cannot be set up or started; the text says why and what to do."""

    reason: ClassVar[Reason] = "database"


class Stopping(ExporterError):
    """The process is shutting down: whatever waited returns without a result.

    Not counted as a failure.
    """


class NotYet(ExporterError):
    """Something that this needs is not ready yet, and will be; nothing has failed."""


class Connecting(NotYet):
    """The process has just started, and Postgres has not answered its first question."""


class StandingBy(ExporterError):
    """Another process holds this account's lease: that one reads, writes and exports the account.

    Nothing is requested and nothing is written until the lease is ours.
    """


class LeaseLost(StandingBy):
    """Another process took the lease over during a transaction of ours, which was rolled back.

    Each transaction compares the lease's epoch with the one it began with, so that two writers
    never commit for the same account. Nothing of the transaction was kept.
    """


class BadRecord(ExporterError):
    """One record cannot be read. ``str()`` names the field and the value."""

    reason: ClassVar[Reason] = "payload"


class DatabaseError(ExporterError):
    """Postgres is unreachable or refused the transaction; nothing of it was kept."""

    reason: ClassVar[Reason] = "database"


class DataRefused(DatabaseError):
    """Postgres cannot hold what it was given, and never will: a value, not the connection.

    Nothing of the transaction was kept. The cause is to be found record by record: neither the
    batch nor what waits behind it is lost for it.
    """


class LoginRefused(DatabaseError):
    """Postgres is there, but refuses this role, password, database or URL; ``str()`` says what to
    correct. A service waits for that: a role may be created, a password changed. A command ends."""


class DatabaseBusy(DatabaseError):
    """Postgres responds, but not to this: no connection was free in time, or it lacks a resource.

    Overload is no outage: no connection is given up. Logged by `Database`, not per stream.
    """


class Outdated(ExporterError):
    """A response was not stored, because Postgres holds one that was observed later.

    ``by``: how much later.
    """

    reason: ClassVar[Reason] = "database"

    def __init__(self, stored: datetime, observed: datetime) -> None:
        self.by = stored - observed
        super().__init__(
            f"Postgres holds a response that was observed at {stored:%Y-%m-%d %H:%M:%S} UTC, later "
            f"than this one ({observed:%Y-%m-%d %H:%M:%S}), which is not stored: compare the "
            "clocks of the exchange, of this machine and of the processes that write this account"
        )


class HistoryIncomplete(ExporterError):
    """A walk through history did not prove all of the range that was asked for; says what is
    missing, and why."""


class CloseRefused(ExporterError):
    """A month cannot be closed or reopened: it is not over, or others come first."""


class ChecksFailing(CloseRefused):
    """Checks of the month fail, and nobody has acknowledged them.

    ``checks``: rows of `reporting.month_close`, by column.
    """

    def __init__(self, message: str, checks: Sequence[Mapping[str, object]]) -> None:
        super().__init__(message)
        self.checks = checks


class ExchangeError(ExporterError):
    """The exchange sent no usable response. ``str()`` names the endpoint and the cause.

    It never holds the token. ``status`` is that of the response, 0 without one; ``code`` what the
    exchange calls the error, '' when it does not say.
    """

    status: int = 0
    code: str = ""


class RetryLater(ExchangeError):
    """The same request may succeed later. ``after_s``: seconds of its ``Retry-After``, if sent."""

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class RateLimited(RetryLater):
    """HTTP 429, or a token that is still paused after one: nothing was sent then."""

    reason: ClassVar[Reason] = "rate_limited"


class ServerFailed(RetryLater):
    """HTTP 5xx, or an error code that stands for one."""

    reason: ClassVar[Reason] = "server"


class TimedOut(RetryLater):
    """No connection or no complete response in time (`Policy`), or HTTP 408."""

    reason: ClassVar[Reason] = "timeout"


class ConnectionFailed(RetryLater):
    """There was no connection, or it broke before the response was complete."""

    reason: ClassVar[Reason] = "connection"


class Refused(ExchangeError):
    """HTTP 401 or 403."""

    reason: ClassVar[Reason] = "permission"


class TokenRefused(Refused):
    """No usable token, or one that the exchange does not know: 401, or 403 with ``message``."""

    reason: ClassVar[Reason] = "auth"


class NotPermitted(Refused):
    """A known token that may not read this: 403 with ``error``."""


class NoFutures(NotPermitted):
    """A futures stream that never succeeded is denied in some way, while the token is good."""


class UnexpectedResponse(ExchangeError):
    """A complete response that is not usable; a retry would bring the same."""

    reason: ClassVar[Reason] = "payload"


class BadRequest(UnexpectedResponse):
    """HTTP 4xx other than 401, 403, 408 and 429. ``code`` is the exchange's ``error`` text."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code

    @property
    def about_instrument(self) -> bool:
        """Whether the exchange refuses the instrument, not the window that was requested."""
        return "INSTRUMENT" in self.code.upper()


class CursorExpired(BadRequest):
    """The exchange no longer knows the cursor of a walk."""


class UnexpectedPayload(UnexpectedResponse):
    """The response is not JSON, or not of the documented shape."""


class EmptyPayload(UnexpectedPayload):
    """``{}``, ``[]``, or an object of nulls, where a named member is documented."""
