"""Find out which account a token belongs to."""

from __future__ import annotations

from exporter.api.budget import Priority
from exporter.api.client import Client
from exporter.envelope import members, text_member
from exporter.errors import BadRequest, NotPermitted, UnexpectedPayload

_ECHOING = ("account/balances", "account/futures/summary", "account/fees")
"""Answers that name their account; a token may be allowed only some of them."""


def identify(client: Client, *, deadline_s: float) -> str | None:
    """The account's id as the exchange echoes it, or None when no answer names it.

    Raises ExchangeError when the exchange cannot be asked now.
    """
    for path in _ECHOING:
        try:
            body = client.get(path, {}, priority=Priority.LIVE, deadline_s=deadline_s)
            found = text_member(members(body), "account_id")
        except (NotPermitted, BadRequest, UnexpectedPayload):
            continue
        if found is not None:
            return found.lower()
    return None
