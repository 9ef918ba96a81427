"""The warnings about an endpoint that others could read."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.server.security import exposure
from exporter.server.security.web_config import WebConfig, parse

HASH = "$2y$04$" + "a" * 53
PLACE = Path("/etc/onetrading/web.yml")
TLS = "tls_server_config:\n  cert_file: c\n  key_file: k\n"
DEMANDING = TLS + "  client_ca_file: c\n  client_auth_type: RequireAndVerifyClientCert\n"
EVERYWHERE = "0.0.0.0"  # noqa: S104  judged, not bound
ONE_USER = f"basic_auth_users: {{a: {HASH}}}\n"


def read(text: str) -> WebConfig:
    faults: list[str] = []
    config = parse(text, PLACE, faults)
    assert faults == []
    return config


@pytest.mark.parametrize(
    ("host", "text", "words"),
    [
        ("127.0.0.1", "", []),
        ("localhost", "", []),
        ("::1", ONE_USER, []),
        (EVERYWHERE, "", ["ANYBODY", "BALANCES LEAVE"]),
        ("::", "", ["ANYBODY", "BALANCES LEAVE"]),
        ("exporter.internal", "", ["ANYBODY", "BALANCES LEAVE"]),
        ("10.0.0.7", ONE_USER, ["PASSWORDS AND BALANCES LEAVE"]),
        (EVERYWHERE, TLS, ["ANYBODY"]),
        (
            EVERYWHERE,
            f"{TLS}  client_ca_file: c\n  client_auth_type: VerifyClientCertIfGiven\n",
            ["ANYBODY"],
        ),
        (
            EVERYWHERE,
            DEMANDING,
            [],
        ),
        (EVERYWHERE, TLS + ONE_USER, []),
    ],
)
def test_what_is_open_to_others_is_said_loudly(host: str, text: str, words: list[str]) -> None:
    warnings = exposure.warnings(host, f"{host}:9877", read(text))
    assert len(warnings) == len(words)
    for warning, word in zip(warnings, words, strict=True):
        assert word in warning
        assert "ONETRADING_WEB_CONFIG" in warning
