"""The section `tls_server_config` of the web config: Go's words for TLS, said in OpenSSL's.

What Python's ssl cannot do is a fault that says so: a protection that was asked for and is not
there is worse than a service that does not start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from ssl import CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED, TLSVersion, VerifyMode

from exporter.server.security.document import Section
from exporter.settings.values import did_you_mean

_VERSIONS = {"TLS12": TLSVersion.TLSv1_2, "TLS13": TLSVersion.TLSv1_3}
_OLD_VERSIONS = ("TLS10", "TLS11")

_CLIENT_AUTH: Mapping[str, VerifyMode] = {
    "NoClientCert": CERT_NONE,
    # Asks for a certificate, demands none and believes any: without asking, nobody is let in who
    # would have been kept out.
    "RequestClientCert": CERT_NONE,
    "VerifyClientCertIfGiven": CERT_OPTIONAL,
    "RequireAndVerifyClientCert": CERT_REQUIRED,
}
_UNVERIFIED = ("RequireAnyClientCert", "RequireClientCert")

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
# Go and Python offer all of these with TLS 1.3 whatever the list says.
_CIPHERS_13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


@dataclass(frozen=True)
class Pem:
    """Something in PEM: in a file of its own, or (``text``) in the web config."""

    key: str
    """The key that named it, for messages."""
    path: Path | None = None
    text: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class TlsConfig:
    """What the section asks for."""

    certificate: Pem
    private_key: Pem
    client_ca: Pem | None = None
    client_auth: VerifyMode = CERT_NONE
    allowed_sans: frozenset[str] = frozenset()
    """Empty: any client whose certificate is good."""
    minimum: TLSVersion = TLSVersion.TLSv1_2
    maximum: TLSVersion = TLSVersion.TLSv1_3
    ciphers: tuple[str, ...] = ()
    """OpenSSL's names, for TLS 1.2; empty: OpenSSL's choice."""
    prefer_server_ciphers: bool = True
    curve: str | None = None


def tls_config(table: Section, folder: Path) -> TlsConfig | None:
    """Read the section; None when it is empty. Notes every fault in the table."""
    certificate = _pem(table, "cert", folder)
    private_key = _pem(table, "key", folder)
    client_ca = _pem(table, "client_ca", folder)
    client_auth = _client_auth(table, client_ca)
    allowed_sans = frozenset(table.texts("client_allowed_sans"))
    if "client_allowed_sans" in table and client_auth is not CERT_REQUIRED:
        table.fault(
            "client_allowed_sans", "needs client_auth_type: RequireAndVerifyClientCert; add it"
        )
    minimum = _version(table, "min_version", TLSVersion.TLSv1_2)
    maximum = _version(table, "max_version", TLSVersion.TLSv1_3)
    minimum, ciphers = _ciphers(table, minimum)
    if minimum > maximum:
        table.fault("max_version", "leaves no TLS version to serve; raise it or lower the minimum")
    prefer_server_ciphers = table.flag("prefer_server_cipher_suites", True)
    curve = _curve(table)
    _finish(table)
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


def _finish(table: Section) -> None:
    """A section that asks for anything must name what makes TLS possible."""
    table.finish(*_KEYS)
    given = [key for key in _KEYS if key in table]
    for part, what in (("cert", "certificate"), ("key", "private key")):
        if given and part not in given and f"{part}_file" not in given:
            table.fault(f"{part}_file", f"is missing; name the file of the {what}")


def _pem(table: Section, key: str, folder: Path) -> Pem | None:
    text, name = table.text(key), table.text(f"{key}_file")
    if text and name:
        table.fault(key, f"and {key}_file are both there; remove one of them")
    if not name.isprintable():
        table.fault(f"{key}_file", "is no path; write one without control characters")
        return None
    if name:
        return Pem(f"{key}_file", path=folder / name)
    for empty in (key, f"{key}_file"):
        if empty in table and not text:
            table.fault(empty, "is empty; write its value, or remove it")
    return Pem(key, text=text) if text else None


def _client_auth(table: Section, client_ca: Pem | None) -> VerifyMode:
    word = table.text("client_auth_type")
    mode = _CLIENT_AUTH.get(word or "NoClientCert")
    if word in _UNVERIFIED:
        table.fault(
            "client_auth_type",
            f"{word} believes any certificate, which Python's ssl cannot do; "
            "write RequireAndVerifyClientCert, and name the authority in client_ca_file",
        )
    elif mode is None:
        table.fault("client_auth_type", f"is unknown; {did_you_mean(word, _CLIENT_AUTH)}")
    elif mode is not CERT_NONE and client_ca is None:
        table.fault(
            "client_auth_type", f"{word} needs an authority to verify with; name a client_ca_file"
        )
    elif client_ca is not None and word in ("", "NoClientCert"):
        table.fault(
            client_ca.key,
            "verifies nobody; add client_auth_type: RequireAndVerifyClientCert, or remove it",
        )
    return CERT_NONE if mode is None else mode


def _version(table: Section, key: str, default: TLSVersion) -> TLSVersion:
    word = table.text(key)
    if word in _OLD_VERSIONS:
        table.fault(key, f"{word} is broken (RFC 8996) and OpenSSL refuses it; write TLS12")
    elif word and word not in _VERSIONS:
        table.fault(key, f"is unknown; {did_you_mean(word, _VERSIONS)}")
    return _VERSIONS.get(word, default)


def _ciphers(table: Section, minimum: TLSVersion) -> tuple[TLSVersion, tuple[str, ...]]:
    words = table.texts("cipher_suites")
    for word in words:
        if word not in _CIPHERS and word not in _CIPHERS_13:
            advice = did_you_mean(word, (*_CIPHERS, *_CIPHERS_13))
            table.fault("cipher_suites", f"has one that Go does not offer as secure; {advice}")
    ciphers = tuple(_CIPHERS[word] for word in words if word in _CIPHERS)
    if words and not ciphers:
        # As with Go: without a cipher for it, TLS 1.2 is not spoken.
        minimum = TLSVersion.TLSv1_3
    return minimum, ciphers


def _curve(table: Section) -> str | None:
    words = table.texts("curve_preferences")
    for word in words:
        if word not in _CURVES:
            table.fault("curve_preferences", f"has an unknown one; {did_you_mean(word, _CURVES)}")
    if len(set(words)) > 1:
        table.fault(
            "curve_preferences",
            "has several, of which Python's ssl can set one; write one, or remove the key",
        )
    return _CURVES.get(words[0]) if words else None
