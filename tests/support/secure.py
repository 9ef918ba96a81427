"""A server with a web config for tests: certificates, the file, and clients of all kinds."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import bcrypt
import trustme
import yaml

from exporter.server import Limits, Pages, Server, WebConfigWatcher
from exporter.server.security.certificate import certificates

USER, PASSWORD = "prometheus", "open sesame \u00fc"
WAIT_S = 30.0

REJECTED = (ssl.SSLError, ConnectionError, http.client.HTTPException)
"""What a client raises when the server rejects its TLS handshake or closes the connection."""

PAGES = Pages(
    metrics=lambda _accept, _encoding: (b"a 1\n", [("Content-Type", "text/plain; version=0.0.4")]),
    healthy=lambda: (True, "healthy"),
    ready=lambda: (True, "ready"),
    index=lambda: b"<p>A page.</p>",
    status=lambda: b"{}",
)


@cache
def hashed(password: str = PASSWORD, cost: int = 4) -> str:
    """A bcrypt hash; a low cost keeps tests quick."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


def basic(user: str = USER, password: str = PASSWORD) -> dict[str, str]:
    """The header `Authorization` of this user."""
    return {
        "Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    }


class Certificates:
    """An authority, and the certificates `server` and `client` that it issued into ``folder``.

    Each is a pair of files, .crt and .key, which ``issue`` replaces.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(folder / "authority.pem")
        self.issue("server", "localhost", "127.0.0.1")
        self.issue("client", "prometheus.example")

    def issue(self, name: str, *names: str, authority: trustme.CA | None = None) -> None:
        """Write a new certificate for ``names``, and its key, to the files of ``name``."""
        issued = (authority or self.authority).issue_cert(*names)
        chain = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
        (self.folder / f"{name}.crt").write_bytes(chain)
        (self.folder / f"{name}.key").write_bytes(issued.private_key_pem.bytes())

    def current(self) -> bytes:
        """The certificate that is in the file of `server` now, in DER."""
        return certificates((self.folder / "server.crt").read_bytes())[0]

    def client_context(self, certificate: str | None = None) -> ssl.SSLContext:
        """A client that trusts the authority, and sends ``certificate`` if one is requested."""
        context = ssl.create_default_context(cafile=self.folder / "authority.pem")
        if certificate:
            context.load_cert_chain(
                self.folder / f"{certificate}.crt", self.folder / f"{certificate}.key"
            )
        return context


def tls(**more: object) -> dict[str, object]:
    """The section `tls_server_config` with the certificate `server`."""
    return {"cert_file": "server.crt", "key_file": "server.key", **more}


DEMANDS = {
    "client_auth_type": "RequireAndVerifyClientCert",
    "client_ca_file": "authority.pem",
}


def write(folder: Path, **sections: object) -> Path:
    """Write the web config of ``folder`` atomically."""
    file = folder / "web.yml"
    new = folder / "web.yml.new"
    new.write_text(yaml.safe_dump(sections))
    new.replace(file)
    return file


class ServerResponse(NamedTuple):
    """A response with its whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def connection(port: int, context: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
    """A connection to 127.0.0.1; plain without ``context``."""
    if context is None:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=WAIT_S, context=context)


def request_once(
    connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str], method: str
) -> ServerResponse:
    """Send one request and close the connection."""
    try:
        connection.request(method, path, headers=dict(headers))
        response = connection.getresponse()
        return ServerResponse(response.status, dict(response.headers.items()), response.read())
    finally:
        connection.close()


def ended(client: socket.socket) -> bool:
    """Whether the server closes the connection within the socket's timeout."""
    try:
        while client.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


class Endpoint:
    """A running server with a web config, and requests to it."""

    def __init__(self, server: Server, web_config: WebConfigWatcher) -> None:
        self.server = server
        self.web_config = web_config

    def connection(self, context: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
        """A connection of its own; plain without ``context``."""
        return connection(self.server.port, context)

    def connect(self, sent: bytes = b"", timeout: float = 30) -> socket.socket:
        """A plain socket, on which ``sent`` was sent."""
        client = socket.create_connection(("127.0.0.1", self.server.port), timeout=timeout)
        client.sendall(sent)
        return client

    def request(
        self,
        path: str = "/metrics",
        context: ssl.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> ServerResponse:
        """Send one request on a connection of its own."""
        return request_once(self.connection(context), path, headers or {}, method)

    def look(self) -> None:
        """Reload changed files now, instead of within two seconds."""
        self.web_config.look()
        self.web_config.look()


@contextmanager
def serving(
    file: Path | None, pages: Pages = PAGES, limits: Limits | None = None, **more: Any
) -> Iterator[Endpoint]:
    """A server with this web config on a free port; stopped at the end."""
    web_config = WebConfigWatcher(file)
    server = Server("127.0.0.1", 0, pages, limits, web_config, **more)
    server.start()
    try:
        yield Endpoint(server, web_config)
    finally:
        server.stop()
        assert not server.alive
