"""The text of the web config: what is read from it, and that each fault says what to do."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.server.security.tls_config import TlsConfig
from exporter.server.security.unsupported import unsupported
from exporter.server.security.web_config import WebConfig, parse

HASH = "$2y$04$" + "a" * 53
PLACE = Path("/etc/onetrading/web.yml")


def read(text: str) -> WebConfig:
    faults: list[str] = []
    config = parse(text, PLACE, faults)
    assert faults == []
    return config


def faults_of(text: str) -> list[str]:
    faults: list[str] = []
    parse(text, PLACE, faults)
    return faults


def tls(text: str, base: str = "cert_file: c\n  key_file: k") -> TlsConfig:
    config = read(f"tls_server_config:\n  {base}\n{text}").tls
    assert config is not None
    return config


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "tls_server_config:\nbasic_auth_users: {}\n", "rate_limit: {}"]
)
def test_an_empty_file_asks_for_nothing(text: str) -> None:
    assert read(text) == WebConfig()


def test_paths_are_relative_to_the_file() -> None:
    config = tls("", "cert_file: tls/c.pem\n  key_file: /abs/k.pem")
    assert config.certificate.path == PLACE.parent / "tls/c.pem"
    assert config.private_key.path == Path("/abs/k.pem")


def test_the_defaults_of_tls_are_the_toolkits() -> None:
    config = tls("")
    assert (config.minimum, config.maximum) == (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    assert config.client_auth is ssl.CERT_NONE
    assert config.prefer_server_ciphers
    assert config.ciphers == ()


@pytest.mark.parametrize(
    ("word", "mode"),
    [
        ("NoClientCert", ssl.CERT_NONE),
        ("RequestClientCert", ssl.CERT_NONE),
        ("VerifyClientCertIfGiven", ssl.CERT_OPTIONAL),
        ("RequireAndVerifyClientCert", ssl.CERT_REQUIRED),
    ],
)
def test_client_auth_types(word: str, mode: ssl.VerifyMode) -> None:
    authority = "  client_ca_file: ca\n" if word != "NoClientCert" else ""
    assert tls(f"  client_auth_type: {word}\n{authority}").client_auth is mode


def test_ciphers_and_curves_are_said_in_openssls_words() -> None:
    config = tls(
        "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]\n"
        "  curve_preferences: [CurveP384]\n  prefer_server_cipher_suites: false\n"
    )
    assert config.ciphers == ("ECDHE-RSA-AES128-GCM-SHA256",)
    assert config.minimum == ssl.TLSVersion.TLSv1_2
    assert (config.curve, config.prefer_server_ciphers) == ("secp384r1", False)
    only_13 = tls("  cipher_suites: [TLS_AES_128_GCM_SHA256]\n")
    assert (only_13.ciphers, only_13.minimum) == ((), ssl.TLSVersion.TLSv1_3)


TLS = "tls_server_config:\n  cert_file: c\n  key_file: k\n"
DEMANDING = TLS + "  client_ca_file: c\n  client_auth_type: RequireAndVerifyClientCert\n"


@pytest.mark.parametrize(
    ("text", "line", "key", "what"),
    [
        ("tls_server_confg: {}", 1, "tls_server_confg", "did you mean tls_server_config?"),
        ("- a", 1, "the file", "is not a mapping"),
        ("a: [", 1, "is not valid YAML", "correct"),
        ("tls_server_config: yes", 1, "tls_server_config", "is not a mapping"),
        ("tls_server_config:\n  cert_file: c", None, "tls_server_config.key_file", "is missing"),
        ("tls_server_config:\n  key_file: c", None, "tls_server_config.cert_file", "is missing"),
        ("tls_server_config: {min_version: TLS13, cert_file: c}", None, "key_file", "is missing"),
        (TLS + "  cert: inline", 4, "tls_server_config.cert", "remove one of them"),
        (TLS + "  key_file: again", 4, "key_file", "is given twice, first in line 3"),
        (TLS + "  min_version: TLS11", 4, "min_version", "RFC 8996"),
        (TLS + "  max_version: TLS10", 4, "max_version", "RFC 8996"),
        (TLS + "  min_version: TLS1.3", 4, "min_version", "did you mean TLS13?"),
        (TLS + "  min_version: TLS13\n  max_version: TLS12", 5, "max_version", "no TLS version"),
        (TLS + "  max_version: TLS12\n  cipher_suites: [TLS_AES_128_GCM_SHA256]", 4, "max", "no"),
        (TLS + "  client_auth_type: RequireAnyClientCert", 4, "client_auth_type", "Python's ssl"),
        (TLS + "  client_auth_type: RequireClientCert", 4, "client_auth_type", "Python's ssl"),
        (TLS + "  client_auth_type: Verify", 4, "client_auth_type", "is unknown"),
        (
            TLS + "  client_auth_type: RequireAndVerifyClientCert",
            4,
            "type",
            "name a client_ca_file",
        ),
        (TLS + "  client_auth_type: VerifyClientCertIfGiven", 4, "type", "name a client_ca_file"),
        (TLS + "  client_ca_file: ca", 4, "client_ca_file", "verifies nobody"),
        (TLS + "  client_allowed_sans: [a]", 4, "client_allowed_sans", "needs client_auth_type"),
        (DEMANDING + "  client_allowed_sans: a", 6, "client_allowed_sans", "is not a list"),
        (TLS + "  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]", 4, "cipher_suites", "as secure"),
        (TLS + "  curve_preferences: [X448]", 4, "curve_preferences", "has an unknown curve"),
        (TLS + "  curve_preferences: [X25519, CurveP256]", 4, "curve_preferences", "write one"),
        (TLS + "  prefer_server_cipher_suites: perhaps", 4, "prefer_server", "true nor false"),
        (TLS + "  cert_pem: x", 4, "tls_server_config.cert_pem", "is unknown"),
        ("http_server_config: {http2: 2}", 1, "http_server_config.http2", "true nor false"),
        ("http_server_config: {http3: true}", 1, "http3", "did you mean http2?"),
        ("http_server_config:\n  headers: {X-Frame-Options: allow}", 2, "X-Frame", "deny, same"),
        ("http_server_config:\n  headers: {Server: x}", 2, "headers.Server", "is unknown"),
        (
            'http_server_config:\n  headers: {X-XSS-Protection: "1\\r\\nSet-Cookie: x"}',
            *(2, "X-XSS-Protection", "line break"),
        ),
        (
            "basic_auth_users:\n  alice: open-sesame",
            2,
            "basic_auth_users.alice",
            "is not a bcrypt hash",
        ),
        (f"basic_auth_users:\n  'a:b': {HASH}", 2, "a:b", "without a colon"),
        (f"basic_auth_users:\n  '': {HASH}", 2, "basic_auth_users", "is not a user name"),
        ("basic_auth_users: [alice]", 1, "basic_auth_users", "is not a mapping"),
        (f"basic_auth_users: {{a: {HASH.replace('04', '18')}}}", 1, "users.a", "of cost 18"),
        (f"basic_auth_users: {{a: {HASH.replace('04', '03')}}}", 1, "users.a", "of cost 03"),
        (f"basic_auth_users:\n  a: {HASH}\n  a: {HASH}", 3, "users.a", "is given twice"),
        (
            "rate_limit: {interval: 5, burst: 1}",
            1,
            "rate_limit.interval",
            "duration; write",
        ),
        ("rate_limit: {interval: 1s}", None, "rate_limit.burst", "is not a whole number"),
        ("rate_limit: {interval: 1s, burst: 0}", 1, "rate_limit.burst", "every request"),
        ("rate_limit: {burst: 5}", 1, "rate_limit.burst", "without an interval"),
    ],
)
def test_each_fault_names_file_line_key_and_what_to_do(
    text: str, line: int | None, key: str, what: str
) -> None:
    (fault,) = faults_of(text)
    assert fault.startswith(f"{PLACE} line {line}:" if line else f"{PLACE}")
    assert key in fault
    assert what in fault


@given(
    st.one_of(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        (
                            *("tls_server_config", "basic_auth_users", "rate_limit", "headers"),
                            *("http_server_config", "cert_file", "key", "http2", "burst", "x"),
                        )
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        ).map(yaml.safe_dump),
    )
)
def test_whatever_the_file_holds_it_is_read_or_its_faults_are_told(text: str) -> None:
    faults: list[str] = []
    config = parse(text, PLACE, faults)
    assert isinstance(config, WebConfig)
    assert all(fault.startswith(str(PLACE)) and len(fault) < 500 for fault in faults)


def test_every_unsupported_value_is_refused_with_its_reason() -> None:
    """The table is the only place where a value that the toolkit accepts is refused."""
    refused = (
        ("client_auth_type", "RequireAnyClientCert", "write RequireAndVerifyClientCert"),
        ("client_auth_type", "RequireClientCert", "write RequireAndVerifyClientCert"),
        ("min_version", "TLS10", "TLS10 is broken (RFC 8996)"),
        ("min_version", "TLS11", "TLS11 is broken (RFC 8996)"),
        ("max_version", "TLS11", "write TLS12"),
        ("curve_preferences", "X25519, CurveP256", "write one, or remove the key"),
        ("basic_auth_users", HASH.replace("04", "03"), "of cost 03"),
        ("basic_auth_users", HASH.replace("04", "17"), "with cost 10 to 12"),
    )
    for key, value, reason in refused:
        assert reason in (unsupported(key, value) or "")
    accepted = (
        *(("client_auth_type", "RequireAndVerifyClientCert"), ("min_version", "TLS12")),
        *(("curve_preferences", "X25519"), ("curve_preferences", ""), ("http2", "true")),
        *(("basic_auth_users", HASH), ("basic_auth_users", HASH.replace("04", "16"))),
    )
    assert [unsupported(key, value) for key, value in accepted] == [None] * len(accepted)
