"""Streams that a token may not read: when to retry, and what not to request meanwhile.

A refusal (401, 403) can be temporary, so a stream is retried after a pause that doubles up to ten
minutes; with another token at once. While the token itself is refused, no stream of its account is
backfilled.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from exporter.sync.account import Account
from exporter.sync.stream_sync import StreamSync

State = Literal["permitted", "paused", "refused"]
"""``paused``: not requested. ``refused``: requested at its next turn; until then no backfill."""

Event = Literal["read", "refused", "standing by", "pause over", "token changed"]

TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    "permitted": {"read": "permitted", "refused": "paused", "standing by": "permitted"},
    "paused": {
        "read": "permitted",  # a request in flight succeeded after all
        "refused": "paused",
        "standing by": "permitted",  # another process reads it: not known any more
        "pause over": "refused",
        "token changed": "refused",
    },
    "refused": {"read": "permitted", "refused": "paused", "standing by": "permitted"},
}
"""State to event to next state; what is not listed changes nothing."""

_LONGEST_PAUSE_S = 600.0
_LARGEST_EXPONENT = 20


@dataclass
class _Stream:
    account: Account
    state: State = "permitted"
    times: int = 0
    """Refusals in a row."""
    again_at: float = 0.0
    token: str | None = None
    """The token that was refused."""
    whole: bool = False
    """The token itself was refused, so no other stream of the account can be read either."""

    def move(self, event: Event) -> None:
        """To the next state of the table."""
        self.state = TRANSITIONS[self.state].get(event, self.state)


class Refusals:
    """The state of each stream of each account. Safe to use from any thread.

    ``monotonic`` returns seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._streams: dict[tuple[str, str], _Stream] = {}
        """Those that have been refused."""

    def state(self, account: str, stream: str) -> State:
        """The state of the stream now."""
        with self._lock:
            return self._current((account, stream))[0]

    def paused_s(self, account: str, stream: str) -> float:
        """Seconds until the stream is requested again; 0 unless it is paused."""
        with self._lock:
            return self._current((account, stream))[1]

    def keep_backfill_away(self, account: str, stream: str) -> bool:
        """Whether the backfill, which has no pauses of its own, must not request the stream.

        Also while the token itself is refused and the stream has not had its turn since.
        """
        with self._lock:
            whole = [key for key, found in self._streams.items() if found.whole]
            return self._current((account, stream))[0] != "permitted" or any(
                key[0] == account and self._current(key)[0] == "paused" for key in whole
            )

    def record_read(self, sync: StreamSync) -> None:
        """The stream was read: it is permitted, and its token is good.

        Of a stream that follows another that is not said: it may have had nothing to ask for.
        """
        with self._lock:
            found = self._streams.get(sync.key)
            if found is not None:
                found.move("read")
                found.times = 0
            for (account, _), other in self._streams.items():
                if account == sync.account.name and sync.stream.stands_alone:
                    other.whole = False

    def record_standing_by(self, sync: StreamSync) -> None:
        """Another process reads the stream: after a takeover it is requested at once."""
        with self._lock:
            found = self._streams.get(sync.key)
            if found is not None:
                found.move("standing by")
                found.times, found.whole = 0, False

    def forget(self, account: str) -> None:
        """The account is not read any more; another one may come under its name."""
        with self._lock:
            for key in [key for key in self._streams if key[0] == account]:
                del self._streams[key]

    def record_refusal(self, sync: StreamSync, *, whole: bool) -> None:
        """The stream was refused; ``whole``: because the token was."""
        token = sync.account.token()
        with self._lock:
            found = self._streams.setdefault(sync.key, _Stream(sync.account))
            found.move("refused")
            found.times += 1
            exponent = min(found.times, _LARGEST_EXPONENT)
            pause_s = min(sync.interval.total_seconds() * 2**exponent, _LONGEST_PAUSE_S)
            found.again_at = self._monotonic() + pause_s
            found.token, found.whole = token, whole

    def _current(self, key: tuple[str, str]) -> tuple[State, float]:
        """The state now, and for how many seconds it is paused."""
        found = self._streams.get(key)
        if found is None:
            return "permitted", 0.0
        left_s = found.again_at - self._monotonic()
        if found.token != found.account.token():
            found.move("token changed")
        elif left_s <= 0:
            found.move("pause over")
        return found.state, max(0.0, left_s) if found.state == "paused" else 0.0
