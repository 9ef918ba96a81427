"""The authorities whose certificates are believed, loaded once: that takes up to 50 ms.

`ssl.create_default_context` is not used: it reads the environment, and fails for a
``SSLKEYLOGFILE`` that cannot be written.
"""

from __future__ import annotations

import ssl
from functools import cache

import certifi


@cache
def trusting(file: str | None = None, directory: str | None = None) -> ssl.SSLContext:
    """For clients: trusts the authorities in a PEM file or, without one, in directories of files
    named by their hash; without either those of Mozilla, which come with the exporter.

    Raises OSError (`ssl.SSLError` is one) and ValueError when a file is of no use.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if directory and not file:
        context.load_verify_locations(capath=directory)
        return context
    context.load_verify_locations(cafile=file or certifi.where())
    if not context.cert_store_stats()["x509"]:
        raise ValueError("contains no certificate")
    return context
