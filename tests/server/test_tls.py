"""TLS versions and ciphers over real connections."""

from __future__ import annotations

import ssl
import subprocess

import pytest

from tests.support.secure import REJECTED, Certificates, Endpoint, serving, tls, write
from tests.support.tools import tool


def test_tls_serves_and_plain_http_does_not(certificates: Certificates) -> None:
    file = write(certificates.folder, tls_server_config=tls())
    with serving(file) as endpoint:
        response = endpoint.request(context=certificates.client_context())
        assert (response.status, response.body) == (200, b"a 1\n")
        assert endpoint.server.url.startswith("https://127.0.0.1:")
        with pytest.raises(REJECTED):
            endpoint.request()
        stranger = ssl.create_default_context()
        with pytest.raises(ssl.SSLCertVerificationError):
            endpoint.request(context=stranger)


@pytest.mark.parametrize(
    ("keys", "spoken", "refused"),
    [
        ({}, ["TLSv1.2", "TLSv1.3"], []),
        ({"min_version": "TLS13"}, ["TLSv1.3"], ["TLSv1.2"]),
        ({"max_version": "TLS12"}, ["TLSv1.2"], ["TLSv1.3"]),
        ({"cipher_suites": ["TLS_AES_128_GCM_SHA256"]}, ["TLSv1.3"], ["TLSv1.2"]),
        ({"curve_preferences": ["X25519"], "min_version": "TLS13"}, ["TLSv1.3"], []),
    ],
)
def test_versions(
    certificates: Certificates, keys: dict[str, object], spoken: list[str], refused: list[str]
) -> None:
    with serving(write(certificates.folder, tls_server_config=tls(**keys))) as endpoint:
        for version in spoken:
            assert speak(endpoint, certificates, version)[0] == version
        for version in refused:
            with pytest.raises(REJECTED):
                speak(endpoint, certificates, version)


def speak(endpoint: Endpoint, certificates: Certificates, version: str) -> tuple[str, str]:
    """The version and cipher that a client which only speaks ``version`` negotiates."""
    context = certificates.client_context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
    context.set_alpn_protocols(["h2", "http/1.1"])
    connection = endpoint.connection(context)
    try:
        connection.connect()
        assert isinstance(connection.sock, ssl.SSLSocket)
        assert connection.sock.selected_alpn_protocol() == "http/1.1"
        cipher = connection.sock.cipher()
        assert cipher is not None
        return connection.sock.version() or "", cipher[0]
    finally:
        connection.close()


def test_old_versions_are_refused(certificates: Certificates) -> None:
    """By OpenSSL's own client at its lowest security level."""
    openssl = tool("openssl", "openssl")
    with serving(write(certificates.folder, tls_server_config=tls())) as endpoint:
        address = f"127.0.0.1:{endpoint.server.port}"
        for version, served in (("-tls1", False), ("-tls1_1", False), ("-tls1_2", True)):
            done = subprocess.run(
                [openssl, "s_client", "-connect", address, version, "-cipher", "ALL:@SECLEVEL=0"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=20,
                check=False,
            )
            assert (b"-----BEGIN CERTIFICATE-----" in done.stdout) is served


def test_only_the_named_cipher_is_spoken(certificates: Certificates) -> None:
    suites = ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"]
    section = tls(cipher_suites=suites, max_version="TLS12")
    with serving(write(certificates.folder, tls_server_config=section)) as endpoint:
        assert speak(endpoint, certificates, "TLSv1.2")[1] == "ECDHE-ECDSA-CHACHA20-POLY1305"
