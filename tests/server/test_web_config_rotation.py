"""The web config while its files are replaced, the way that Kubernetes and others do it."""

from __future__ import annotations

import logging
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from exporter.model.errors import SettingsError
from exporter.server import WebConfigWatcher
from tests.support.secure import Certificates, hashed, serving, tls, write

LONG_AFTER = 40
"""Looks, one each second."""


@contextmanager
def no_file_descriptors() -> Iterator[None]:
    """Nothing can be opened, as when clients hold every file descriptor."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)


def users(protection: WebConfigWatcher) -> set[str]:
    return set(protection.active.config.users)


def errors(caplog: pytest.LogCaptureFixture) -> int:
    return sum(record.levelno >= logging.ERROR for record in caplog.records)


def test_a_user_who_was_removed_while_nothing_could_be_read_is_out_soon(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = write(tmp_path, basic_auth_users={"a": hashed("a"), "b": hashed("b")})
    protection = WebConfigWatcher(file)
    write(tmp_path, basic_auth_users={"a": hashed("a")})
    with no_file_descriptors():
        for _ in range(LONG_AFTER):
            protection.look()
    assert users(protection) == {"a", "b"}
    assert errors(caplog) == 1
    for _ in range(LONG_AFTER):
        protection.look()
    assert users(protection) == {"a"}


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
    protection = WebConfigWatcher(file)
    stop = threading.Event()
    watching = threading.Thread(target=protection.watch, args=[stop, 0.005])
    watching.start()
    file.write_text(text)
    while not errors(caplog) and watching.is_alive():
        watching.join(0.01)
    write(tmp_path, basic_auth_users={"b": hashed("b")})
    while users(protection) != {"b"} and watching.is_alive():
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
        made = Certificates(folder)
        write(folder, tls_server_config=tls(), basic_auth_users={name: hashed(name)})
        (mounted / "..data_tmp").symlink_to(folder.name)
        (mounted / "..data_tmp").replace(mounted / "..data")
        return made

    rotate("first")
    for name in ("web.yml", "server.crt", "server.key"):
        (mounted / name).symlink_to(f"..data/{name}")
    with serving(mounted / "web.yml") as endpoint:
        for name in ("second", "third"):
            made = rotate(name)
            endpoint.look()
            assert users(endpoint.protection) == {name}
            connection = endpoint.connection(made.client_context())
            connection.connect()
            connection.close()
    assert errors(caplog) == 0
