"""Why nothing, or no complete history, is expected of a stream or of one of its scopes.

Kept in ``onetrading_sync.progress.retired_because``: who asks what is complete leaves out every row
that has a reason. `onetrading_sync.progress` is read by people, so the reasons are sentences.
"""

from __future__ import annotations

CLOSED = "the instrument is closed"
GONE = "the exchange no longer lists it"
REFUSED = "the exchange refuses it: "
"""How the reason of a refusal begins; status and error code follow."""
NO_FUTURES = "the account has no futures"
SCOPE_NOT_CONFIGURED = "the setting does not name it"
NOT_CONFIGURED = "the stream is not configured for this account"
