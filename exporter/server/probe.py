"""What the `health` command, run by a container runtime, requests from the service."""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path
from typing import NamedTuple

from exporter.model.errors import SettingsError
from exporter.server.security.certificate import certificates, client_context
from exporter.server.security.tls import load_certificate, read_pem
from exporter.server.security.tls_config import TlsConfig
from exporter.server.security.watcher import WebConfigWatcher

_PATH = "/-/healthy"
_TIMEOUT_S = 5.0
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  replaced, not bound
_OTHER_CERTIFICATE = (
    "it serves another certificate than the configured one, which it has not reloaded yet or "
    "could not use: see its log"
)
_ONLY_HANDSHAKE = (
    "listening; only the TLS handshake was tried, since the service demands a client certificate "
    "that this command does not have"
)
_DISCONNECTED = (ssl.SSLEOFError, ConnectionResetError, BrokenPipeError)


class Health(NamedTuple):
    """Whether the service at ``url`` is healthy, and why."""

    ok: bool
    message: str
    url: str


def check(host: str, port: int, web_config: Path | None) -> Health:
    """Request the health of the service that listens on ``host``:``port`` with that web config.

    A service keeps its former web config when the file becomes unusable. A runtime must not replace
    it then by one that would not start: HTTPS and HTTP are both tried, and a certificate other than
    the configured one is only reported. No secret is sent.
    """
    host = _LOOPBACK.get(host, host)
    try:
        tls = WebConfigWatcher(web_config).active.config.tls
    except SettingsError:
        health = _get("https", host, port, None)
        return health if health.ok else _get("http", host, port, None)
    return _get("https" if tls else "http", host, port, tls)


def _get(scheme: str, host: str, port: int, tls: TlsConfig | None) -> Health:
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{_PATH}"
    may_demand = scheme == "https" and (tls is None or tls.client_auth is ssl.CERT_REQUIRED)
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    if scheme == "https":
        context = client_context()
        if tls and may_demand:
            # Accepted where one authority signs the certificates of servers and clients.
            load_certificate(context, tls, read_pem(tls.certificate), read_pem(tls.private_key), [])
        connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
    try:
        connection.request("GET", _PATH)
        sock = connection.sock
        served = sock.getpeercert(True) if isinstance(sock, ssl.SSLSocket) else None
        response = connection.getresponse()
        message = response.read(1000).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        # A server that wants a certificate sends an alert, which a reset may overtake.
        reason = str(getattr(error, "reason", None))
        if may_demand and (isinstance(error, _DISCONNECTED) or "ALERT" in reason):
            return Health(True, _ONLY_HANDSHAKE, url)
        return Health(False, f"{type(error).__name__}: {error}", url)
    finally:
        connection.close()
    ok = response.status == http.client.OK
    if ok and tls and served not in certificates(read_pem(tls.certificate)):
        message += f"; {_OTHER_CERTIFICATE}"
    return Health(ok, message, url)
