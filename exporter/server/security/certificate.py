"""The certificates in PEM files, and handshakes in memory that show what clients make of them."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_END = b"-----END CERTIFICATE-----"


def certificates(pem: bytes) -> list[bytes]:
    """The certificates of a PEM file, in DER; anything else in it is skipped."""
    found = []
    for part in pem.split(_END)[:-1]:
        block = part[part.rfind(_BEGIN) :] + _END
        try:
            found.append(ssl.PEM_cert_to_DER_cert(block.decode("ascii")))
        except ValueError:
            continue
    return found


def client_context() -> ssl.SSLContext:
    """A client that verifies nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def is_usable(server_context: ssl.SSLContext) -> bool:
    """Whether a client that accepts every cipher completes a handshake with ``server_context``."""
    context = client_context()
    context.set_ciphers("ALL")
    try:
        _handshake(server_context, context)
    except ssl.SSLError:
        return False
    return True


def valid_until(server_context: ssl.SSLContext, pem: bytes) -> datetime:
    """When the certificate ``pem``, which ``server_context`` serves, expires (UTC).

    Raises ValueError with the reason when clients reject it today whoever signed it, for example
    because it has expired. ``server_context`` must not request client certificates.
    """
    context = client_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=b"".join(certificates(pem)))
    try:
        served = _handshake(server_context, context).getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        raise ValueError(error.verify_message) from None
    except ssl.SSLError as error:
        raise ValueError(error.reason) from None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(served["notAfter"])), UTC)


def _handshake(server_context: ssl.SSLContext, context: ssl.SSLContext) -> ssl.SSLObject:
    """The client's end of a connection in memory. Raises SSLError when the handshake fails."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    unfinished = {client, server}
    while unfinished:
        before = (to_server.pending, to_client.pending, len(unfinished))
        for end in (client, server):
            try:
                end.do_handshake()
                unfinished.discard(end)
            except ssl.SSLWantReadError:
                continue
        if unfinished and before == (to_server.pending, to_client.pending, len(unfinished)):
            raise ssl.SSLError("both ends wait for each other")
    return client
