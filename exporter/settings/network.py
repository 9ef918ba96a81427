"""Proxies and certificates: the variables that other programs read, too, checked at the start.

``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` in either case, of which lower case
wins (as in curl and in Python's ``urllib.request.getproxies``), ``SSL_CERT_FILE`` and
``SSL_CERT_DIR`` (as in OpenSSL). No message quotes the text of a proxy: there may be a password in
it.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import cast, get_args
from urllib.parse import unquote, urlsplit

from exporter.model.route import Proxy, ProxyScheme, Route
from exporter.settings.raw import RawSettings
from exporter.trust import trusting

_CERTIFICATE_FILE, _CERTIFICATE_DIR = "SSL_CERT_FILE", "SSL_CERT_DIR"
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
NETWORK_VARIABLES = (
    *_PROXIES,
    *(name.upper() for name in _PROXIES),
    _CERTIFICATE_FILE,
    _CERTIFICATE_DIR,
)
"""All that is read here."""
_PORTS: Mapping[str, int] = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})")
_ADDRESS = re.compile(r"(?:\[[^\]]+\]|[^:\[\]]+)(?::[0-9]*)?")
"""Of the versions of `urlsplit` some let `[::1]x:1` pass."""
_ADVICE = "write for example http://proxy.example.com:3128 or socks5h://127.0.0.1:1080"
_LONGEST_SOCKS_LOGIN = 255
"""Bytes of a user or a password (RFC 1929, 2)."""
_EXCEPTION = re.compile(
    r"(?:(?P<scheme>[a-z]+)://)?(?:\[(?P<address>[^\]]+)\]|(?P<name>[^\[\]:/]*))(?::(?P<port>[0-9]+))?/?"
)
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")
"""The names under which OpenSSL finds certificates in a directory (openssl-rehash(1))."""


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Through which proxies requests go, and which certificates they trust."""

    proxies: Mapping[str, Proxy]
    """By the scheme of the URL that is requested: `http`, `https`."""
    exceptions: tuple[str, ...] = ()
    """What ``NO_PROXY`` lists, in lower case."""
    certificate_file: str | None = None
    certificate_dir: str | None = None

    def route(self, url: str) -> Route:
        """The way to the host of an absolute http or https URL."""
        parts = urlsplit(url)
        proxy = self.proxies.get(parts.scheme)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        if any(_excepts(item, parts.scheme, host, port) for item in self.exceptions):
            proxy = None
        return Route(proxy, self.certificate_file, self.certificate_dir)


def read(raw: RawSettings) -> NetworkSettings:
    """What the environment says; what is wrong goes to ``raw.faults``."""
    file, directory = _text(raw, _CERTIFICATE_FILE), _text(raw, _CERTIFICATE_DIR)
    if file:
        _tell(raw, _CERTIFICATE_FILE, file, _fault_of_file(file))
        directory = None  # OpenSSL would read both, and httpx has always read the file alone
    elif directory:
        _tell(raw, _CERTIFICATE_DIR, directory, _fault_of_directories(directory))
    exceptions = _exceptions(raw)
    if "*" in exceptions:
        return NetworkSettings(MappingProxyType({}), exceptions, file, directory)
    found = {scheme: _variable(raw, f"{scheme}_proxy") for scheme in ("http", "https")}
    named = {scheme: variable for scheme, variable in found.items() if variable}
    if len(named) < len(found) and (everything := _variable(raw, "all_proxy")):
        named = {scheme: named.get(scheme, everything) for scheme in found}
    read_once = {variable: _proxy(raw, *variable) for variable in dict.fromkeys(named.values())}
    proxies = {scheme: proxy for scheme, given in named.items() if (proxy := read_once[given])}
    return NetworkSettings(MappingProxyType(proxies), exceptions, file, directory)


def redacted(settings: NetworkSettings) -> Mapping[str, str]:
    """By environment variable, as text that may be logged; only what is set."""
    shown = {f"{scheme.upper()}_PROXY": str(p) for scheme, p in settings.proxies.items()}
    if settings.exceptions:
        shown["NO_PROXY"] = ",".join(settings.exceptions)
    if settings.certificate_file:
        shown[_CERTIFICATE_FILE] = settings.certificate_file
    if settings.certificate_dir:
        shown[_CERTIFICATE_DIR] = settings.certificate_dir
    return shown


