"""Values of the web config that the exporter-toolkit accepts and this server refuses, with reasons.

They are refused at the start: a protection that was configured and is missing is worse than a
service that does not start. `http2` is not among them: without it a client speaks HTTP/1.1, and no
protection is lost.
"""

from __future__ import annotations

import re

_ANY_CERTIFICATE = (
    r"\g<0> accepts any certificate, but Python's ssl can only demand one that it verifies; "
    "write RequireAndVerifyClientCert, and name the authority in client_ca_file"
)
_OLD_VERSION = r"\g<0> is broken (RFC 8996) and OpenSSL refuses it; write TLS12"

_UNSUPPORTED = (
    # key, pattern of the whole value, reason and what to write instead (a template of the match)
    ("client_auth_type", r"RequireAnyClientCert|RequireClientCert", _ANY_CERTIFICATE),
    ("min_version", r"TLS10|TLS11", _OLD_VERSION),
    ("max_version", r"TLS10|TLS11", _OLD_VERSION),
    (
        "curve_preferences",
        r"\w+(, \w+)+",
        "has several curves, but Python's ssl can set only one; write one, or remove the key",
    ),
    (
        "basic_auth_users",
        # Below 4 bcrypt refuses; at 17 it takes 10 s, longer than a scrape may.
        r"\$2[abxy]\$(?P<cost>0[0-3]|1[7-9]|[2-9][0-9])\$.*",
        r"has a bcrypt hash of cost \g<cost>, which takes longer than a scrape may (above 16) or "
        "is not valid (below 4); hash the password again with cost 10 to 12",
    ),
)


def unsupported(key: str, value: str) -> str | None:
    """Why ``value`` is refused and what to write instead; None when it is not in the table."""
    for name, pattern, reason in _UNSUPPORTED:
        match = re.fullmatch(pattern, value) if name == key else None
        if match is not None:
            return match.expand(reason)
    return None
