"""The endpoint with TLS and passwords, over real connections: who gets in, and who delays whom."""

from __future__ import annotations

import base64
import http.client
import logging
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.server import Limits, probe
from exporter.server.security.access import Bucket
from exporter.server.security.passwords import Passwords, login, verify
from exporter.server.security.web_config import RateLimit
from tests.support.prometheus import prometheus
from tests.support.secure import (
    DEMANDS,
    PAGES,
    PASSWORD,
    USER,
    Certificates,
    Endpoint,
    basic,
    ended,
    hashed,
    serving,
    tls,
    write,
)
from tests.support.tools import tool
from tests.support.waiting import wait_until

USERS = {"basic_auth_users": {USER: hashed()}}
TURNED_AWAY = (ssl.SSLError, ConnectionError, http.client.HTTPException)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


# TLS


def test_tls_serves_and_plain_http_does_not(certificates: Certificates) -> None:
    file = write(certificates.folder, tls_server_config=tls())
    with serving(file) as endpoint:
        answer = endpoint.ask(context=certificates.client_context())
        assert (answer.status, answer.body) == (200, b"a 1\n")
        assert endpoint.server.url.startswith("https://127.0.0.1:")
        with pytest.raises(TURNED_AWAY):
            endpoint.ask()
        stranger = ssl.create_default_context()
        with pytest.raises(ssl.SSLCertVerificationError):
            endpoint.ask(context=stranger)


@pytest.mark.parametrize(
    ("asked", "spoken", "refused"),
    [
        ({}, ["TLSv1.2", "TLSv1.3"], []),
        ({"min_version": "TLS13"}, ["TLSv1.3"], ["TLSv1.2"]),
        ({"max_version": "TLS12"}, ["TLSv1.2"], ["TLSv1.3"]),
        ({"cipher_suites": ["TLS_AES_128_GCM_SHA256"]}, ["TLSv1.3"], ["TLSv1.2"]),
        ({"curve_preferences": ["X25519"], "min_version": "TLS13"}, ["TLSv1.3"], []),
    ],
)
def test_versions(
    certificates: Certificates, asked: dict[str, object], spoken: list[str], refused: list[str]
) -> None:
    with serving(write(certificates.folder, tls_server_config=tls(**asked))) as endpoint:
        for version in spoken:
            assert speak(endpoint, certificates, version)[0] == version
        for version in refused:
            with pytest.raises(TURNED_AWAY):
                speak(endpoint, certificates, version)


def speak(endpoint: Endpoint, certificates: Certificates, version: str) -> tuple[str, str]:
    """The version and cipher that a client which speaks ``version`` alone comes to."""
    context = certificates.client_context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
    context.set_alpn_protocols(["h2", "http/1.1"])
    connection = endpoint.connection(context)
    try:
        connection.connect()
        assert isinstance(connection.sock, ssl.SSLSocket)
        assert connection.sock.selected_alpn_protocol() == "http/1.1"
        cipher = connection.sock.cipher()
        assert cipher is not None
        return connection.sock.version() or "", cipher[0]
    finally:
        connection.close()


