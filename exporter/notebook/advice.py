"""What to do about an error of the exchange: a note that Python shows below its message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from exporter.model.errors import (
    BadRequest,
    ConnectionFailed,
    ExchangeError,
    NotPermitted,
    RateLimited,
    RetryLater,
    TokenRefused,
    UnexpectedPayload,
)

_ADVICE: tuple[tuple[type[ExchangeError], str], ...] = (
    (
        TokenRefused,
        "Check the token: it may be wrong, expired or revoked, or its list of IP addresses does "
        "not have the one that you come from. The exchange shows a token only once: create another "
        "under Profile, Accounts, API.",
    ),
    (
        NotPermitted,
        "The token is known, but may not read this: it needs the scope Read, and futures need the "
        "token of a futures subaccount.",
    ),
    (
        RateLimited,
        "Too many requests with this token, all programs that use it together: wait a minute, or "
        "give open_account a lower requests_per_minute.",
    ),
    (
        ConnectionFailed,
        "There is no connection to the exchange: check base_url, the network, the proxy and the "
        "certificates.",
    ),
    (RetryLater, "The exchange does not respond as it should at the moment: try again later."),
    (
        BadRequest,
        "The exchange does not accept the request: it may not know the instrument, or serve no "
        "history that is so old.",
    ),
    (
        UnexpectedPayload,
        "The response is not what the exchange documents: nothing of it was used. Check base_url; "
        "if it is right, please report it.",
    ),
)
"""The first kind of error that fits counts."""


def advise(error: ExchangeError) -> None:
    """Add to an error what to do about it, once."""
    notes: list[str] = getattr(error, "__notes__", [])
    for kind, text in _ADVICE:
        if isinstance(error, kind):
            if text not in notes:
                error.add_note(text)
            return


@contextmanager
def advised() -> Iterator[None]:
    """Errors of the exchange that are raised inside say what to do."""
    try:
        yield
    except ExchangeError as error:
        advise(error)
        raise
