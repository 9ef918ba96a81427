"""The limits that several parts judge the service and the exchange by, each in one place."""

from __future__ import annotations

from datetime import timedelta

HEARTBEAT_LIMIT_S = 60.0
"""A scheduler whose last heartbeat is older counts as dead; it sends one every few seconds."""

CLOCK_SKEW_LIMIT_S = 2.0
"""A larger difference between the exchange's clock and ours deserves attention."""

CLOCKS_APART = timedelta(minutes=1)
"""By how much clocks that are right may differ at most: the exchange's, Postgres' and ours."""

TOKEN_EXPIRY_WARNING = timedelta(days=14)
"""A token that expires sooner deserves attention; the alert's threshold is the same."""

DEEPEST = 100
"""Levels of JSON in a record; more than anything here expects, and than ``jsonb`` may take."""

LONGEST_REASON = 500
"""Characters that are kept of why a record was rejected."""

LONGEST_SAMPLE = 200
"""Characters that are kept of a value that is not documented."""

MOST_RECORDS = 50_000
"""In one list of a response; the longest page that the exchange documents has 5,000."""

MOST_VALUES = 500_000
"""In one response, at whatever depth: each costs many times its size once it is taken apart."""

GONE_AFTER_READS = 24
"""For how many readings of the exchange's list (a day, at one an hour) an instrument is missing
before it counts as gone: a list that lacks it once may be a mistake, and until then its history
must be complete."""

_SHORTEST_HOLD = timedelta(seconds=60)
_INTERVALS_HELD = 3


def hold(interval: timedelta) -> timedelta:
    """How long a good response counts as current: ``max(3 x interval, 60 s)``.

    Older values are withdrawn from /metrics, and a snapshot is not extended over a longer break.
    """
    return max(_INTERVALS_HELD * interval, _SHORTEST_HOLD)