def test_old_versions_are_refused(certificates: Certificates) -> None:
    """By OpenSSL's own client at its lowest security level."""
    openssl = tool("openssl", "openssl")
    with serving(write(certificates.folder, tls_server_config=tls())) as endpoint:
        address = f"127.0.0.1:{endpoint.server.port}"
        for version, served in (("-tls1", False), ("-tls1_1", False), ("-tls1_2", True)):
            done = subprocess.run(
                [openssl, "s_client", "-connect", address, version, "-cipher", "ALL:@SECLEVEL=0"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=20,
                check=False,
            )
            assert (b"-----BEGIN CERTIFICATE-----" in done.stdout) is served


def test_only_the_named_cipher_is_spoken(certificates: Certificates) -> None:
    suites = ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"]
    asked = tls(cipher_suites=suites, max_version="TLS12")
    with serving(write(certificates.folder, tls_server_config=asked)) as endpoint:
        assert speak(endpoint, certificates, "TLSv1.2")[1] == "ECDHE-ECDSA-CHACHA20-POLY1305"


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        ({}, {None: True, "client": True}),
        ({"client_auth_type": "RequestClientCert"}, {None: True, "client": True, "other": True}),
        (
            DEMANDS | {"client_auth_type": "VerifyClientCertIfGiven"},
            {None: True, "client": True, "other": False},
        ),
        (DEMANDS, {None: False, "client": True, "other": False}),
        (DEMANDS | {"max_version": "TLS12"}, {None: False, "client": True, "other": False}),
        (
            DEMANDS | {"client_allowed_sans": ["prometheus.example"]},
            {None: False, "client": True, "server": False, "other": False},
        ),
    ],
)
def test_client_certificates(
    certificates: Certificates, asked: dict[str, object], outcome: dict[str | None, bool]
) -> None:
    certificates.issue("other", "prometheus.example", authority=trustme.CA())
    with serving(write(certificates.folder, tls_server_config=tls(**asked))) as endpoint:
        for name, let_in in outcome.items():
            context = certificates.client_context(name)
            if let_in:
                assert endpoint.ask(context=context).status == 200
            else:
                with pytest.raises(TURNED_AWAY):
                    endpoint.ask(context=context)


# Read again


class Scraper(threading.Thread):
    """Scrapes without a pause, on one connection or on a new one each time."""

    def __init__(self, endpoint: Endpoint, certificates: Certificates, *, keep: bool) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._certificates = certificates
        self._keep = keep
        self.stopped = threading.Event()
        self.done = 0
        self.failures: list[str] = []

    def run(self) -> None:
        context = self._certificates.client_context()
        connection = self._endpoint.connection(context)
        while not self.stopped.is_set():
            try:
                connection.request("GET", "/metrics", headers=basic())
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    self.failures.append(str(answer.status))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            self.done += 1
            if not self._keep:
                connection.close()
        connection.close()


def served_certificate(endpoint: Endpoint, certificates: Certificates) -> str:
    connection = endpoint.connection(certificates.client_context())
    try:
        connection.connect()
        assert isinstance(connection.sock, ssl.SSLSocket)
        return (connection.sock.getpeercert(binary_form=True) or b"").hex()
    finally:
        connection.close()


def test_certificates_and_users_are_replaced_under_load_without_a_failed_scrape(
    certificates: Certificates,
) -> None:
    write(certificates.folder, tls_server_config=tls(), **USERS)
    with serving(certificates.folder / "web.yml") as endpoint:
        scrapers = [Scraper(endpoint, certificates, keep=keep) for keep in (True, False, False)]
        for scraper in scrapers:
            scraper.start()
        seen = {certificates.serial()}
        for turn in range(8):
            certificates.issue("server", "localhost", "127.0.0.1")
            users = {USER: hashed(), f"user{turn}": hashed("x")}
            write(certificates.folder, tls_server_config=tls(), basic_auth_users=users)
            endpoint.look()
            wait_until(
                lambda: served_certificate(endpoint, certificates) == certificates.serial(),
                "the new certificate is never served",
            )
            seen.add(certificates.serial())
            again = endpoint.ask(
                context=certificates.client_context(), headers=basic(f"user{turn}", "x")
            )
            assert again.status == 200
        before = [scraper.done for scraper in scrapers]
        wait_until(
            lambda: all(s.done > b for s, b in zip(scrapers, before, strict=True)), "they stand"
        )
        for scraper in scrapers:
            scraper.stopped.set()
        for scraper in scrapers:
            scraper.join()
    assert len(seen) == 9
    assert [scraper.failures for scraper in scrapers] == [[], [], []]
    assert min(scraper.done for scraper in scrapers) > 8


def test_the_server_looks_by_itself(certificates: Certificates) -> None:
    write(certificates.folder, tls_server_config=tls())
    with serving(certificates.folder / "web.yml") as endpoint:
        certificates.issue("server", "localhost", "127.0.0.1")
        wait_until(
            lambda: served_certificate(endpoint, certificates) == certificates.serial(),
            "nobody looks",
        )


