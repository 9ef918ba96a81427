"""TLS contexts built from the web config: certificates read, matched to their keys and tried out.

A context is built anew for each change and never altered: certificates and authorities can only be
added to one, so that those which were replaced would still be served and trusted.
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

_MAX_BYTES = 1 << 20


def read_file(path: Path) -> bytes:
    """The content of a file of the web config. Raises ValueError with the reason if unreadable."""
    try:
        # Opening a named pipe would wait for its writer.
        if path.exists() and not path.is_file():
            raise ValueError("is not a regular file")
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"could not be read: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise ValueError("is larger than 1 MiB")
    return content


def read_pem(pem: Pem) -> bytes:
    """The content of ``pem``. Raises ValueError with the reason if its file is unreadable."""
    return pem.text.encode(errors="replace") if pem.path is None else read_file(pem.path)


def server_context(config: TlsConfig, faults: list[str]) -> ssl.SSLContext | None:
    """The context to serve with. None, and the reasons in ``faults``, when there cannot be one."""
    before = len(faults)
    certificate = _read(config.certificate, faults)
    private_key = _read(config.private_key, faults)
    authority = _read(config.client_ca, faults) if config.client_ca else None
    if len(faults) > before:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _set_up(context, config, faults)
    load_certificate(context, config, certificate, private_key, faults)
    if len(faults) == before and not is_usable(context):
        faults.append(
            "tls_server_config: cipher_suites, curve_preferences and the type of the certificate's "
            "key leave no cipher that a client could use; remove the first two, or allow more"
        )
    if config.client_ca is not None and authority is not None:
        _verify_clients(context, config, config.client_ca, authority, faults)
    return None if len(faults) > before else context


def expiry(config: TlsConfig) -> datetime:
    """When the certificate expires (UTC). Raises ValueError when clients would reject it today."""
    faults: list[str] = []
    without_clients = replace(config, client_ca=None, client_auth=ssl.CERT_NONE)
    context = server_context(without_clients, faults)
    if context is None:
        raise ValueError("; ".join(faults))
    return valid_until(context, read_pem(config.certificate))


def has_allowed_san(certificate: Mapping[str, Any], allowed: frozenset[str]) -> bool:
    """Whether a client's certificate has one of these subject alternative names.

    ``certificate`` is what `SSLSocket.getpeercert` returns. DNS names, e-mail addresses, IP
    addresses and URIs are compared whole and as they are written, IP addresses by value.
    """
    wanted = {_normal(name) for name in allowed}
    return any(
        _normal(value) in wanted
        for kind, value in certificate.get("subjectAltName", ())
        if kind in ("DNS", "email", "IP Address", "URI")
    )


def _normal(name: str) -> str:
    try:
        return str(ip_address(name.strip()))
    except ValueError:
        return name


def _read(pem: Pem, faults: list[str]) -> bytes:
    try:
        return read_pem(pem)
    except ValueError as error:
        faults.append(f"tls_server_config.{pem.key}: {pem.path} {error}; correct it")
        return b""


def _set_up(context: ssl.SSLContext, config: TlsConfig, faults: list[str]) -> None:
    context.minimum_version = config.minimum
    context.maximum_version = config.maximum
    # Prometheus offers HTTP/2 first, and takes what the server chooses.
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
            "tls_server_config: OpenSSL on this machine supports none of cipher_suites, or not the "
            "curve of curve_preferences; name others, or remove them"
        )


def load_certificate(
    context: ssl.SSLContext,
    config: TlsConfig,
    certificate: bytes,
    private_key: bytes,
    faults: list[str],
) -> None:
    """Load this certificate, with its chain, and key; appends what prevents it to ``faults``."""
    keys = f"tls_server_config.{config.certificate.key} and {config.private_key.key}"
    if b"ENCRYPTED" in private_key:
        faults.append(
            f"tls_server_config.{config.private_key.key}: is encrypted; write the key without a "
            "passphrase, into a file that only this user may read"
        )
        return
    if not certificates(certificate):
        faults.append(f"tls_server_config.{config.certificate.key}: contains no PEM certificate")
        return
    try:
        with _as_file(certificate) as certificate_file, _as_file(private_key) as key_file:
            # A password callback, or OpenSSL would prompt for one on the terminal.
            context.load_cert_chain(certificate_file, key_file, password=lambda: "")
    except ssl.SSLError as error:
        message = (
            "do not match; write the key that the certificate was issued for"
            if error.reason == "KEY_VALUES_MISMATCH"
            else "could not be loaded; write an unencrypted key, and the certificate before its "
            "chain"
        )
        faults.append(f"{keys} {message}{_reason(error)}")
    except OSError as error:
        faults.append(f"{keys} could not be passed to OpenSSL: {error.strerror}")


def _reason(error: ssl.SSLError) -> str:
    return f" ({error.reason.lower().replace('_', ' ')})" if error.reason else ""


def _verify_clients(
    context: ssl.SSLContext, config: TlsConfig, source: Pem, authority: bytes, faults: list[str]
) -> None:
    trusted = b"".join(certificates(authority))
    try:
        if not trusted:
            raise ValueError
        context.load_verify_locations(cadata=trusted)
    except (ssl.SSLError, ValueError):
        faults.append(
            f"tls_server_config.{source.key}: contains no PEM certificate of an authority; "
            "write the one that signs the clients' certificates"
        )
        return
    context.verify_mode = config.client_auth
    # As in Go, each of these certificates is trusted by itself, an intermediate one as well.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """The path of a file with this content, in memory: OpenSSL reads only from files.

    The content was read once, so that no file can be replaced between two reads; and an inline key
    never reaches a disk.
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
