"""The token on its way into a request, and out of everything else."""

from __future__ import annotations

from collections.abc import Generator

import httpx


class BearerAuth(httpx.Auth):
    """Holds the token where no traceback and no ``repr`` shows it."""

    def __init__(self, token: str | None) -> None:
        self._token = None if token is None else token.strip()

    @property
    def sendable(self) -> bool:
        """Whether a header can hold the token: visible ASCII, a little wider than RFC 6750, 2.1."""
        return self._token is None or (
            bool(self._token) and all("!" <= character <= "~" for character in self._token)
        )

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        yield request

    def redact(self, text: str) -> str:
        """``text`` without the token, should the exchange have echoed it."""
        return text.replace(self._token, "[token]") if self._token else text
