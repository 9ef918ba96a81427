"""The web config file: the format of the Prometheus exporter-toolkit, read into a frozen object.

Format: https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md.
docs/web-config.md says what differs here, and why. Nothing is read but the text handed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from exporter.server.security.document import Section, read
from exporter.server.security.tls_config import TlsConfig, tls_config
from exporter.settings import values

_HASH = re.compile(r"\$2[abxy]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{53}")
_COSTS = range(4, 17)
"""bcrypt's least, and what takes some 5 s: beyond that no scrape would ever be answered in time."""

_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
"""The toolkit's headers, and the values that it accepts where it does not accept all."""


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """A token bucket: ``burst`` requests at once, then one each ``interval_s``."""

    interval_s: float
    burst: int


@dataclass(frozen=True, kw_only=True)
class WebConfig:
    """What the file asks for. The default is no file: no TLS, no passwords."""

    tls: TlsConfig | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Name to bcrypt hash; empty: no password is asked for."""
    rate_limit: RateLimit | None = None


def parse(text: str, file: Path, faults: list[str]) -> WebConfig:
    """Read ``text``, the content of ``file``; relative paths in it are relative to its folder.

    Notes every fault in ``faults``; what is returned is then not to be used.
    """
    root = read(text, file, faults)
    config = WebConfig(
        tls=tls_config(root.table("tls_server_config"), file.parent),
        headers=_http(root.table("http_server_config")),
        users=_users(root.table("basic_auth_users")),
        rate_limit=_rate_limit(root.table("rate_limit")),
    )
    root.finish("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")
    return config


def _http(table: Section) -> Mapping[str, str]:
    # HTTP/2 is on by default there, and a client may always answer with HTTP/1.1: true needs no
    # more than not to offer it.
    table.flag("http2", True)
    headers = table.table("headers")
    found = {name: headers.text(name) for name in _HEADERS}
    headers.finish(*_HEADERS)
    table.finish("http2", "headers")
    for name, value in found.items():
        allowed = _HEADERS[name]
        if value and allowed and value not in allowed:
            headers.fault(name, f"has an unknown value; write one of: {', '.join(allowed)}")
        elif not (value.isascii() and value.isprintable()):
            headers.fault(name, "holds a line break or a character outside ASCII; remove it")
    return MappingProxyType({name: value for name, value in found.items() if value})


def _users(table: Section) -> Mapping[str, bytes]:
    found = {}
    for name, hashed in table.items():
        match = _HASH.fullmatch(hashed)
        if not name or ":" in name or not name.isprintable():
            table.fault(name, "is no user name; write one without a colon and control characters")
        elif match is None:
            table.fault(name, "has no bcrypt hash; write what `htpasswd -nBC 10` prints")
        elif int(match["cost"]) not in _COSTS:
            table.fault(
                name,
                f"has a bcrypt hash of cost {match['cost']}, which no scrape could wait for or "
                "bcrypt does not know; hash the password again with cost 10 to 12",
            )
        else:
            found[name] = hashed.encode()
    return MappingProxyType(found)


def _rate_limit(table: Section) -> RateLimit | None:
    interval, burst = table.text("interval"), table.text("burst")
    table.finish("interval", "burst")
    if interval in ("", "0", "0s"):
        if burst and "interval" not in table:
            table.fault("burst", "limits nothing without an interval; add one, such as 1s")
        return None
    try:
        # A number without a unit would be nanoseconds to the toolkit.
        interval_s = values.duration(interval if interval[-1:].isalpha() else "").total_seconds()
    except ValueError as error:
        table.fault("interval", f"{error}")
        return None
    try:
        return RateLimit(interval_s=interval_s, burst=values.whole_number(burst))
    except ValueError:
        table.fault("burst", "is no whole number from 1 up; with 0 every request is refused")
        return None
