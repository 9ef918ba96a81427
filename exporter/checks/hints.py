"""What to do about an error of the exchange, by its cause."""

from __future__ import annotations

import re

from exporter.model.errors import (
    BadRequest,
    ConnectionFailed,
    ExchangeError,
    NotPermitted,
    RateLimited,
    ServerFailed,
    TimedOut,
    TokenRefused,
    UnexpectedPayload,
)
from exporter.model.route import Proxy
from exporter.settings import Settings

_NOT_FOUND = 404
_DATES = re.compile(r"not yet valid|has expired|expired", re.IGNORECASE)
_NAMES = re.compile(r"resol|Name or service not known|No address associated|has no address|getaddr")


def hinted(error: ExchangeError, settings: Settings) -> str:
    """The error with what to do about it."""
    hint = hint_of(error, settings)
    return f"{error}; {hint}" if hint else str(error)


def hint_of(error: ExchangeError, settings: Settings) -> str:
    """What to do about an error; '' where there is nothing to say."""
    proxy = settings.network.route(settings.base_url).proxy
    if isinstance(error, NotPermitted):
        return (
            "give the token the scope Read only, let its IP list contain this machine's public"
            " address, and for futures use the token of a futures subaccount"
        )
    if isinstance(error, TokenRefused):
        return (
            "the token is wrong, expired or revoked, or its IP list lacks this machine's public"
            " address: create another one with the scope Read only"
        )
    if isinstance(error, BadRequest):
        return f"compare ONETRADING_BASE_URL, {settings.base_url}" if _is_missing(error) else ""
    if isinstance(error, UnexpectedPayload):
        through = f" or the proxy {proxy}" if proxy else ""
        return f"this may not be the exchange: compare ONETRADING_BASE_URL{through}"
    if isinstance(error, RateLimited):
        return "another program uses this token: wait a minute, or lower the requests of both"
    if isinstance(error, ServerFailed):
        return "the exchange has a fault: try again later"
    if isinstance(error, ConnectionFailed | TimedOut):
        return _of_connection(str(error), proxy, settings)
    return ""


def _is_missing(error: BadRequest) -> bool:
    return error.status == _NOT_FOUND or f": {_NOT_FOUND}" in str(error)


def _of_connection(text: str, proxy: Proxy | None, settings: Settings) -> str:
    if "certificate" in text.lower():
        if _DATES.search(text):
            return "is the clock of this machine right? If it is, the certificate has to be renewed"
        return (
            "if a proxy signs certificates of its own here, name its authority in SSL_CERT_FILE;"
            " else somebody is in between"
        )
    if proxy is not None:
        return f"is the proxy {proxy} right, and its login? See HTTPS_PROXY, ALL_PROXY, NO_PROXY"
    if _NAMES.search(text):
        return f"this machine cannot resolve the host of {settings.base_url}: see its DNS"
    return (
        f"may this machine reach {settings.base_url}? See the firewall; if only a proxy may, set"
        " HTTPS_PROXY"
    )
