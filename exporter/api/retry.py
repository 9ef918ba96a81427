"""When to retry a failed request: exponential back-off with full jitter, as pure arithmetic.

Full jitter spreads clients best after a common failure (Brooker, "Exponential Backoff and Jitter",
AWS Architecture Blog, 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

AFTER_CAP_S = 120.0
"""A longer ``Retry-After`` is cut to this: a wrong header must not stop the sync for a day."""

_LARGEST_EXPONENT = 60


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The timeouts and retries of one request, all in seconds.

    ``base_s`` and ``cap_s`` bound the back-off, ``pause_base_s`` and ``pause_cap_s`` the pause of
    the whole token after a 429 without ``Retry-After``. ``deadline_s`` is the default of
    `Client.get`. ``connect_s`` and ``read_s`` bound one silence of the connection, ``attempt_s`` a
    whole response, however steadily it drips.
    """

    base_s: float = 0.5
    cap_s: float = 30.0
    deadline_s: float = 60.0
    pause_base_s: float = 4.0
    pause_cap_s: float = 60.0
    connect_s: float = 5.0
    read_s: float = 10.0
    attempt_s: float = 30.0


def delay_s(
    attempt: int,
    *,
    base_s: float,
    cap_s: float,
    random: Callable[[], float],
    after_s: float | None = None,
) -> float:
    """Seconds to wait after failed attempt number ``attempt`` (the first is 0).

    Uniform in [0, min(cap_s, base_s * 2^attempt)], but never less than ``after_s``, the exchange's
    ``Retry-After``, of which at most AFTER_CAP_S counts. ``random`` yields values in [0, 1).
    """
    jittered = random() * _ceiling_s(attempt, base_s, cap_s)
    return max(jittered, min(after_s or 0.0, AFTER_CAP_S))


def pause_s(
    streak: int,
    *,
    base_s: float,
    cap_s: float,
    random: Callable[[], float],
    after_s: float | None = None,
) -> float:
    """Seconds to pause a whole token after a 429 that followed ``streak`` others in a row.

    ``after_s``, the exchange's ``Retry-After``, cut to AFTER_CAP_S. Without it at least half of
    min(cap_s, base_s * 2^streak), and the other half jittered: full jitter may be next to nothing,
    which would only cause the next 429.
    """
    if after_s:
        return min(after_s, AFTER_CAP_S)
    ceiling = _ceiling_s(streak, base_s, cap_s)
    return ceiling / 2 + random() * ceiling / 2


def _ceiling_s(attempt: int, base_s: float, cap_s: float) -> float:
    return min(cap_s, base_s * 2.0 ** min(attempt, _LARGEST_EXPONENT))
