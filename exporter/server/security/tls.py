"""TLS contexts out of the web config: certificates read, fitted together and tried out.

A context is built anew for each change and never altered: certificates and authorities can only be
added to one, so that those which were replaced would go on being served and believed.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from exporter.server.security.certificate import certificates, is_usable, valid_until
from exporter.server.security.tls_config import Pem, TlsConfig

_MOST_BYTES = 1 << 20


def read_file(path: Path) -> bytes:
    """The content of a file of the web config. Raises ValueError that says why it cannot be had."""
    try:
        # Opening a pipe would wait for its writer.
        if path.exists() and not path.is_file():
            raise ValueError("is no regular file")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if len(content) > _MOST_BYTES:
        raise ValueError("is larger than 1 MiB")
    return content


def server_context(config: TlsConfig, faults: list[str]) -> ssl.SSLContext | None:
    """What to serve with; None, and ``faults`` noted, when that is impossible."""
    before = len(faults)
    certificate = _noted(config.certificate, faults)
    private_key = _noted(config.private_key, faults)
    authority = _noted(config.client_ca, faults) if config.client_ca else None
    if len(faults) > before:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _set_up(context, config, faults)
    load_certificate(context, config, (certificate, private_key), faults)
    if len(faults) == before and not is_usable(context):
        faults.append(
            "tls_server_config: cipher_suites, curve_preferences and the kind of the certificate's "
            "key leave no cipher that a client could use; remove the first two, or allow more"
        )
    if config.client_ca is not None and authority is not None:
        _verify_clients(context, config, config.client_ca, authority, faults)
    return None if len(faults) > before else context


def expiry(config: TlsConfig) -> datetime:
    """When the certificate ends (UTC). Raises ValueError when no client would believe it now."""
    faults: list[str] = []
    open_to_all = replace(config, client_ca=None, client_auth=ssl.CERT_NONE)
    context = server_context(open_to_all, faults)
    if context is None:
        raise ValueError("; ".join(faults))
    return valid_until(context, content(config.certificate))


def has_allowed_san(certificate: Mapping[str, Any], allowed: frozenset[str]) -> bool:
    """Whether a client's certificate, as `SSLSocket.getpeercert` gives it, has one of these names.

    Whole names are compared, as they are written: DNS, e-mail, IP address or URI.
    """
    wanted = {_plain(name) for name in allowed}
    return any(
        _plain(value) in wanted
        for kind, value in certificate.get("subjectAltName", ())
        if kind in ("DNS", "email", "IP Address", "URI")
    )


def _plain(name: str) -> str:
    try:
        return str(ip_address(name.strip()))
    except ValueError:
        return name


def content(pem: Pem) -> bytes:
    """What is in it. Raises ValueError that says why it cannot be had."""
    return pem.text.encode(errors="replace") if pem.path is None else read_file(pem.path)


def _noted(pem: Pem, faults: list[str]) -> bytes:
    try:
        return content(pem)
    except ValueError as error:
        faults.append(f"tls_server_config.{pem.key}: {pem.path} {error}; correct it")
        return b""


def _set_up(context: ssl.SSLContext, config: TlsConfig, faults: list[str]) -> None:
    context.minimum_version = config.minimum
    context.maximum_version = config.maximum
    # Prometheus offers HTTP/2 first, and takes what is chosen.
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION
    if config.prefer_server_ciphers:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        if config.ciphers:
            context.set_ciphers(":".join(config.ciphers))
        if config.curve:
            context.set_ecdh_curve(config.curve)
    except (ssl.SSLError, ValueError):
        faults.append(
            "tls_server_config: this machine's OpenSSL has none of cipher_suites, or not the curve "
            "of curve_preferences; name others, or remove them"
        )


def load_certificate(
    context: ssl.SSLContext, config: TlsConfig, pair: tuple[bytes, bytes], faults: list[str]
) -> None:
    """Give ``context`` the certificate and key ``pair``; notes what keeps them from being used."""
    certificate, private_key = pair
    names = f"tls_server_config.{config.certificate.key} and {config.private_key.key}"
    if b"ENCRYPTED" in private_key:
        faults.append(
            f"tls_server_config.{config.private_key.key}: is encrypted; write the key without a "
            "passphrase, into a file that only this user may read"
        )
        return
    if not certificates(certificate):
        faults.append(f"tls_server_config.{config.certificate.key}: holds no certificate in PEM")
        return
    try:
        with _as_file(certificate) as certificate_file, _as_file(private_key) as key_file:
            # The password is never asked for: OpenSSL would read it from the terminal.
            context.load_cert_chain(certificate_file, key_file, password=lambda: "")
    except ssl.SSLError as error:
        what = (
            "do not belong together; write the key that the certificate was made for"
            if error.reason == "KEY_VALUES_MISMATCH"
            else "cannot be used; write an unencrypted key, and its certificate first of its chain"
        )
        faults.append(f"{names} {what}{_reason(error)}")
    except OSError as error:
        faults.append(f"{names} cannot be handed to OpenSSL: {error.strerror}")


def _reason(error: ssl.SSLError) -> str:
    return f" ({error.reason.lower().replace('_', ' ')})" if error.reason else ""


def _verify_clients(
    context: ssl.SSLContext, config: TlsConfig, source: Pem, authority: bytes, faults: list[str]
) -> None:
    found = b"".join(certificates(authority))
    try:
        if not found:
            raise ValueError
        context.load_verify_locations(cadata=found)
    except (ssl.SSLError, ValueError):
        faults.append(
            f"tls_server_config.{source.key}: holds no certificate of an authority in PEM; "
            "write the one that signs the clients' certificates"
        )
        return
    context.verify_mode = config.client_auth
    # As with Go, each certificate named is believed, an intermediate one as well.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """A file of that content in memory: OpenSSL reads from files alone.

    What was read once is used, so that nobody replaces it between two looks; and an inline key
    never touches a disk.
    """
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("pem")
        with os.fdopen(number, "wb", buffering=0) as file:
            file.write(content)
            yield f"/proc/self/fd/{number}"
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name
