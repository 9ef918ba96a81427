"""The web config loaded with the certificates that it names, and the examples of its document."""

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

from exporter.model.errors import SettingsError
from exporter.server import WebConfigWatcher
from exporter.server.security.passwords import verify
from exporter.server.security.tls import server_context
from exporter.server.security.web_config import RateLimit, parse
from tests.support.process import ROOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates: `web.*` of `authority.pem` for localhost, and a key of another certificate."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    issued = authority.issue_cert("localhost")
    (folder / "web.crt").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(folder / "web.key")
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
    active = load(folder, yaml.safe_dump(text)).active
    assert active.config.users == {name: value.encode() for name, value in users.items()}
    assert active.config.rate_limit == RateLimit(interval_s=0.5, burst=20)
    assert active.config.headers == {
        "Strict-Transport-Security": "max-age=31536000",
        "X-Frame-Options": "deny",
    }
    assert active.config.tls is not None
    assert active.config.tls.certificate.path == folder / "web.crt"
    assert active.context is not None


def test_all_faults_are_told_at_once(folder: Path) -> None:
    faults = load_faults(
        folder,
        "tls_server_config: {cert_file: gone.crt, key_file: junk, min_version: TLS1}\n"
        "basic_auth_users: {alice: x}\nhttp_server_config: {headers: {X-Frame-Options: y}}\nz: 1\n",
    )
    assert len(faults) == 5
    assert all(fault.startswith("ONETRADING_WEB_CONFIG: ") for fault in faults)
    assert sum("gone.crt could not be read: No such file" in fault for fault in faults) == 1


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
    client_auth = "  client_auth_type: RequireAndVerifyClientCert\n" if "client_ca" in more else ""
    version = "" if not more or client_auth else "  max_version: TLS12\n"
    files = f"  cert_file: {cert}\n  key_file: {key}\n"
    text = f"tls_server_config:\n{files}{client_auth}{version}  {more}\n"
    (fault,) = load_faults(folder, text)
    # trustme's keys are elliptic: a cipher for RSA alone serves nobody.
    assert (what or "leave no cipher that a client could use") in fault


def test_a_missing_or_binary_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="could not be read: No such file"):
        WebConfigWatcher(tmp_path / "gone.yml")
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="is not UTF-8 text"):
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


def test_a_context_is_what_was_asked_for(folder: Path) -> None:
    text = (
        "tls_server_config:\n  cert_file: web.crt\n  key_file: web.key\n"
        "  client_auth_type: RequireAndVerifyClientCert\n"
        "  client_ca_file: authority.pem\n  min_version: TLS13\n"
    )
    faults: list[str] = []
    config = parse(text, folder / "web.yml", faults).tls
    assert faults == []
    assert config is not None
    context = server_context(config, [])
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert context.options & ssl.OP_NO_RENEGOTIATION


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
    faults = load_faults(folder, text)
    assert faults
    assert SECRET not in "".join(faults)


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
