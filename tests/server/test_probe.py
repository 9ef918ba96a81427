"""The request of the `health` command, over HTTP and TLS."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trustme

from exporter.server import probe
from tests.support.secure import DEMANDS, PAGES, USER, Certificates, hashed, serving, tls, write

USERS = {"basic_auth_users": {USER: hashed()}}


def test_health_over_tls_needs_no_password_and_no_authority(certificates: Certificates) -> None:
    file = write(certificates.folder, tls_server_config=tls(), **USERS)
    pages = replace(PAGES, healthy=lambda: (False, "the scheduler does not run"))
    with serving(file) as endpoint:
        assert probe.check("127.0.0.1", endpoint.server.port, file)[:2] == (True, "healthy")
    stopped = probe.check("127.0.0.1", endpoint.server.port, file)
    assert not stopped.ok
    with serving(file, pages) as endpoint:
        sick = probe.check("127.0.0.1", endpoint.server.port, file)
        assert sick[:2] == (False, "the scheduler does not run")


def test_a_web_config_that_broke_later_is_no_reason_to_restart(certificates: Certificates) -> None:
    file = write(certificates.folder, tls_server_config=tls())
    with serving(file) as endpoint, serving(None) as plain:
        certificates.issue("server", "elsewhere.example")
        health = probe.check("127.0.0.1", endpoint.server.port, file)
        assert health.ok
        assert "it serves another certificate than the configured one" in health.message
        file.write_text("tls_server_config: {")
        for server in (endpoint.server, plain.server):
            assert probe.check("127.0.0.1", server.port, file)[:2] == (True, "healthy")
    demanding = write(certificates.folder, tls_server_config=tls(**DEMANDS))
    with serving(demanding) as endpoint:
        file.write_text("tls_server_config: {")
        assert probe.check("127.0.0.1", endpoint.server.port, file).ok
    assert not probe.check("127.0.0.1", endpoint.server.port, file).ok


@pytest.mark.parametrize("version", ["TLS12", "TLS13"])
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({}, "healthy"),
        ({"client_allowed_sans": ["prometheus.example"]}, "demands a client certificate"),
        ({"client_ca_file": "other.pem"}, "demands a client certificate"),
    ],
)
def test_health_where_client_certificates_are_demanded(
    certificates: Certificates, more: dict[str, object], message: str, version: str
) -> None:
    trustme.CA().cert_pem.write_to_path(certificates.folder / "other.pem")
    section = tls(**DEMANDS | more | {"max_version": version})
    file = write(certificates.folder, tls_server_config=section)
    with serving(file) as endpoint:
        health = probe.check("127.0.0.1", endpoint.server.port, file)
        assert health.ok
        assert message in health.message
    with serving(None) as plain:
        assert not probe.check("127.0.0.1", plain.server.port, file).ok
