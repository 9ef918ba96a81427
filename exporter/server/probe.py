"""The service's own health, asked over its own endpoint: what a container runtime calls."""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path
from typing import NamedTuple

from exporter.model.errors import SettingsError
from exporter.server.security.certificate import certificates
from exporter.server.security.tls import content, load_certificate
from exporter.server.security.tls_config import TlsConfig
from exporter.server.security.watcher import ActiveWebConfig, WebConfigWatcher

_PATH = "/-/healthy"
_TIMEOUT_S = 5.0
_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  replaced, not bound
_OTHER = (
    "; it serves another certificate than the configured one, which is not read again yet or "
    "cannot be used: see its log"
)
_ASKS = (
    "listening; it demands a client certificate that this command does not have, so that only the "
    "TLS handshake was tried"
)


class Health(NamedTuple):
    """Whether the service is healthy, and what is to be said about it."""

    ok: bool
    said: str
    url: str
    """What was asked."""


def ask(host: str, port: int, web_config: Path | None) -> Health:
    """Ask the service that listens on ``host``:``port`` with that web config.

    A web config that has become unusable does not make a service unhealthy that goes on with the
    one before: a runtime would replace it by one that does not start. So both schemes are tried
    then, and a certificate other than the configured one is told and not judged. No secret is sent.
    """
    host = _HERE.get(host, host)
    try:
        active: ActiveWebConfig | None = WebConfigWatcher(web_config).active
    except SettingsError:
        active = None
    plain = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    if active is None:
        found = _get(_secure_connection(host, port, None), demanding=True)
        return found if found.ok else _get(plain)
    if active.config.tls is None:
        return _get(plain)
    return _secure(host, port, active.config.tls)


def _secure(host: str, port: int, tls: TlsConfig) -> Health:
    connection = _secure_connection(host, port, tls)
    demanding = tls.client_auth is ssl.CERT_REQUIRED
    try:
        connection.connect()
    except OSError as error:
        return _failed(connection, error, demanding=demanding)
    served = connection.sock.getpeercert(binary_form=True)
    found = _get(connection, demanding=demanding)
    if found.ok and served not in certificates(content(tls.certificate)):
        return found._replace(said=found.said + _OTHER)
    return found


def _secure_connection(host: str, port: int, tls: TlsConfig | None) -> http.client.HTTPSConnection:
    """It looks for no authority: ours is known by being the very certificate that is configured."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if tls is not None and tls.client_auth is ssl.CERT_REQUIRED:
        # Where one authority signs for servers and clients, the service's own is let in.
        load_certificate(context, tls, (content(tls.certificate), content(tls.private_key)), [])
    return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)


def _get(connection: http.client.HTTPConnection, *, demanding: bool = False) -> Health:
    try:
        connection.request("GET", _PATH)
        answer = connection.getresponse()
        said = answer.read(1000).decode("utf-8", "replace").strip()
        return Health(answer.status == http.client.OK, said, _url(connection))
    except (OSError, http.client.HTTPException) as error:
        return _failed(connection, error, demanding=demanding)
    finally:
        connection.close()


def _was_turned_away(error: Exception) -> bool:
    """Whether a server that speaks TLS ended the connection, for want of a certificate."""
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return "ALERT" in (error.reason or "")
    return isinstance(error, (ssl.SSLEOFError, ConnectionResetError, BrokenPipeError))


def _failed(connection: http.client.HTTPConnection, error: Exception, *, demanding: bool) -> Health:
    if demanding and _was_turned_away(error):
        return Health(True, _ASKS, _url(connection))
    return Health(False, f"{type(error).__name__}: {error}", _url(connection))


def _url(connection: http.client.HTTPConnection) -> str:
    scheme = "https" if isinstance(connection, http.client.HTTPSConnection) else "http"
    host = f"[{connection.host}]" if ":" in connection.host else connection.host
    return f"{scheme}://{host}:{connection.port}{_PATH}"
