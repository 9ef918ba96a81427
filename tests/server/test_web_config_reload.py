"""The web config while its files are replaced, the way that Kubernetes and others do it."""

from __future__ import annotations

import base64
import http.client
import logging
import resource
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from exporter.model.errors import SettingsError
from exporter.server import WebConfigWatcher
from exporter.server.security.web_config import WebConfig
from tests.support.secure import (
    PASSWORD,
    USER,
    Certificates,
    Endpoint,
    basic,
    hashed,
    serving,
    tls,
    write,
)
from tests.support.waiting import wait_until

LONG_AFTER = 40
"""Looks, one each second."""


USERS = {"basic_auth_users": {USER: hashed()}}
TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
DEMANDS = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: authority.pem\n"
ONE_USER = f"basic_auth_users: {{a: {hashed('a')}}}\n"
VERSIONS: Mapping[str, str] = {
    "nothing": "",
    "users": ONE_USER,
    "tls": TLS,
    "tls and users": TLS + ONE_USER,
    "certificates": TLS + DEMANDS,
    "names": f"{TLS}{DEMANDS}  client_allowed_sans: [a]\n",
    "broken": "tls_server_config: [\n",
}


@contextmanager
def no_file_descriptors() -> Iterator[None]:
    """Nothing can be opened, as when clients hold every file descriptor."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)


def users(web_config: WebConfigWatcher) -> set[str]:
    return set(web_config.active.config.users)


def errors(caplog: pytest.LogCaptureFixture) -> int:
    return sum(record.levelno >= logging.ERROR for record in caplog.records)


def served_certificate(endpoint: Endpoint, certificates: Certificates) -> bytes:
    connection = endpoint.connection(certificates.client_context())
    try:
        connection.connect()
        assert isinstance(connection.sock, ssl.SSLSocket)
        return connection.sock.getpeercert(binary_form=True) or b""
    finally:
        connection.close()


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
                response = connection.getresponse()
                response.read()
                if response.status != 200:
                    self.failures.append(str(response.status))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            self.done += 1
            if not self._keep:
                connection.close()
        connection.close()


def test_certificates_and_users_are_replaced_under_load_without_a_failed_scrape(
    certificates: Certificates,
) -> None:
    write(certificates.folder, tls_server_config=tls(), **USERS)
    with serving(certificates.folder / "web.yml") as endpoint:
        scrapers = [Scraper(endpoint, certificates, keep=keep) for keep in (True, False, False)]
        for scraper in scrapers:
            scraper.start()
        seen = {certificates.current()}
        for turn in range(8):
            certificates.issue("server", "localhost", "127.0.0.1")
            users = {USER: hashed(), f"user{turn}": hashed("x")}
            write(certificates.folder, tls_server_config=tls(), basic_auth_users=users)
            endpoint.look()
            wait_until(
                lambda: served_certificate(endpoint, certificates) == certificates.current(),
                "the new certificate is not served",
            )
            seen.add(certificates.current())
            again = endpoint.request(
                context=certificates.client_context(), headers=basic(f"user{turn}", "x")
            )
            assert again.status == 200
        before = [scraper.done for scraper in scrapers]
        wait_until(
            lambda: all(s.done > b for s, b in zip(scrapers, before, strict=True)),
            "a scraper makes no progress",
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
            lambda: served_certificate(endpoint, certificates) == certificates.current(),
            "the watcher does not run",
        )


def test_a_broken_change_leaves_what_was_in_force_and_is_logged_once(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    file = write(certificates.folder, tls_server_config=tls(), **USERS)
    first = certificates.current()
    with serving(file) as endpoint, caplog.at_level(logging.INFO):
        context = certificates.client_context()

        def errors_after_looking() -> int:
            for _ in range(4):
                endpoint.look()
            assert endpoint.request(context=context, headers=basic()).status == 200
            assert endpoint.request(context=context).status == 401
            assert served_certificate(endpoint, certificates) == first
            return sum(record.levelno >= logging.ERROR for record in caplog.records)

        key = (certificates.folder / "server.key").read_bytes()
        certificates.issue("other", "localhost")
        (certificates.folder / "server.key").write_bytes(
            (certificates.folder / "other.key").read_bytes()
        )
        assert errors_after_looking() == 1
        assert "do not match" in caplog.text
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
        assert endpoint.request(context=context, headers=basic("new", "n")).status == 200
        assert endpoint.request(context=context, headers=basic()).status == 401
        assert "read again" in caplog.text
        for secret in (hashed(), PASSWORD, "PRIVATE KEY", base64.b64encode(key).decode()[:40]):
            assert secret not in caplog.text


@pytest.mark.parametrize(
    ("before", "after", "taken"),
    [
        ("nothing", "users", True),
        ("tls", "tls and users", True),
        ("tls", "certificates", True),
        ("certificates", "names", True),
        ("users", "nothing", False),
        ("tls", "nothing", False),
        ("nothing", "tls", False),
        ("tls and users", "tls", False),
        ("tls and users", "users", False),
        ("certificates", "tls", False),
        ("names", "certificates", False),
        ("tls and users", "broken", False),
    ],
)
def test_no_change_takes_a_protection_away(
    certificates: Certificates,
    before: str,
    after: str,
    taken: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = certificates.folder / "web.yml"
    file.write_text(VERSIONS[before])
    web_config = WebConfigWatcher(file)
    first = web_config.active
    file.write_text(VERSIONS[after] + "# changed\n")
    for _ in range(5):
        web_config.look()
    assert (web_config.active is not first) is taken
    assert [record.levelname for record in caplog.records if record.levelno >= 40] == (
        [] if taken else ["ERROR"]
    )


def test_a_change_is_taken_when_it_has_settled(tmp_path: Path) -> None:
    file = write(tmp_path)
    web_config = WebConfigWatcher(file)
    for half in ("basic_auth_us", ONE_USER.removesuffix("}\n"), ONE_USER):
        file.write_text(half)
        web_config.look()
        assert web_config.active.config == WebConfig()
    web_config.look()
    assert web_config.active.config.users == {"a": hashed("a").encode()}


def test_a_user_who_was_removed_while_nothing_could_be_read_is_out_soon(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = write(tmp_path, basic_auth_users={"a": hashed("a"), "b": hashed("b")})
    web_config = WebConfigWatcher(file)
    write(tmp_path, basic_auth_users={"a": hashed("a")})
    with no_file_descriptors():
        for _ in range(LONG_AFTER):
            web_config.look()
    assert users(web_config) == {"a", "b"}
    assert errors(caplog) == 1
    for _ in range(LONG_AFTER):
        web_config.look()
    assert users(web_config) == {"a"}


@pytest.mark.parametrize(
    "text",
    [
        'basic_auth_users: {a: "\\UFFFFFFFF"}',
        '"\\U99999999": x',
        'tls_server_config: {cert_file: "a\\0b", key_file: b}',
        'tls_server_config: {cert_file: a, key_file: "\\uD800"}',
        'tls_server_config: {cert: "\\uD800", key: b}',
    ],
)
def test_characters_that_are_none_are_a_fault_and_end_no_watch(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "web.yml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        WebConfigWatcher(file)
    assert all(fault.startswith("ONETRADING_WEB_CONFIG: ") for fault in caught.value.faults)
    assert "None" not in str(caught.value.faults)

    file.write_text(yaml.safe_dump({"basic_auth_users": {"a": hashed("a")}}))
    web_config = WebConfigWatcher(file)
    stop = threading.Event()
    watching = threading.Thread(target=web_config.watch, args=[stop, 0.005])
    watching.start()
    file.write_text(text)
    while not errors(caplog) and watching.is_alive():
        watching.join(0.01)
    write(tmp_path, basic_auth_users={"b": hashed("b")})
    while users(web_config) != {"b"} and watching.is_alive():
        watching.join(0.01)
    assert watching.is_alive()
    stop.set()
    watching.join()


def test_a_secret_rotated_by_symbolic_links_is_taken_over_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As the kubelet does: all files are links through `..data`, which is swapped at once."""
    mounted = tmp_path / "mounted"
    mounted.mkdir()

    def rotate(name: str) -> Certificates:
        folder = mounted / f"..{name}"
        folder.mkdir()
        issued = Certificates(folder)
        write(folder, tls_server_config=tls(), basic_auth_users={name: hashed(name)})
        (mounted / "..data_tmp").symlink_to(folder.name)
        (mounted / "..data_tmp").replace(mounted / "..data")
        return issued

    rotate("first")
    for name in ("web.yml", "server.crt", "server.key"):
        (mounted / name).symlink_to(f"..data/{name}")
    with serving(mounted / "web.yml") as endpoint:
        for name in ("second", "third"):
            issued = rotate(name)
            endpoint.look()
            assert users(endpoint.web_config) == {name}
            connection = endpoint.connection(issued.client_context())
            connection.connect()
            connection.close()
    assert errors(caplog) == 0
