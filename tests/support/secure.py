"""What a test of the secure endpoint needs: certificates, a web config, clients of all kinds."""

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

USER, PASSWORD = "prometheus", "open sesame \u00fc"
WAIT_S = 10.0

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
    """The header that says who asks."""
    return {
        "Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    }


class Certificates:
    """An authority, and what it has issued into ``folder``: `server` and `client`, as .crt, .key.

    ``issue`` replaces them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(folder / "authority.pem")
        self.issue("server", "localhost", "127.0.0.1")
        self.issue("client", "prometheus.example")

    def issue(self, name: str, *names: str, authority: trustme.CA | None = None) -> None:
        """A new certificate and key in the files of ``name``."""
        made = (authority or self.authority).issue_cert(*names)
        chain = b"".join(pem.bytes() for pem in made.cert_chain_pems)
        (self.folder / f"{name}.crt").write_bytes(chain)
        (self.folder / f"{name}.key").write_bytes(made.private_key_pem.bytes())

    def serial(self, name: str = "server") -> str:
        """The serial number of the certificate in the file now."""
        found = ssl.PEM_cert_to_DER_cert(
            (self.folder / f"{name}.crt").read_text().split("-----END")[0]
            + "-----END CERTIFICATE-----\n"
        )
        return found.hex()

    def client_context(self, certificate: str | None = None) -> ssl.SSLContext:
        """A client that believes the authority, and shows a certificate of its own if asked to."""
        context = ssl.create_default_context(cafile=self.folder / "authority.pem")
        if certificate:
            context.load_cert_chain(
                self.folder / f"{certificate}.crt", self.folder / f"{certificate}.key"
            )
        return context


def tls(**more: object) -> dict[str, object]:
    """The section for TLS with the certificate `server`."""
    return {"cert_file": "server.crt", "key_file": "server.key", **more}


DEMANDS = {
    "client_auth_type": "RequireAndVerifyClientCert",
    "client_ca_file": "authority.pem",
}


def write(folder: Path, **sections: object) -> Path:
    """The web config of ``folder``, written in one step."""
    file = folder / "web.yml"
    new = folder / "web.yml.new"
    new.write_text(yaml.safe_dump(sections))
    new.replace(file)
    return file


class SnapshotResponse(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


def connection(port: int, context: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
    """A connection to 127.0.0.1; plain without ``context``."""
    if context is None:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=WAIT_S, context=context)


def asked(
    opened: http.client.HTTPConnection, path: str, headers: Mapping[str, str], method: str
) -> SnapshotResponse:
    """One request, and the end of the connection."""
    try:
        opened.request(method, path, headers=dict(headers))
        answer = opened.getresponse()
        return SnapshotResponse(answer.status, dict(answer.headers.items()), answer.read())
    finally:
        opened.close()


def ended(client: socket.socket) -> bool:
    """Whether the server ends the connection within the socket's timeout."""
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

    def __init__(self, server: Server, protection: WebConfigWatcher) -> None:
        self.server = server
        self.protection = protection

    def connection(self, context: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
        """A connection of its own; plain without ``context``."""
        return connection(self.server.port, context)

    def ask(
        self,
        path: str = "/metrics",
        context: ssl.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> SnapshotResponse:
        """One request on a connection of its own."""
        return asked(self.connection(context), path, headers or {}, method)

    def look(self) -> None:
        """Have changed files taken over now, instead of within two seconds."""
        self.protection.look()
        self.protection.look()


@contextmanager
def serving(
    file: Path | None, pages: Pages = PAGES, limits: Limits | None = None, **more: Any
) -> Iterator[Endpoint]:
    """A server with this web config on a free port; stopped at the end."""
    protection = WebConfigWatcher(file)
    server = Server("127.0.0.1", 0, pages, limits, protection, **more)
    server.start()
    try:
        yield Endpoint(server, protection)
    finally:
        server.stop()
        assert not server.alive