def test_a_broken_change_leaves_what_was_in_force_and_is_logged_once(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    file = write(certificates.folder, tls_server_config=tls(), **USERS)
    first = certificates.serial()
    with serving(file) as endpoint, caplog.at_level(logging.INFO):
        context = certificates.client_context()

        def errors_after_looking() -> int:
            for _ in range(4):
                endpoint.look()
            assert endpoint.ask(context=context, headers=basic()).status == 200
            assert endpoint.ask(context=context).status == 401
            assert served_certificate(endpoint, certificates) == first
            return sum(record.levelno >= logging.ERROR for record in caplog.records)

        key = (certificates.folder / "server.key").read_bytes()
        certificates.issue("other", "localhost")
        (certificates.folder / "server.key").write_bytes(
            (certificates.folder / "other.key").read_bytes()
        )
        assert errors_after_looking() == 1
        assert "do not belong together" in caplog.text
        (certificates.folder / "server.key").unlink()
        assert errors_after_looking() == 2
        file.write_text("basic_auth_users: {")
        assert errors_after_looking() == 3
        file.write_text("")
        assert errors_after_looking() == 4
        file.unlink()
        assert errors_after_looking() == 5
        assert "read again" not in caplog.text
        (certificates.folder / "server.key").write_bytes(key)
        write(certificates.folder, tls_server_config=tls(), basic_auth_users={"new": hashed("n")})
        endpoint.look()
        assert endpoint.ask(context=context, headers=basic("new", "n")).status == 200
        assert endpoint.ask(context=context, headers=basic()).status == 401
        assert "read again" in caplog.text
        for secret in (hashed(), PASSWORD, "PRIVATE KEY", base64.b64encode(key).decode()[:40]):
            assert secret not in caplog.text


def test_a_client_ca_that_was_replaced_is_believed_no_more(certificates: Certificates) -> None:
    write(certificates.folder, tls_server_config=tls(**DEMANDS | {"client_ca_file": "clients"}))
    (certificates.folder / "clients").write_bytes(certificates.authority.cert_pem.bytes())
    new = trustme.CA()
    certificates.issue("new", "prometheus.example", authority=new)
    with serving(certificates.folder / "web.yml") as endpoint:
        old_client = certificates.client_context("client")
        new_client = certificates.client_context("new")
        assert endpoint.ask(context=old_client).status == 200
        with pytest.raises(TURNED_AWAY):
            endpoint.ask(context=new_client)
        (certificates.folder / "clients").write_bytes(new.cert_pem.bytes())
        endpoint.look()
        assert endpoint.ask(context=new_client).status == 200
        # Nor does a session that he has kept from before let the old one in.
        with pytest.raises(TURNED_AWAY):
            endpoint.ask(context=old_client)


# Passwords


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
    refused = guarded.ask(path, method=method)
    assert refused.status == 401
    assert refused.headers["www-authenticate"].startswith('Basic realm="')
    assert refused.headers["cache-control"] == "no-store"
    assert int(refused.headers["content-length"]) == len(b"401 Unauthorized\n")
    assert refused.body == (b"401 Unauthorized\n" if method == "GET" else b"")
    let_in = guarded.ask(path, method=method, headers=basic())
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
    assert guarded.ask(path, method=method).status == 401
    assert guarded.ask(path, method=method, headers=basic()).status == status


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
def test_probes_need_no_password(guarded: Endpoint, path: str) -> None:
    for headers in ({}, basic("nobody", "x"), {"Authorization": "Basic ???"}):
        assert guarded.ask(path, headers=headers).status == 200


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
        assert guarded.ask(headers=basic(user, password)).status == status


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
        with socket.create_connection(("127.0.0.1", guarded.server.port), timeout=5) as client:
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
    right = login([header])
    if right is not None and (right.user, right.password) == (USER, PASSWORD.encode()):
        return
    with socket.create_connection(("127.0.0.1", guarded.server.port), timeout=5) as client:
        clean = header.replace(b"\r", b"").replace(b"\n", b"")
        client.sendall(b"GET /metrics HTTP/1.0\r\nAuthorization: " + clean + b"\r\n\r\n")
        assert client.recv(100).split(b" ")[1] in (b"400", b"401")


@given(st.text().filter(lambda name: ":" not in name), st.binary())
def test_what_a_client_says_is_read_back(user: str, password: bytes) -> None:
    said = b"Basic " + base64.b64encode(user.encode("utf-8", "replace") + b":" + password)
    found = login([said])
    if len(said) <= 4096:
        assert found is not None
        assert (found.user.encode(), found.password) == (user.encode("utf-8", "replace"), password)


def test_an_answer_is_remembered(tmp_path: Path) -> None:
    """Each password is hashed once, which is what takes long."""
    asked: list[bytes] = []

    def counted(password: bytes, known: bytes) -> bool:
        asked.append(password)
        return verify(password, known)

    with serving(write(tmp_path, **USERS), passwords=Passwords(counted)) as endpoint:
        connection = endpoint.connection()
        for password, status in ((PASSWORD, 200), ("wrong", 401), (PASSWORD, 200)):
            for _ in range(8):
                connection.request("GET", "/metrics", headers=basic(USER, password))
                answer = connection.getresponse()
                answer.read()
                assert answer.status == status
        connection.close()
    assert asked == [PASSWORD.encode(), b"wrong"]


class Counting:
    """A verifier that counts what it is asked, and answers when it may."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, bytes]] = []
        self.may = threading.Event()
        self.may.set()

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        self.asked.append((password, hashed))
        self.may.wait(20)
        return (password, hashed) in ((b"a", b"hash of a"), (b"b", b"hash of b"))


def test_a_stranger_costs_what_a_user_costs(tmp_path: Path) -> None:
    """As many looks at a hash, of the same users; and none is ever right."""
    counting = Counting()
    file = write(tmp_path, **USERS)
    with serving(file, passwords=Passwords(counting)) as endpoint:
        for n, user in enumerate((USER, "nobody", "", "nobody2", "nobody", USER)):
            assert endpoint.ask(headers=basic(user, f"guess {n}")).status == 401
            assert len(counting.asked) == n + 1
        for _ in range(3):
            assert endpoint.ask(headers=basic("nobody", "guess 1")).status == 401
        assert len(counting.asked) == 6
    assert {looked_at for _, looked_at in counting.asked} == {hashed().encode()}


def test_the_right_password_of_somebody_else_is_wrong(tmp_path: Path) -> None:
    write(tmp_path, basic_auth_users={"a": hashed("a"), "b": hashed("b")})
    with serving(tmp_path / "web.yml") as endpoint:
        for user, password in (("a", "a"), ("b", "b")):
            assert endpoint.ask(headers=basic(user, password)).status == 200
        for user, password in (("a", "b"), ("b", "a"), ("c", "a"), ("c", "b"), ("d", "a")):
            for _ in range(2):
                assert endpoint.ask(headers=basic(user, password)).status == 401


def test_a_password_that_was_changed_counts_at_once(tmp_path: Path) -> None:
    write(tmp_path, **USERS)
    with serving(tmp_path / "web.yml") as endpoint:
        connection = endpoint.connection()

        def status(password: str) -> int:
            connection.request("GET", "/metrics", headers=basic(USER, password))
            answer = connection.getresponse()
            answer.read()
            return answer.status

        assert (status(PASSWORD), status("new")) == (200, 401)
        write(tmp_path, basic_auth_users={USER: hashed("new")})
        endpoint.look()
        assert (status(PASSWORD), status("new")) == (401, 200)
        connection.close()


def test_a_user_who_was_removed_is_out_whoever_shares_the_hash(tmp_path: Path) -> None:
    """What was remembered of him fits the hash that a stranger is measured with."""
    write(tmp_path, basic_auth_users={"a": hashed(), "b": hashed()})
    with serving(tmp_path / "web.yml") as endpoint:
        assert endpoint.ask(headers=basic("a")).status == 200
        write(tmp_path, basic_auth_users={"b": hashed()})
        endpoint.look()
        assert endpoint.ask(headers=basic("a")).status == 401
        assert endpoint.ask(headers=basic("b")).status == 200


def test_guessing_delays_no_scrape_whose_password_is_known(tmp_path: Path) -> None:
    """While every place in the queue is taken, and the worker hangs."""
    counting = Counting()
    counting.may.clear()
    write(tmp_path, basic_auth_users={USER: hashed()})
    passwords = Passwords(counting)
    with serving(tmp_path / "web.yml", passwords=passwords) as endpoint:
        # bcrypt says no, so what is known is that it is wrong; that it is known is the point.
        counting.may.set()
        assert endpoint.ask(headers=basic()).status == 401
        counting.may.clear()
        statuses: Counter[int] = Counter()

        def guess(n: int) -> None:
            statuses[endpoint.ask(headers=basic(USER, f"guess {n}")).status] += 1

        guessing = [threading.Thread(target=guess, args=(n,)) for n in range(40)]
        for thread in guessing:
            thread.start()
        wait_until(lambda: statuses[503] == 36, "one client takes all the places")
        for _ in range(20):
            began = time.perf_counter()
            assert endpoint.ask(headers=basic()).status == 401
            assert endpoint.ask("/-/healthy").status == 200
            assert time.perf_counter() - began < 2
        counting.may.set()
        for thread in guessing:
            thread.join()
    assert statuses == {503: 36, 401: 4}
    assert len(counting.asked) == 5


def test_the_same_question_is_asked_once_at_a_time(tmp_path: Path) -> None:
    counting = Counting()
    counting.may.clear()
    with serving(write(tmp_path, **USERS), passwords=Passwords(counting)) as endpoint:
        asking = [
            threading.Thread(target=endpoint.ask, kwargs={"headers": basic()}) for _ in range(30)
        ]
        for thread in asking:
            thread.start()
        wait_until(lambda: len(counting.asked) == 1, "nobody asks")
        time.sleep(0.2)
        counting.may.set()
        for thread in asking:
            thread.join()
        assert len(counting.asked) == 1


def test_a_verifier_that_fails_lets_nobody_in(tmp_path: Path) -> None:
    def failing(_password: bytes, _hashed: bytes) -> bool:
        raise RuntimeError(PASSWORD)

    with serving(write(tmp_path, **USERS), passwords=Passwords(failing)) as endpoint:
        answer = endpoint.ask(headers=basic())
        assert answer.status == 500
        assert PASSWORD.encode() not in answer.body


# Rate


def test_the_rate_limit_refuses_what_is_too_much_and_no_probe(tmp_path: Path) -> None:
    write(tmp_path, rate_limit={"interval": "1h", "burst": 3}, **USERS)
    with serving(tmp_path / "web.yml") as endpoint:
        assert [endpoint.ask(headers=basic()).status for _ in range(5)] == [200, 200, 200, 429, 429]
        assert endpoint.ask().headers["retry-after"] == "3600"
        assert endpoint.ask("/-/healthy").status == 200


@given(st.integers(1, 20), st.lists(st.floats(0, 3), max_size=60), st.sampled_from([0.1, 1.0, 7.0]))
def test_a_bucket_lets_through_what_it_holds_and_gains(
    burst: int, pauses: list[float], interval_s: float
) -> None:
    now = [0.0]
    bucket = Bucket(RateLimit(interval_s=interval_s, burst=burst), lambda: now[0])
    taken = 0
    for pause in pauses:
        now[0] += pause
        taken += bucket.take()
        assert taken <= burst + now[0] / interval_s + 1e-6
    assert taken >= min(len(pauses), burst)


# Slow and silent clients


def test_two_hundred_odd_clients_delay_no_scrape(certificates: Certificates) -> None:
    """Silent ones, handshakes never finished, headers a byte at a time, answers never taken."""
    large = b"x" * 4_000_000
    write(certificates.folder, tls_server_config=tls(), **USERS)
    pages = replace(PAGES, status=lambda: large)
    with serving(certificates.folder / "web.yml", pages) as endpoint, ExitStack() as odd:
        context = certificates.client_context()
        hello = client_hello(context)
        for n in range(200):
            address = ("127.0.0.1", endpoint.server.port)
            client = odd.enter_context(socket.create_connection(address, timeout=10))
            if n % 4 == 1:
                client.sendall(hello[: 1 + n % len(hello)])
            elif n % 4 == 2:
                client.sendall(hello)
            elif n % 4 == 3:
                wrapped = odd.enter_context(
                    context.wrap_socket(client, server_hostname="localhost")
                )
                path = "/api/status" if n % 8 == 3 else "/metrics"
                end = "\r\n\r\n" if n % 8 == 3 else "\r\nX-Slow: "
                auth = f"Authorization: {basic()['Authorization']}"
                wrapped.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{auth}{end}".encode())
        took = []
        for _ in range(60):
            began = time.perf_counter()
            assert endpoint.ask(context=context, headers=basic()).status == 200
            took.append(time.perf_counter() - began)
        kept = endpoint.connection(context)
        for _ in range(60):
            began = time.perf_counter()
            kept.request("GET", "/metrics", headers=basic())
            assert kept.getresponse().read() == b"a 1\n"
            took.append(time.perf_counter() - began)
        kept.close()
    assert sorted(took)[-6] < 3


def client_hello(context: ssl.SSLContext) -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_a_handshake_has_a_deadline(certificates: Certificates) -> None:
    file = write(certificates.folder, tls_server_config=tls())
    hello = client_hello(certificates.client_context())
    with serving(file, limits=Limits(exchange_s=0.3)) as endpoint:
        for sent in (b"", hello[:20], hello, b"GET / HTTP/1.1\r\n\r\n"):
            address = ("127.0.0.1", endpoint.server.port)
            with socket.create_connection(address, timeout=5) as client:
                client.sendall(sent)
                assert ended(client)


def test_too_many_handshakes_cost_the_oldest(certificates: Certificates) -> None:
    file = write(certificates.folder, tls_server_config=tls())
    with serving(file, limits=Limits(handshakes=10)) as endpoint, ExitStack() as stack:
        address = ("127.0.0.1", endpoint.server.port)
        idle = [
            stack.enter_context(socket.create_connection(address, timeout=5)) for _ in range(30)
        ]
        assert endpoint.ask(context=certificates.client_context()).status == 200
        assert all(ended(client) for client in idle[:20])
        idle[-1].settimeout(0.2)
        assert not ended(idle[-1])


def test_it_stops_at_once_whatever_tls_clients_do(certificates: Certificates) -> None:
    file = write(certificates.folder, tls_server_config=tls())
    pages = replace(PAGES, status=lambda: b"x" * 20_000_000)
    context = certificates.client_context()
    with ExitStack() as stack:
        with serving(file, pages) as endpoint:
            address = ("127.0.0.1", endpoint.server.port)
            for sent in (b"", client_hello(context)):
                client = stack.enter_context(socket.create_connection(address, timeout=5))
                client.sendall(sent)
            for path in ("/metrics", "/api/status"):
                client = stack.enter_context(socket.create_connection(address, timeout=5))
                wrapped = stack.enter_context(
                    context.wrap_socket(client, server_hostname="localhost")
                )
                wrapped.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            time.sleep(0.2)
            began = time.perf_counter()
        assert time.perf_counter() - began < 4


# How a container runtime asks


def test_health_over_tls_needs_no_password_and_no_authority(certificates: Certificates) -> None:
    file = write(certificates.folder, tls_server_config=tls(), **USERS)
    pages = replace(PAGES, healthy=lambda: (False, "the scheduler does not run"))
    with serving(file) as endpoint:
        assert probe.ask("127.0.0.1", endpoint.server.port, file)[:2] == (True, "healthy")
    stopped = probe.ask("127.0.0.1", endpoint.server.port, file)
    assert not stopped.ok
    with serving(file, pages) as endpoint:
        sick = probe.ask("127.0.0.1", endpoint.server.port, file)
        assert sick[:2] == (False, "the scheduler does not run")


def test_a_web_config_that_broke_later_is_no_reason_to_restart(certificates: Certificates) -> None:
    file = write(certificates.folder, tls_server_config=tls())
    with serving(file) as endpoint, serving(None) as plain:
        certificates.issue("server", "elsewhere.example")
        found = probe.ask("127.0.0.1", endpoint.server.port, file)
        assert found.ok
        assert "it serves another certificate than the configured one" in found.said
        file.write_text("tls_server_config: {")
        for server in (endpoint.server, plain.server):
            assert probe.ask("127.0.0.1", server.port, file)[:2] == (True, "healthy")
    demanding = write(certificates.folder, tls_server_config=tls(**DEMANDS))
    with serving(demanding) as endpoint:
        file.write_text("tls_server_config: {")
        assert probe.ask("127.0.0.1", endpoint.server.port, file).ok
    assert not probe.ask("127.0.0.1", endpoint.server.port, file).ok


@pytest.mark.parametrize("version", ["TLS12", "TLS13"])
@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "healthy"),
        ({"client_allowed_sans": ["prometheus.example"]}, "demands a client certificate"),
        ({"client_ca_file": "other.pem"}, "demands a client certificate"),
    ],
)
def test_health_where_client_certificates_are_demanded(
    certificates: Certificates, more: dict[str, object], told: str, version: str
) -> None:
    trustme.CA().cert_pem.write_to_path(certificates.folder / "other.pem")
    asked = tls(**DEMANDS | more | {"max_version": version})
    file = write(certificates.folder, tls_server_config=asked)
    with serving(file) as endpoint:
        found = probe.ask("127.0.0.1", endpoint.server.port, file)
        assert found.ok
        assert told in found.said
    with serving(None) as plain:
        assert not probe.ask("127.0.0.1", plain.server.port, file).ok


# Other people's clients


def test_curl(certificates: Certificates) -> None:
    curl = tool("curl", "curl")
    write(certificates.folder, tls_server_config=tls(**DEMANDS), **USERS)
    with serving(certificates.folder / "web.yml") as endpoint:
        url = f"https://localhost:{endpoint.server.port}/metrics"
        names = ("--cacert", "authority.pem", "--cert", "client.crt", "--key", "client.key")
        for more, status in (((), b"401"), (("--user", f"{USER}:{PASSWORD}"), b"200")):
            done = subprocess.run(
                [
                    *(curl, "--silent", "--http2", "--noproxy", "*", "--write-out", "%{http_code}"),
                    *("--resolve", f"localhost:{endpoint.server.port}:127.0.0.1"),
                    *(*names, *more, url),
                ],
                cwd=certificates.folder,
                capture_output=True,
                timeout=20,
                check=True,
            )
            assert done.stdout.endswith(status)


def test_prometheus_scrapes_with_a_certificate_and_a_password(
    certificates: Certificates, tmp_path: Path
) -> None:
    write(certificates.folder, tls_server_config=tls(**DEMANDS), **USERS)
    with serving(certificates.folder / "web.yml") as endpoint:
        job = {
            "job_name": "exporter",
            "scheme": "https",
            "scrape_interval": "1s",
            "tls_config": {
                "ca_file": str(tmp_path / "authority.pem"),
                "cert_file": str(tmp_path / "client.crt"),
                "key_file": str(tmp_path / "client.key"),
                "server_name": "localhost",
            },
            "basic_auth": {"username": USER, "password": PASSWORD},
            "static_configs": [{"targets": [f"127.0.0.1:{endpoint.server.port}"]}],
        }
        with prometheus(tmp_path / "prometheus", {"scrape_configs": [job]}) as server:
            wait_until(
                lambda: [sample["value"][1] for sample in server.query("up")] == ["1"],
                "Prometheus does not get in",
            )
            assert server.query("a")[0]["value"][1] == "1"
