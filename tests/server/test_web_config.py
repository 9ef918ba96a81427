"""The web config file: what is read from it, and that each fault is reported without secrets."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import trustme
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import SettingsError
from exporter.server import WebConfigWatcher
from exporter.server.security.passwords import verify
from exporter.server.security.tls import server_context
from exporter.server.security.tls_config import TlsConfig
from exporter.server.security.unsupported import unsupported
from exporter.server.security.web_config import RateLimit, WebConfig, parse
from tests.support.process import ROOT

HASH = "$2y$04$" + "a" * 53
PLACE = Path("/etc/onetrading/web.yml")


def read(text: str) -> WebConfig:
    found: list[str] = []
    config = parse(text, PLACE, found)
    assert found == []
    return config


def faults(text: str) -> list[str]:
    found: list[str] = []
    parse(text, PLACE, found)
    return found


def tls(text: str, base: str = "cert_file: c\n  key_file: k") -> TlsConfig:
    found = read(f"tls_server_config:\n  {base}\n{text}").tls
    assert found is not None
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates: `web.*` of `authority.pem` for localhost, and a key that fits nothing."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    made = authority.issue_cert("localhost")
    (folder / "web.crt").write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
    made.private_key_pem.write_to_path(folder / "web.key")
    authority.issue_cert("localhost").private_key_pem.write_to_path(folder / "other.key")
    (folder / "junk").write_text("not PEM")
    (folder / "encrypted.key").write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nx\n-----END")
    return folder


def load(folder: Path, text: str) -> WebConfigWatcher:
    file = folder / "web.yml"
    file.write_text(text)
    return WebConfigWatcher(file)


def load_faults(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(folder, text)
    return caught.value.faults


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "tls_server_config:\nbasic_auth_users: {}\n", "rate_limit: {}"]
)
def test_an_empty_file_asks_for_nothing(text: str) -> None:
    assert read(text) == WebConfig()


def test_the_sample_of_the_toolkit_is_read(folder: Path) -> None:
    users = {"alice": "$2y$10$" + "b" * 53, "bob": "$2a$10$" + "c" * 53}
    text = {
        "tls_server_config": {"cert_file": "web.crt", "key_file": "web.key"},
        "http_server_config": {
            "http2": True,
            "headers": {
                "Strict-Transport-Security": "max-age=31536000",
                "X-Frame-Options": "deny",
                "X-XSS-Protection": "",
            },
        },
        "basic_auth_users": users,
        "rate_limit": {"interval": "500ms", "burst": 20},
    }
    found = load(folder, yaml.safe_dump(text)).active
    assert found.config.users == {name: value.encode() for name, value in users.items()}
    assert found.config.rate_limit == RateLimit(interval_s=0.5, burst=20)
    assert found.config.headers == {
        "Strict-Transport-Security": "max-age=31536000",
        "X-Frame-Options": "deny",
    }
    assert found.config.tls is not None
    assert found.config.tls.certificate.path == folder / "web.crt"
    assert found.context is not None


def test_paths_are_relative_to_the_file() -> None:
    found = tls("", "cert_file: tls/c.pem\n  key_file: /abs/k.pem")
    assert found.certificate.path == PLACE.parent / "tls/c.pem"
    assert found.private_key.path == Path("/abs/k.pem")


def test_the_defaults_of_tls_are_the_toolkits() -> None:
    found = tls("")
    assert (found.minimum, found.maximum) == (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    assert found.client_auth is ssl.CERT_NONE
    assert found.prefer_server_ciphers
    assert found.ciphers == ()


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
    found = tls(
        "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]\n"
        "  curve_preferences: [CurveP384]\n  prefer_server_cipher_suites: false\n"
    )
    assert found.ciphers == ("ECDHE-RSA-AES128-GCM-SHA256",)
    assert found.minimum == ssl.TLSVersion.TLSv1_2
    assert (found.curve, found.prefer_server_ciphers) == ("secp384r1", False)
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
    (found,) = faults(text)
    assert found.startswith(f"{PLACE} line {line}:" if line else f"{PLACE}")
    assert key in found
    assert what in found


def test_all_faults_are_told_at_once(folder: Path) -> None:
    found = load_faults(
        folder,
        "tls_server_config: {cert_file: gone.crt, key_file: junk, min_version: TLS1}\n"
        "basic_auth_users: {alice: x}\nhttp_server_config: {headers: {X-Frame-Options: y}}\nz: 1\n",
    )
    assert len(found) == 5
    assert all(fault.startswith("ONETRADING_WEB_CONFIG: ") for fault in found)
    assert sum("gone.crt could not be read: No such file" in fault for fault in found) == 1


@pytest.mark.parametrize(
    ("cert", "key", "more", "what"),
    [
        ("web.crt", "other.key", "", "do not match"),
        ("junk", "web.key", "", "cert_file: contains no PEM certificate"),
        ("web.crt", "junk", "", "could not be loaded"),
        ("web.crt", "encrypted.key", "", "without a passphrase"),
        ("web.crt", ".", "", "is not a regular file"),
        (
            "web.crt",
            "web.key",
            "client_ca_file: junk",
            "client_ca_file: contains no PEM certificate",
        ),
        ("web.crt", "web.key", "client_ca_file: gone", "gone could not be read"),
        ("web.crt", "web.key", "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA]", ""),
    ],
)
def test_what_does_not_fit_together_is_told_at_the_start(
    folder: Path, cert: str, key: str, more: str, what: str
) -> None:
    asks = "  client_auth_type: RequireAndVerifyClientCert\n" if "client_ca" in more else ""
    version = "" if not more or asks else "  max_version: TLS12\n"
    text = f"tls_server_config:\n  cert_file: {cert}\n  key_file: {key}\n{asks}{version}  {more}\n"
    (found,) = load_faults(folder, text)
    # trustme's keys are elliptic: a cipher for RSA alone serves nobody.
    assert (what or "leave no cipher that a client could use") in found


def test_a_missing_or_binary_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="could not be read: No such file"):
        WebConfigWatcher(tmp_path / "gone.yml")
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="is no UTF-8 text"):
        WebConfigWatcher(tmp_path / "binary.yml")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SettingsError, match="is not a regular file"):
        WebConfigWatcher(tmp_path / "pipe")


def test_inline_certificates_serve_as_well(folder: Path) -> None:
    inline = {
        "cert": (folder / "web.crt").read_text(),
        "key": (folder / "web.key").read_text(),
        "client_ca": (folder / "authority.pem").read_text(),
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_allowed_sans": ["prometheus"],
    }
    web_config = load(folder, yaml.safe_dump({"tls_server_config": inline}))
    context = web_config.active.context
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    read_back = [ssl.DER_cert_to_PEM_cert(der) for der in context.get_ca_certs(binary_form=True)]
    assert read_back == [inline["client_ca"]]
    assert "PRIVATE" not in repr(web_config.active.config)


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
    found: list[str] = []
    config = parse(text, PLACE, found)
    assert isinstance(config, WebConfig)
    assert all(fault.startswith(str(PLACE)) and len(fault) < 500 for fault in found)


SECRET = "BEGIN-hunter2-END"


@pytest.mark.parametrize(
    "text",
    [
        f"tls_server_config: {{cert: x, key: {SECRET}}}",
        f"tls_server_config: {{cert: x, key: [{SECRET}]}}",
        f"basic_auth_users: {{alice: {SECRET}}}",
        f"basic_auth_users: {{alice: [{SECRET}]}}",
        f"basic_auth_users:\n  alice: {SECRET}\n bad indentation",
        f"basic_auth_users:\n  alice: *{SECRET}",
        f"basic_auth_users:\n  alice: 'x\n{SECRET}",
        f"basic_auth_users: {{alice: !!{SECRET} x}}",
        f"rate_limit: {{interval: {SECRET}}}",
        f"tls_server_config: {{client_auth_type: {SECRET}, min_version: {SECRET}}}",
        f"tls_server_config: {{cipher_suites: [{SECRET}], curve_preferences: [{SECRET}]}}",
    ],
)
def test_no_fault_quotes_a_value(folder: Path, text: str) -> None:
    found = load_faults(folder, text)
    assert found
    assert SECRET not in "".join(found)


def test_a_context_is_what_was_asked_for(folder: Path) -> None:
    text = TLS.replace(" c\n", f" {folder}/web.crt\n").replace(" k\n", f" {folder}/web.key\n")
    config = read(
        f"{text}  client_auth_type: RequireAndVerifyClientCert\n"
        f"  client_ca_file: {folder}/authority.pem\n  min_version: TLS13\n"
    ).tls
    assert config is not None
    context = server_context(config, [])
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert context.options & ssl.OP_NO_RENEGOTIATION


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


DOCUMENT = (ROOT / "docs" / "web-config.md").read_text("utf-8")


def test_the_examples_of_the_document_work(folder: Path) -> None:
    for name in ("server.crt", "server.key"):
        (folder / name).write_bytes((folder / name.replace("server", "web")).read_bytes())
    examples = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    served = [text for text in examples if "tls_server_config" in text]
    first, second = (load(folder, text).active.config for text in served)
    assert verify(b"open-sesame", first.users["prometheus"])
    assert second.tls is not None
    assert second.tls.client_auth is ssl.CERT_REQUIRED
    assert second.rate_limit == RateLimit(interval_s=0.1, burst=20)


def test_the_documents_way_to_make_a_hash_works() -> None:
    (program,) = re.findall(r"^\.venv/bin/python -c '(.+)'$", DOCUMENT, re.MULTILINE)
    # Without a terminal getpass reads standard input, and warns that it can be seen.
    done = subprocess.run(
        [sys.executable, "-c", program],
        input="open-sesame\n",
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    )
    assert verify(b"open-sesame", done.stdout.splitlines()[-1].encode())
