"""Streams that a token may not read: when to retry, and what not to request meanwhile.

A refusal (401, 403) can be temporary, so a stream is retried after a pause that doubles up to ten
minutes; with another token at once. While the token itself is refused, no stream of its account is
backfilled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from exporter.sync.account import Account
from exporter.sync.stream_sync import StreamSync

State = Literal["permitted", "paused", "refused"]
"""``paused``: not requested. ``refused``: requested at its next turn; until then no backfill."""

Event = Literal["read", "refused", "pause over", "token changed"]

TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    "permitted": {"read": "permitted", "refused": "paused"},
    "paused": {
        "read": "permitted",  # a request in flight succeeded after all
        "refused": "paused",
        "pause over": "refused",
        "token changed": "refused",
    },
    "refused": {"read": "permitted", "refused": "paused"},
}
"""State to event to next state; what is not listed changes nothing."""

_LONGEST_PAUSE_S = 600.0
_LARGEST_EXPONENT = 20


@dataclass
class _Refusal:
    account: Account
    token: str | None
    """The token that was refused."""
    again_at: float
    times: int
    whole: bool
    """The token itself was refused, so no other stream of the account can be read either."""
    state: State = "paused"


class Refusals:
    """The state of each stream of each account. Safe to use from any thread.

    ``monotonic`` returns seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._refusals: dict[tuple[str, str], _Refusal] = {}

    def state(self, account: str, stream: str) -> State:
        """The state of the stream now."""
        refusal = self._refusals.get((account, stream))
        if refusal is None:
            return "permitted"
        if refusal.token != refusal.account.token():
            refusal.state = TRANSITIONS[refusal.state].get("token changed", refusal.state)
        elif refusal.again_at <= self._monotonic():
            refusal.state = TRANSITIONS[refusal.state].get("pause over", refusal.state)
        return refusal.state

    def paused_s(self, account: str, stream: str) -> float:
        """Seconds until the stream is requested again; 0 unless it is paused."""
        if self.state(account, stream) != "paused":
            return 0.0
        return max(0.0, self._refusals[account, stream].again_at - self._monotonic())

    def keep_backfill_away(self, account: str, stream: str) -> bool:
        """Whether the backfill, which has no pauses of its own, must not request the stream.

        Also while the token itself is refused and the stream has not had its turn since.
        """
        if self.state(account, stream) != "permitted":
            return True
        whole = [key for key, refusal in list(self._refusals.items()) if refusal.whole]
        return any(of == account and self.paused_s(of, other) > 0 for of, other in whole)

    def record_read(self, sync: StreamSync) -> None:
        """The stream was read: it is permitted, and its token is good."""
        self._refusals.pop(sync.key, None)
        if sync.stream.public:
            return
        for (account, _), refusal in list(self._refusals.items()):
            if account == sync.account.name:
                refusal.whole = False

    def record_refusal(self, sync: StreamSync, *, whole: bool) -> None:
        """The stream was refused; ``whole``: because the token was."""
        before = self._refusals.get(sync.key)
        times = 1 if before is None else before.times + 1
        interval_s = sync.interval.total_seconds()
        pause_s = min(interval_s * 2 ** min(times, _LARGEST_EXPONENT), _LONGEST_PAUSE_S)
        again_at = self._monotonic() + pause_s
        token = sync.account.token()
        self._refusals[sync.key] = _Refusal(sync.account, token, again_at, times, whole)
