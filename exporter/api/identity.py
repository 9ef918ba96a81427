"""Which account a token belongs to. No request names an account: the token decides."""

from __future__ import annotations

import uuid

from exporter.api.client import Client
from exporter.api.rate_limiter import Priority
from exporter.model.envelope import members_of_any, text_member
from exporter.model.errors import BadRecord, BadRequest, NotPermitted, UnexpectedPayload
from exporter.model.fields import uuid as uuid_of

_ECHOING = ("account/balances", "account/futures/summary", "account/fees")
"""Endpoints whose response names the account; a token may be permitted only some of them."""

_UNNAMED = uuid.UUID("8f0f3c0e-0b55-4f1c-9d0f-3a6f2f0f9a11")


def made_up(name: str) -> str:
    """The id of an account that no response names: a UUID derived from its configured name."""
    return str(uuid.uuid5(_UNNAMED, name))


def identify(client: Client, *, deadline_s: float) -> str | None:
    """The account's UUID as the exchange echoes it, or None when no response names it.

    Raises ExchangeError when the exchange cannot be reached now, or names it by something that is
    no UUID: an id must not be made up for an account that has one.
    """
    for path in _ECHOING:
        try:
            body = client.get(path, {}, priority=Priority.LIVE, deadline_s=deadline_s)
            account_id = text_member(members_of_any(body), "account_id")
        except (NotPermitted, BadRequest, UnexpectedPayload):
            continue
        if account_id is not None:
            try:
                return uuid_of(account_id, "account_id")
            except BadRecord as error:
                raise UnexpectedPayload(f"{path}: {error}") from error
    return None
