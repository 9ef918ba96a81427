"""Proxies and certificates as the environment names them: read, refused, never shown."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
import trustme
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.model.errors import SettingsError
from exporter.model.route import Proxy
from exporter.settings import load

SECRET = "s3cr3t"
HTTPS, HTTP = "https://api.example.com/fast/v1", "http://127.0.0.1:8080/fast/v1"
SQUID = "http://squid.example.com:3128"


def proxy_of(url: str, **environ: str) -> Proxy | None:
    return load(environ, stream_names=()).network.route(url).proxy


def faults(**environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(environ, stream_names=())
    return caught.value.faults


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://squid.example.com:3128", "http://squid.example.com:3128"),
        ("squid.example.com:3128", "http://squid.example.com:3128"),
        ("https://squid.example.com/", "https://squid.example.com:443"),
        ("socks5h://127.0.0.1", "socks5h://127.0.0.1:1080"),
        ("SOCKS5://[::1]:9050", "socks5://[::1]:9050"),
        (f"http://me:{SECRET}@squid:1", "http://***@squid:1"),
        (f"socks5h://me:{SECRET}%40%2f@squid:1", "socks5h://***@squid:1"),
    ],
)
def test_proxies_as_people_write_them(text: str, shown: str) -> None:
    found = proxy_of(HTTPS, HTTPS_PROXY=text)
    assert str(found) == shown
    assert SECRET not in repr(found)
    if "%40" in text:
        assert found is not None
        assert (found.user, found.password) == ("me", f"{SECRET}@/")


@pytest.mark.parametrize(
    "text",
    [
        f"ftp://me:{SECRET}@squid.example.com:21",
        f"socks4://me:{SECRET}@squid.example.com",
        f"http://me:{SECRET}@squid.example.com:99999",
        f"http://me:{SECRET}@squid.example.com:0",
        f"http://me:{SECRET}@squid.example.com:port",
        f"http://me:{SECRET}@",
        f"http://me:{SECRET}@[::1",
        f"http://me:{SECRET}@[::1]x:1",
        f"me:{SECRET}",
        f"http://sp ace/{SECRET}",
        f"http://{SECRET}*",
        f"http://me:{SECRET}@\u2100.example.com",
        f"socks5h://me:{SECRET * 50}@squid",
        f"socks5h://:{SECRET}@squid",
    ],
)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_bad_proxy_is_one_fault_without_its_text(name: str, text: str) -> None:
    (fault,) = faults(**{name: text})
    assert fault.startswith(f"{name} ")
    assert SECRET not in fault


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
@example("//[")
@example("http://[v1.a]:1")
def test_any_text_is_a_proxy_or_refused(text: str) -> None:
    """With a host and a port that can be put into a URL."""
    try:
        found = proxy_of(HTTPS, HTTPS_PROXY=text)
    except SettingsError:
        return
    assert found is None or (found.host.isascii() and 1 <= found.port <= 65_535)


def test_all_faults_are_told_together(tmp_path: Path) -> None:
    told = faults(
        HTTPS_PROXY="ftp://x",
        http_proxy="http://x:99999",
        SSL_CERT_FILE=str(tmp_path / "missing"),
        ONETRADING_LISTEN="nowhere",
    )
    starts = ["ONETRADING_LISTEN", "SSL_CERT_FILE", "HTTPS_PROXY", "http_proxy"]
    assert sorted(fault.split("=")[0].split()[0] for fault in told) == sorted(starts)


def test_which_variable_counts() -> None:
    assert proxy_of(HTTPS, HTTP_PROXY=SQUID) is None
    assert proxy_of(HTTP, HTTP_PROXY=SQUID) is not None
    assert proxy_of(HTTP, ALL_PROXY="other:1", HTTP_PROXY=SQUID) == proxy_of(HTTP, all_proxy=SQUID)
    assert str(proxy_of(HTTPS, HTTPS_PROXY="other:1", https_proxy=SQUID)) == SQUID
    assert proxy_of(HTTPS, HTTPS_PROXY="other:1", https_proxy="") is None
    # What no request would use keeps nothing from starting: desktops set ALL_PROXY=socks://...
    assert proxy_of(HTTPS, HTTPS_PROXY=SQUID, HTTP_PROXY=SQUID, ALL_PROXY="socks://x") is not None
    assert proxy_of(HTTPS, HTTPS_PROXY="ftp://x", NO_PROXY="*") is None


@pytest.mark.parametrize(
    ("no_proxy", "excepted"),
    [
        ("api.example.com", True),
        ("example.com", True),
        (".example.com", True),
        ("*.example.com", True),
        ("EXAMPLE.com, other.org", True),
        ("other.org example.com", True),
        ("example.com:443", True),
        ("https://example.com", True),
        ("example.com:8443", False),
        ("http://example.com", False),
        (".api.example.com", False),
        ("ample.com", False),
        ("fd07::/64", False),
        ("fd07::/64,[::1]:80,10.0.0.0/8,,[,a:b:c,//", False),
        ("", False),
    ],
)
def test_exceptions_by_name(no_proxy: str, excepted: bool) -> None:
    found = proxy_of(HTTPS, HTTPS_PROXY=SQUID, NO_PROXY=no_proxy)
    assert (found is None) is excepted


@given(
    host=st.ip_addresses(),
    network=st.ip_addresses(),
    bits=st.integers(0, 128),
    form=st.sampled_from(["{}", "{}/{}"]),
)
@example(ipaddress.ip_address("fd07::5"), ipaddress.ip_address("fd07::"), 64, "{}/{}")
@example(ipaddress.ip_address("10.1.2.3"), ipaddress.ip_address("10.0.0.0"), 8, "{}/{}")
def test_exceptions_by_network(
    host: ipaddress.IPv4Address | ipaddress.IPv6Address,
    network: ipaddress.IPv4Address | ipaddress.IPv6Address,
    bits: int,
    form: str,
) -> None:
    """Compared with the bits of both."""
    size = network.max_prefixlen
    length = min(bits, size) if form == "{}/{}" else size
    same = host.version == network.version and (
        int(host) >> (size - length) == int(network) >> (size - length)
    )
    shown = f"[{host}]" if host.version == 6 else host
    found = proxy_of(
        f"https://{shown}:8443", HTTPS_PROXY=SQUID, NO_PROXY=form.format(network, length)
    )
    assert (found is None) is same


def test_certificates(tmp_path: Path) -> None:
    good = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(good)
    route = load({"SSL_CERT_FILE": str(good)}, stream_names=()).network.route(HTTPS)
    assert (route.certificate_file, route.certificate_dir) == (str(good), None)
    empty, broken = tmp_path / "empty", tmp_path / "broken"
    empty.touch()
    broken.write_text("-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n")
    for path in (empty, broken, tmp_path / "missing", tmp_path):
        (fault,) = faults(SSL_CERT_FILE=str(path))
        assert fault.startswith(f"SSL_CERT_FILE='{path}' ")
    (fault,) = faults(SSL_CERT_DIR=str(tmp_path / "missing"))
    assert "could not be read" in fault
    (fault,) = faults(SSL_CERT_DIR=str(tmp_path))
    assert "openssl rehash" in fault
    hashed = tmp_path / "12345678.0"
    hashed.write_bytes(good.read_bytes())
    both = f"{tmp_path / 'empty'}:{tmp_path}"
    assert "could not be read" in faults(SSL_CERT_DIR=both)[0]
    route = load({"SSL_CERT_DIR": str(tmp_path)}, stream_names=()).network.route(HTTPS)
    assert route.certificate_dir == str(tmp_path)
    assert load({"SSL_CERT_FILE": " "}, stream_names=()).network.route(HTTPS) == type(route)()


def test_what_is_set_is_shown_without_a_login() -> None:
    environ = {"ALL_PROXY": f"http://me:{SECRET}@squid:1", "NO_PROXY": "a.org"}
    found = load(environ, stream_names=())
    assert SECRET not in f"{found!r} {found} {found.redacted()}"
    assert found.redacted()["HTTPS_PROXY"] == "http://***@squid:1"
    assert found.redacted()["NO_PROXY"] == "a.org"
