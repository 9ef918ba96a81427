"""The web config file: the format of the Prometheus exporter-toolkit, read into a frozen object.

Format: https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md.
docs/web-config.md says what differs here, and why. Only the text that is passed in is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from exporter.server.security.tls_config import TlsConfig, tls_config
from exporter.server.security.unsupported import unsupported
from exporter.settings import values

if TYPE_CHECKING:
    from exporter.server.security.document import Section

_HASH = re.compile(r"\$2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]{53}")

_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
"""The toolkit's headers, and the values that it accepts where it does not accept every value."""


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """A token bucket: ``burst`` requests at once, then one each ``interval_s``."""

    interval_s: float
    burst: int


@dataclass(frozen=True, kw_only=True)
class WebConfig:
    """The content of the file. The default is that of no file: no TLS, no passwords."""

    tls: TlsConfig | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Name to bcrypt hash; empty: no password is needed."""
    rate_limit: RateLimit | None = None


def parse(text: str, file: Path, faults: list[str]) -> WebConfig:
    """Read ``text``, the content of ``file``; relative paths in it are relative to its folder.

    Appends every fault to ``faults``; the result must not be used when there are any.
    """
    # YAML is read by few services.
    from exporter.server.security.document import read

    root = read(text, file, faults)
    config = WebConfig(
        tls=tls_config(root.section("tls_server_config"), file.parent),
        headers=_http(root.section("http_server_config")),
        users=_users(root.section("basic_auth_users")),
        rate_limit=_rate_limit(root.section("rate_limit")),
    )
    root.finish("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")
    return config


def _http(section: Section) -> Mapping[str, str]:
    # The toolkit's default is true. It offers HTTP/2, which a client may decline: to speak HTTP/1.1
    # alone is to honour true as well as false.
    section.boolean("http2", True)
    table = section.section("headers")
    headers = {name: table.text(name) for name in _HEADERS}
    table.finish(*_HEADERS)
    section.finish("http2", "headers")
    for name, value in headers.items():
        allowed = _HEADERS[name]
        if value and allowed and value not in allowed:
            table.fault(name, f"has an unknown value; write one of: {', '.join(allowed)}")
        elif not (value.isascii() and value.isprintable()):
            table.fault(name, "contains a line break or a character outside ASCII; remove it")
    return MappingProxyType({name: value for name, value in headers.items() if value})


def _users(section: Section) -> Mapping[str, bytes]:
    users = {}
    for name, hashed in section.items():
        if not name or ":" in name or not name.isprintable():
            section.fault(
                name, "is not a user name; write one without a colon and control characters"
            )
        elif _HASH.fullmatch(hashed) is None:
            section.fault(name, "is not a bcrypt hash; write what `htpasswd -nBC 10` prints")
        elif reason := unsupported("basic_auth_users", hashed):
            section.fault(name, reason)
        else:
            users[name] = hashed.encode()
    return MappingProxyType(users)


def _rate_limit(section: Section) -> RateLimit | None:
    interval, burst = section.text("interval"), section.text("burst")
    section.finish("interval", "burst")
    if interval in ("", "0", "0s"):
        if burst and "interval" not in section:
            section.fault("burst", "limits nothing without an interval; add one, such as 1s")
        return None
    try:
        # The toolkit reads a number without a unit as nanoseconds.
        interval_s = values.duration(interval if interval[-1:].isalpha() else "").total_seconds()
    except ValueError as error:
        section.fault("interval", f"{error}")
        return None
    try:
        return RateLimit(interval_s=interval_s, burst=values.whole_number(burst))
    except ValueError:
        section.fault("burst", "is not a whole number of at least 1; 0 would refuse every request")
        return None
