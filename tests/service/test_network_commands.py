"""Proxies and certificates of the environment, as commands take them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from exporter.simulator import Simulator
from tests.support.process import command
from tests.support.socks import socks_proxy
from tests.support.world import environment, exchange

PASSWORD = "pass-word-of-the-proxy"

CLEAN = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE"), "")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


@pytest.mark.parametrize("name", ["run", "check", "sync"])
def test_bad_proxies_and_certificates_are_told_with_the_other_faults(name: str) -> None:
    bad = {
        "HTTPS_PROXY": f"ftp://me:{PASSWORD}@proxy.example.com",
        "HTTP_PROXY": f"http://me:{PASSWORD}@proxy.example.com:99999",
        "SSL_CERT_FILE": "/missing",
        "ONETRADING_LISTEN": "nowhere",
    }
    ended = command(name, env=bad)
    assert (ended.returncode, ended.stdout) == (2, "")
    lines = ended.stderr.splitlines()
    assert [line for line in lines if not line.startswith("error: ")] == []
    assert [key for key in bad if len([line for line in lines if key in line]) != 1] == []
    assert PASSWORD not in ended.stderr


GOOD: Mapping[str, dict[str, str]] = {
    "a network without a proxy": {"no_proxy": "fd07::/64"},
    "a network beside a proxy": {"http_proxy": "http://127.0.0.1:1", "no_proxy": "127.0.0.0/8"},
    "no certificate is needed": {"SSL_CERT_FILE": "", "SSL_CERT_DIR": ""},
    "session keys cannot be written": {"SSLKEYLOGFILE": "/missing/keys"},
}


@pytest.mark.parametrize("name", GOOD)
def test_check_reaches_the_exchange(name: str, simulator: Simulator, tmp_path: Path) -> None:
    env = environment(simulator, tmp_path, ("main",))
    ended = command("check", env=env | CLEAN | GOOD[name])
    assert f"OK   exchange: {simulator.base_url}" in ended.stdout.splitlines(), ended.stderr


@pytest.mark.parametrize("user", [None, "me"])
def test_check_through_a_socks_proxy(
    user: str | None, simulator: Simulator, tmp_path: Path
) -> None:
    env = environment(simulator, tmp_path, ("main",)) | CLEAN
    with socks_proxy(None if user is None else (user, PASSWORD)) as proxy:
        login = "" if user is None else f"{user}:{PASSWORD}@"
        url = f"socks5h://{login}127.0.0.1:{proxy.port}"
        ended = command("check", env=env | {"all_proxy": url})
        assert f"OK   exchange: {simulator.base_url}" in ended.stdout.splitlines(), ended.stderr
        shown = f"socks5h://{'***@' if user else ''}127.0.0.1:{proxy.port}"
        assert f"OK   proxy: requests go through {shown}" in ended.stdout.splitlines()
        assert proxy.asked
    for text in (ended.stdout, ended.stderr):
        assert PASSWORD not in text
        assert "Traceback" not in text
