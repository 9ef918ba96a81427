"""Warnings about what others could read, given the listen address and the web config."""

from __future__ import annotations

from ipaddress import ip_address
from ssl import CERT_REQUIRED

from exporter.server.security.web_config import WebConfig


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to ``host``."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def warnings(host: str, listen: str, config: WebConfig) -> list[str]:
    """What is unsafe about serving on ``host``, and what to set.

    ``listen`` is the address as messages show it. Empty when only this machine can connect.
    """
    if is_loopback(host):
        return []
    authenticated = bool(config.users) or (
        config.tls is not None and config.tls.client_auth is CERT_REQUIRED
    )
    warned = []
    if not authenticated:
        warned.append(
            f"ANYBODY WHO REACHES {listen} CAN READ YOUR BALANCES: neither a password nor a client "
            "certificate is required. Set basic_auth_users in the file of ONETRADING_WEB_CONFIG, "
            "or listen on 127.0.0.1 (ONETRADING_LISTEN), or let only Prometheus reach it"
        )
    if config.tls is None:
        exposed = "PASSWORDS AND BALANCES" if config.users else "BALANCES"
        warned.append(
            f"{exposed} LEAVE {listen} IN CLEAR TEXT: there is no TLS. Set tls_server_config in "
            "the file of ONETRADING_WEB_CONFIG, or let a reverse proxy on this machine add it"
        )
    return warned
