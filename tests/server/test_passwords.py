"""Basic authentication: who gets in, and what a guess costs."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.server.security.passwords import parse_authorization
from tests.support.secure import PASSWORD, USER, Endpoint, basic, hashed, serving, write

USERS = {"basic_auth_users": {USER: hashed()}}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("guarded")
    users = {
        USER: hashed(),
        "k\u00fcche": hashed("k"),
        "empty": hashed(""),
        "long": hashed("x" * 72),
    }
    headers = {
        "Strict-Transport-Security": "max-age=1000",
        "X-Frame-Options": "sameorigin",
        "Content-Security-Policy": "default-src 'self'",
    }
    file = write(folder, basic_auth_users=users, http_server_config={"headers": headers})
    with serving(file) as endpoint:
        yield endpoint


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/metrics", "/", "/api/status"])
def test_every_page_wants_the_password(guarded: Endpoint, path: str, method: str) -> None:
    refused = guarded.request(path, method=method)
    assert refused.status == 401
    assert refused.headers["www-authenticate"].startswith('Basic realm="')
    assert refused.headers["cache-control"] == "no-store"
    assert int(refused.headers["content-length"]) == len(b"401 Unauthorized\n")
    assert refused.body == (b"401 Unauthorized\n" if method == "GET" else b"")
    let_in = guarded.request(path, method=method, headers=basic())
    assert let_in.status == 200
    assert bool(let_in.body) is (method == "GET")


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/nothing", "GET", 404),
        ("/-/healthy/", "GET", 404),
        ("//-/healthy", "GET", 404),
        ("/metrics/../-/healthy", "GET", 404),
        ("/metrics?/-/healthy", "GET", 200),
        ("/metrics", "POST", 405),
        ("/metrics", "OPTIONS", 405),
    ],
)
def test_strangers_learn_nothing_of_what_there_is(
    guarded: Endpoint, path: str, method: str, status: int
) -> None:
    assert guarded.request(path, method=method).status == 401
    assert guarded.request(path, method=method, headers=basic()).status == status


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
def test_probes_need_no_password(guarded: Endpoint, path: str) -> None:
    for headers in ({}, basic("nobody", "x"), {"Authorization": "Basic ???"}):
        assert guarded.request(path, headers=headers).status == 200


@pytest.mark.parametrize(
    ("user", "password", "status"),
    [
        (USER, PASSWORD, 200),
        ("k\u00fcche", "k", 200),
        ("empty", "", 200),
        ("long", "x" * 72, 200),
        ("long", "x" * 100, 200),
        ("long", "x" * 71, 401),
        (USER, "", 401),
        (USER, PASSWORD + "x", 401),
        (USER, "k", 401),
        ("nobody", PASSWORD, 401),
        ("", PASSWORD, 401),
        ("Prometheus", PASSWORD, 401),
    ],
)
def test_passwords(guarded: Endpoint, user: str, password: str, status: int) -> None:
    for _ in range(2):
        assert guarded.request(headers=basic(user, password)).status == status


def test_configured_headers_are_on_every_answer_and_replace_ours(guarded: Endpoint) -> None:
    for path, headers in (("/metrics", basic()), ("/metrics", {}), ("/-/healthy", {})):
        connection = guarded.connection()
        connection.request("GET", path, headers=headers)
        got = connection.getresponse().headers
        connection.close()
        assert got.get_all("Content-Security-Policy") == ["default-src 'self'"]
        assert got.get_all("X-Frame-Options") == ["sameorigin"]
        assert got.get_all("Strict-Transport-Security") == ["max-age=1000"]
        assert got.get_all("X-Content-Type-Options") == ["nosniff"]


def test_two_authorizations_are_none(guarded: Endpoint) -> None:
    line = f"Authorization: {basic()['Authorization']}\r\n"
    for lines, status in ((line, b"200"), (line * 2, b"401")):
        with guarded.connect() as client:
            client.sendall(f"GET /metrics HTTP/1.0\r\n{lines}\r\n".encode())
            assert client.recv(100).split(b" ")[1] == status


@settings(deadline=None, max_examples=150)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.tuples(
            st.sampled_from([b"Basic ", b"basic  ", b"BASIC\t", b"Bearer ", b"Basic"]),
            st.one_of(
                st.binary(max_size=90).map(base64.b64encode),
                st.binary(max_size=90),
                st.sampled_from([b"=", b"====", b"A", b"Og==", b"Ojo=", b"x" * 9000]),
            ),
        ).map(b"".join),
    )
)
def test_no_authorization_but_the_right_one_gets_in(guarded: Endpoint, header: bytes) -> None:
    """Header bytes that HTTP forbids end in 400; everything else in 401, never in 200 or 500."""
    credentials = parse_authorization([header])
    if credentials is not None and (credentials.user, credentials.password) == (
        USER,
        PASSWORD.encode(),
    ):
        return
    with guarded.connect() as client:
        clean = header.replace(b"\r", b"").replace(b"\n", b"")
        client.sendall(b"GET /metrics HTTP/1.0\r\nAuthorization: " + clean + b"\r\n\r\n")
        assert client.recv(100).split(b" ")[1] in (b"400", b"401")


@given(st.text().filter(lambda name: ":" not in name), st.binary())
def test_what_a_client_says_is_read_back(user: str, password: bytes) -> None:
    header = b"Basic " + base64.b64encode(user.encode("utf-8", "replace") + b":" + password)
    credentials = parse_authorization([header])
    if len(header) <= 4096:
        assert credentials is not None
        assert credentials.user.encode() == user.encode("utf-8", "replace")
        assert credentials.password == password


def test_the_right_password_of_somebody_else_is_wrong(tmp_path: Path) -> None:
    write(tmp_path, basic_auth_users={"a": hashed("a"), "b": hashed("b")})
    with serving(tmp_path / "web.yml") as endpoint:
        for user, password in (("a", "a"), ("b", "b")):
            assert endpoint.request(headers=basic(user, password)).status == 200
        for user, password in (("a", "b"), ("b", "a"), ("c", "a"), ("c", "b"), ("d", "a")):
            for _ in range(2):
                assert endpoint.request(headers=basic(user, password)).status == 401


def test_a_password_that_was_changed_counts_at_once(tmp_path: Path) -> None:
    write(tmp_path, **USERS)
    with serving(tmp_path / "web.yml") as endpoint:
        connection = endpoint.connection()

        def status(password: str) -> int:
            connection.request("GET", "/metrics", headers=basic(USER, password))
            response = connection.getresponse()
            response.read()
            return response.status

        assert (status(PASSWORD), status("new")) == (200, 401)
        write(tmp_path, basic_auth_users={USER: hashed("new")})
        endpoint.look()
        assert (status(PASSWORD), status("new")) == (401, 200)
        connection.close()


def test_a_user_who_was_removed_is_out_whoever_shares_the_hash(tmp_path: Path) -> None:
    """What was remembered of them fits the hash that is checked for an unknown user."""
    write(tmp_path, basic_auth_users={"a": hashed(), "b": hashed()})
    with serving(tmp_path / "web.yml") as endpoint:
        assert endpoint.request(headers=basic("a")).status == 200
        write(tmp_path, basic_auth_users={"b": hashed()})
        endpoint.look()
        assert endpoint.request(headers=basic("a")).status == 401
        assert endpoint.request(headers=basic("b")).status == 200
