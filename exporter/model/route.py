"""How requests leave this machine: through which proxy, and whose certificates they trust."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ProxyScheme = Literal["http", "https", "socks5", "socks5h"]


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy of HTTP (RFC 9110, 9.3.6) or of SOCKS 5 (RFC 1928). Never prints its login."""

    scheme: ProxyScheme
    host: str
    """A name, or an address without brackets."""
    port: int
    user: str | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        login = "" if self.user is None else "***@"
        return f"{self.scheme}://{login}{bracketed(self.host)}:{self.port}"


@dataclass(frozen=True, slots=True)
class Route:
    """The way to one host."""

    proxy: Proxy | None = None
    certificate_file: str | None = None
    """PEM file of the authorities that are trusted; None: those that come with the exporter."""
    certificate_dir: str | None = None
    """Directories of such files, named by hash, with `:` between them. Without a file only."""


def bracketed(host: str) -> str:
    """A host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host
