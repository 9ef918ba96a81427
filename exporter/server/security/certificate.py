"""What PEM files hold, and what a client makes of what is served: tried out in memory."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_END = b"-----END CERTIFICATE-----"


def certificates(pem: bytes) -> list[bytes]:
    """The certificates of a PEM file, in DER; whatever else is in it is passed over."""
    found = []
    for part in pem.split(_END)[:-1]:
        block = part[part.rfind(_BEGIN) :] + _END
        try:
            found.append(ssl.PEM_cert_to_DER_cert(block.decode("ascii")))
        except ValueError:
            continue
    return found


def is_usable(server_context: ssl.SSLContext) -> bool:
    """Whether a client that takes every cipher comes to an agreement with ``server_context``."""
    context = _client()
    context.set_ciphers("ALL")
    try:
        _shake_hands(server_context, context)
    except ssl.SSLError:
        return False
    return True


def valid_until(server_context: ssl.SSLContext, pem: bytes) -> datetime:
    """When the certificate ``pem``, which ``server_context`` serves, ends (UTC).

    Raises ValueError, saying why, when no client would believe it today, whoever signed it.
    ``server_context`` must not ask for client certificates.
    """
    context = _client()
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=b"".join(certificates(pem)))
    try:
        served = _shake_hands(server_context, context).getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        raise ValueError(error.verify_message) from None
    except ssl.SSLError as error:
        raise ValueError(error.reason) from None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(served["notAfter"])), UTC)


def _client() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _shake_hands(server_context: ssl.SSLContext, context: ssl.SSLContext) -> ssl.SSLObject:
    """The client's end of a connection in memory. Raises SSLError when both cannot agree."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    left = {client, server}
    while left:
        before = (to_server.pending, to_client.pending, len(left))
        for end in (client, server):
            try:
                end.do_handshake()
                left.discard(end)
            except ssl.SSLWantReadError:
                continue
        if left and before == (to_server.pending, to_client.pending, len(left)):
            raise ssl.SSLError("both ends wait for each other")
    return client
