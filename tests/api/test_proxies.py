"""Requests through proxies, which may refuse, break off or talk nonsense."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exporter.api.rate_limiter import Priority
from exporter.model.errors import ConnectionFailed, ExchangeError
from exporter.model.route import Proxy, ProxyScheme, Route
from tests.api.test_network import GOOD, client_of
from tests.support.loopback import serving
from tests.support.socks import socks_proxy

PASSWORD = "s3cr3t-of-the-proxy"


def get(base_url: str, proxy: Proxy) -> bytes:
    """One request through a proxy, once."""
    with client_of(base_url, route=Route(proxy)) as client:
        return client.get("time", {}, priority=Priority.LIVE, deadline_s=0)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize("login", [None, ("me", PASSWORD)])
def test_a_socks_proxy_resolves_the_name(
    scheme: ProxyScheme, login: tuple[str, str] | None
) -> None:
    with serving(GOOD) as server, socks_proxy(login) as proxy:
        port = server.base_url.split(":")[2].split("/")[0]
        user, password = login or (None, "")
        through = Proxy(scheme, "127.0.0.1", proxy.port, user, password)
        assert b"good" in get(f"http://exchange.test:{port}/fast/v1", through)
        assert proxy.asked == [("exchange.test", int(port))]
        assert [seen.target for seen in server.requests] == ["/fast/v1/time"]


def test_a_socks_proxy_that_refuses_the_login() -> None:
    with socks_proxy(("me", "another")) as proxy:
        for user in (None, "me"):
            through = Proxy("socks5h", "127.0.0.1", proxy.port, user, PASSWORD if user else "")
            with pytest.raises(ConnectionFailed) as caught:
                get("http://exchange.test/fast/v1", through)
            assert PASSWORD not in f"{caught.value} {through!r} {through}"


@settings(max_examples=40, deadline=None)
@given(answers=st.lists(st.binary(min_size=1, max_size=12), max_size=3), login=st.booleans())
@example(answers=[b"\x05\x00", b"\x05\x00"], login=False)
@example(answers=[b"\x05\x02", b"\x01"], login=True)
@example(answers=[b"\x05\x00", b"\x05\x01\x00\x01\0\0\0\0\0\0"], login=False)
@example(answers=[b"\x05\x00", b"\x05\x00\x00\x03\x01\xff\0\0"], login=False)
@example(answers=[b"\x05\x77"], login=False)
@example(answers=[], login=False)
def test_whatever_a_socks_proxy_says_is_an_error_of_the_connection(
    answers: list[bytes], login: bool
) -> None:
    with socks_proxy(answers=tuple(answers)) as proxy:
        user, password = ("me", PASSWORD) if login else (None, "")
        through = Proxy("socks5h", "127.0.0.1", proxy.port, user, password)
        with pytest.raises(ExchangeError):
            get("http://exchange.test/fast/v1", through)
