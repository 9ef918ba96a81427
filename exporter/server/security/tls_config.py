"""The section `tls_server_config` of the web config: Go's names for TLS, in OpenSSL's terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from ssl import CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED, TLSVersion, VerifyMode
from typing import TYPE_CHECKING

from exporter.server.security.unsupported import unsupported
from exporter.settings.values import did_you_mean

if TYPE_CHECKING:
    from exporter.server.security.document import Section

_VERSIONS = {"TLS12": TLSVersion.TLSv1_2, "TLS13": TLSVersion.TLSv1_3}

_CLIENT_AUTH: Mapping[str, VerifyMode] = {
    "NoClientCert": CERT_NONE,
    # In Go the server requests a certificate, and accepts any or none. Not to request one accepts
    # the same clients.
    "RequestClientCert": CERT_NONE,
    "VerifyClientCertIfGiven": CERT_OPTIONAL,
    "RequireAndVerifyClientCert": CERT_REQUIRED,
}

_CURVES = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}

_CIPHERS = {
    f"TLS_ECDHE_{key}_WITH_{cipher}": f"ECDHE-{key}-{openssl}"
    for key in ("ECDSA", "RSA")
    for cipher, openssl in {
        "AES_128_CBC_SHA": "AES128-SHA",
        "AES_256_CBC_SHA": "AES256-SHA",
        "AES_128_GCM_SHA256": "AES128-GCM-SHA256",
        "AES_256_GCM_SHA384": "AES256-GCM-SHA384",
        "CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
    }.items()
}
# Go and Python offer all of these with TLS 1.3, whether they are listed or not.
_CIPHERS_13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


@dataclass(frozen=True)
class Pem:
    """A certificate or key in PEM: in a file of its own, or inline in the web config (``text``)."""

    key: str
    """The key of the web config, for messages."""
    path: Path | None = None
    text: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class TlsConfig:
    """The section, in the terms of Python's ssl."""

    certificate: Pem
    private_key: Pem
    client_ca: Pem | None = None
    client_auth: VerifyMode = CERT_NONE
    allowed_sans: frozenset[str] = frozenset()
    """Empty: every client with a verified certificate."""
    minimum: TLSVersion = TLSVersion.TLSv1_2
    maximum: TLSVersion = TLSVersion.TLSv1_3
    ciphers: tuple[str, ...] = ()
    """OpenSSL's names, for TLS 1.2; empty: OpenSSL's default."""
    prefer_server_ciphers: bool = True
    curve: str | None = None


def tls_config(section: Section, folder: Path) -> TlsConfig | None:
    """Read the section; None when it is empty. Reports every fault to the section."""
    certificate = _pem(section, "cert", folder)
    private_key = _pem(section, "key", folder)
    client_ca = _pem(section, "client_ca", folder)
    client_auth = _client_auth(section, client_ca)
    allowed_sans = frozenset(section.texts("client_allowed_sans"))
    if "client_allowed_sans" in section and client_auth is not CERT_REQUIRED:
        section.fault(
            "client_allowed_sans", "needs client_auth_type: RequireAndVerifyClientCert; add it"
        )
    minimum = _version(section, "min_version", TLSVersion.TLSv1_2)
    maximum = _version(section, "max_version", TLSVersion.TLSv1_3)
    minimum, ciphers = _ciphers(section, minimum)
    if minimum > maximum:
        section.fault("max_version", "leaves no TLS version; raise it or lower the minimum")
    prefer_server_ciphers = section.boolean("prefer_server_cipher_suites", True)
    curve = _curve(section)
    _finish(section)
    if certificate is None or private_key is None:
        return None
    return TlsConfig(
        certificate=certificate,
        private_key=private_key,
        client_ca=client_ca,
        client_auth=client_auth,
        allowed_sans=allowed_sans,
        minimum=minimum,
        maximum=maximum,
        ciphers=ciphers,
        prefer_server_ciphers=prefer_server_ciphers,
        curve=curve,
    )


_KEYS = (
    *("cert", "key", "client_ca", "cert_file", "key_file", "client_ca_file"),
    *("client_auth_type", "client_allowed_sans", "min_version", "max_version"),
    *("cipher_suites", "prefer_server_cipher_suites", "curve_preferences"),
)


def _finish(section: Section) -> None:
    """A section with any key needs the two that make TLS possible."""
    section.finish(*_KEYS)
    given = [key for key in _KEYS if key in section]
    for key, content in (("cert", "certificate"), ("key", "private key")):
        if given and key not in given and f"{key}_file" not in given:
            section.fault(f"{key}_file", f"is missing; name the file of the {content}")


def _pem(section: Section, key: str, folder: Path) -> Pem | None:
    text, path = section.text(key), section.text(f"{key}_file")
    if text and path:
        section.fault(key, f"and {key}_file are both given; remove one of them")
    if not path.isprintable():
        section.fault(f"{key}_file", "is not a path; write one without control characters")
        return None
    if path:
        return Pem(f"{key}_file", path=folder / path)
    for empty in (key, f"{key}_file"):
        if empty in section and not text:
            section.fault(empty, "is empty; write its value, or remove it")
    return Pem(key, text=text) if text else None


def _client_auth(section: Section, client_ca: Pem | None) -> VerifyMode:
    key = "client_auth_type"
    word = section.text(key)
    mode = _CLIENT_AUTH.get(word or "NoClientCert")
    if mode is None:
        advice = did_you_mean(word, _CLIENT_AUTH)
        section.fault(key, unsupported(key, word) or f"is unknown; {advice}")
    elif mode is not CERT_NONE and client_ca is None:
        section.fault(key, f"{word} needs an authority to verify with; name a client_ca_file")
    elif client_ca is not None and word in ("", "NoClientCert"):
        section.fault(
            client_ca.key,
            "verifies nobody; add client_auth_type: RequireAndVerifyClientCert, or remove it",
        )
    return CERT_NONE if mode is None else mode


def _version(section: Section, key: str, default: TLSVersion) -> TLSVersion:
    word = section.text(key)
    if word and word not in _VERSIONS:
        advice = did_you_mean(word, _VERSIONS)
        section.fault(key, unsupported(key, word) or f"is unknown; {advice}")
    return _VERSIONS.get(word, default)


def _ciphers(section: Section, minimum: TLSVersion) -> tuple[TLSVersion, tuple[str, ...]]:
    words = section.texts("cipher_suites")
    for word in words:
        if word not in _CIPHERS and word not in _CIPHERS_13:
            advice = did_you_mean(word, (*_CIPHERS, *_CIPHERS_13))
            section.fault("cipher_suites", f"has one that Go does not list as secure; {advice}")
    ciphers = tuple(_CIPHERS[word] for word in words if word in _CIPHERS)
    if words and not ciphers:
        # As in Go: without a cipher suite for it, TLS 1.2 is not offered.
        minimum = TLSVersion.TLSv1_3
    return minimum, ciphers


def _curve(section: Section) -> str | None:
    key = "curve_preferences"
    words = section.texts(key)
    for word in words:
        if word not in _CURVES:
            section.fault(key, f"has an unknown curve; {did_you_mean(word, _CURVES)}")
    if reason := unsupported(key, ", ".join(dict.fromkeys(words))):
        section.fault(key, reason)
    return _CURVES.get(words[0]) if words else None