def _text(raw: RawSettings, name: str) -> str | None:
    return raw.environ.get(name, "").strip() or None


def _variable(raw: RawSettings, name: str) -> tuple[str, str] | None:
    """A variable that is set, by its name and text. An empty one in lower case unsets the other."""
    for spelt in (name, name.upper()):
        if spelt in raw.environ:
            text = raw.environ[spelt].strip()
            return (spelt, text) if text else None
    return None


def _exceptions(raw: RawSettings) -> tuple[str, ...]:
    found = _variable(raw, "no_proxy")
    return () if found is None else tuple(re.split(r"[\s,]+", found[1].lower().strip(", ")))


def _proxy(raw: RawSettings, name: str, text: str) -> Proxy | None:
    try:
        return parse_proxy(text)
    except ValueError as error:
        raw.faults.append(f"{name} {error}")
        return None


def parse_proxy(text: str) -> Proxy:
    """Read the URL of a proxy, or its ``host:port``. Raises ValueError, which never quotes it."""
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"is not the URL of a proxy, with a port up to 65535; {_ADVICE}") from None
    if parts.scheme not in get_args(ProxyScheme):
        raise ValueError(f"is not the URL of an http, https, socks5 or socks5h proxy; {_ADVICE}")
    address = parts.netloc.rpartition("@")[2]
    good_host = _HOST.fullmatch(host) or _is_address(host)
    if not good_host or not _ADDRESS.fullmatch(address) or port == 0:
        raise ValueError(f"names no host, or no port, that a proxy can have; {_ADVICE}")
    user = None if parts.username is None else unquote(parts.username)
    password = unquote(parts.password or "")
    if parts.scheme.startswith("socks"):
        if any(len(t.encode()) > _LONGEST_SOCKS_LOGIN for t in (user or "", password)):
            raise ValueError("has a user or password of more than 255 bytes, which SOCKS lacks")
        if user == "":
            raise ValueError("has a password without a user, which SOCKS does not know; add it")
    scheme = cast(ProxyScheme, parts.scheme)
    return Proxy(scheme, host, port or _PORTS[scheme], user, password)


def _is_address(host: str) -> bool:
    with suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False


def _excepts(item: str, scheme: str, host: str, port: int) -> bool:
    """Whether one item of ``NO_PROXY`` names a host: a name and all below it (with a dot before it
    only those below it), an address, or a network; each with or without a port."""
    if item == "*":
        return True
    if _in_network(host, item):
        return True
    match = _EXCEPTION.fullmatch(item)
    if match is None or match["scheme"] not in (None, "all", scheme):
        return False
    if match["port"] is not None and int(match["port"]) != port:
        return False
    if match["address"] is not None:
        return _in_network(host, match["address"])
    name = match["name"].lstrip("*")
    return _in_network(host, name) or _is_below(host.rstrip("."), name.rstrip("."))


def _in_network(host: str, network: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    return False


def _is_below(host: str, name: str) -> bool:
    if name.startswith("."):
        return host.endswith(name)
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _tell(raw: RawSettings, name: str, text: str, fault: str | None) -> None:
    if fault:
        shown = "" if "@" in text or not text.isprintable() else f"={text!r}"
        raw.faults.append(f"{name}{shown} {fault}, or unset it")


def _fault_of_file(path: str) -> str | None:
    """What keeps a file of certificates from being used; None: nothing."""
    if Path(path).is_dir():
        return "is a directory; name a PEM file, or set SSL_CERT_DIR instead"
    try:
        trusting(path)
    except (ssl.SSLError, ValueError):
        return "contains no certificate in PEM format; correct its path"
    except OSError as error:
        return f"could not be read: {error.strerror}; correct its path"
    return None


def _fault_of_directories(paths: str) -> str | None:
    hashed = False
    for path in paths.split(os.pathsep):
        try:
            hashed = hashed or any(_HASHED.fullmatch(entry.name) for entry in Path(path).iterdir())
        except OSError as error:
            return f"could not be read: {error.strerror}; correct its path"
    if hashed:
        return None
    return "holds no certificate by the name of its hash; run `openssl rehash` on it"
