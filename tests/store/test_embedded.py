"""The embedded Postgres: real servers, real crashes, real users."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from exporter.model.errors import EmbeddedPostgresError, Stopping
from exporter.store.embedded import EmbeddedPostgres, binaries, cluster
from tests.support.embedded import (
    alive,
    execute,
    first_line,
    kept_cluster,
    other_process,
    server_in,
    value,
)
from tests.support.ports import unused_port
from tests.support.postgres import PostgresServer, postmaster_pid


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """A data directory whose cluster has a table with one row. Tests leave it as they found it."""
    with kept_cluster() as directory:
        yield directory


def write(url: str) -> None:
    execute(url, "DROP TABLE IF EXISTS written; CREATE TABLE written AS SELECT 7 AS answer")


def soon(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_new_cluster_is_private_utf8_and_reachable_by_password_only(open_path: Path) -> None:
    with server_in(open_path / "not" / "there") as server:
        url = server.ensure()
        assert value(url, "SHOW server_encoding") == "UTF8"
        assert value(url, "SELECT upper('ä') || ('a' < 'B')") == "Äfalse"
        assert value(url, "SHOW timezone") == "UTC"
        assert value(url, "SHOW password_encryption") == "scram-sha-256"
        assert value(url, "SHOW listen_addresses") == "127.0.0.1"
        assert value(url, "SHOW unix_socket_directories") == ""
        execute(url, "CREATE EXTENSION btree_gist")
        for wrong in (url.replace("@", "x@"), url.replace(url.split(":")[2].split("@")[0], "")):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(wrong)
    directory = open_path / "not" / "there"
    for name in ("postgres.json", "postgres.lock", "postgres.log"):
        assert (directory / name).stat().st_mode & 0o777 == 0o600
    assert (directory / "postgres").stat().st_mode & 0o777 == 0o700
    assert not (directory / "postgres.new").exists()


def test_data_are_flushed_to_disk_unless_a_setting_says_otherwise(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        assert value(server.ensure(), "SHOW fsync") == "on"


def test_data_port_and_password_survive_a_restart(data_dir: Path) -> None:
    with server_in(data_dir) as server:
        before = server.ensure()
    with server_in(data_dir) as server:
        assert server.ensure() == before
        assert value(before, "SELECT answer FROM kept") == 42


def test_stop_ends_the_server_and_is_final(data_dir: Path) -> None:
    server = server_in(data_dir)
    server.ensure()
    pid = postmaster_pid(data_dir)
    server.stop()
    assert not alive(pid)
    assert "received fast shutdown" in (data_dir / "postgres.log").read_text()
    with pytest.raises(Stopping):
        server.ensure()


def test_many_threads_get_one_server_that_outlives_them(data_dir: Path) -> None:
    with server_in(data_dir) as server:
        with ThreadPoolExecutor(8) as threads:
            urls = set(threads.map(lambda _: server.ensure(), range(16)))
        assert len(urls) == 1
        # The thread that started it has ended: a parent-death signal would have arrived by now.
        assert value(urls.pop(), "SELECT answer FROM kept") == 42


@pytest.mark.parametrize("victim", ["postmaster", "supervisor"])
def test_a_killed_server_is_started_again_with_its_committed_rows(
    data_dir: Path, victim: str
) -> None:
    with EmbeddedPostgres(data_dir) as server:
        write(server.ensure())
        postmaster = postmaster_pid(data_dir)
        os.kill(postmaster if victim == "postmaster" else parent(postmaster), signal.SIGKILL)
        assert soon(lambda: not alive(postmaster))
        assert soon(lambda: value_when_up(server, "SELECT answer FROM written") == 7)
        assert postmaster_pid(data_dir) != postmaster


def value_when_up(server: EmbeddedPostgres, query: str) -> object:
    """What a caller does: after a failed connection, call `ensure` again."""
    try:
        return value(server.ensure(), query)
    except psycopg.OperationalError:
        return None


def test_the_server_ends_when_its_owner_is_killed_and_another_process_takes_over(
    data_dir: Path,
) -> None:
    with other_process(data_dir) as owner:
        url = first_line(owner)
        write(url)
        postmaster = postmaster_pid(data_dir)
        supervisor = parent(postmaster)
        with server_in(data_dir) as guest:
            assert guest.ensure() == url
            assert postmaster_pid(data_dir) == postmaster
            owner.kill()
            assert soon(lambda: not alive(postmaster) and not alive(supervisor))
            assert value(guest.ensure(), "SELECT answer FROM written") == 7
            assert postmaster_pid(data_dir) != postmaster


def test_a_guest_that_stops_leaves_the_server_alone(data_dir: Path) -> None:
    with server_in(data_dir) as owner:
        url = owner.ensure()
        with server_in(data_dir) as guest:
            assert guest.ensure() == url
        assert value(url, "SELECT answer FROM kept") == 42


def test_an_interrupted_initdb_does_not_block_the_next_start(open_path: Path) -> None:
    with other_process(open_path) as owner:
        assert soon((open_path / "postgres.new" / "cluster" / "global").exists, 20)
        owner.kill()
    assert not (open_path / "postgres").exists()
    with server_in(open_path) as server:
        assert value(server.ensure(), "SELECT 1") == 1
    assert not (open_path / "postgres.new").exists()


def test_a_taken_port_is_left_for_another_one(data_dir: Path) -> None:
    with server_in(data_dir) as server:
        before = server.ensure()
    with socket.create_server(("127.0.0.1", port_of(before))), server_in(data_dir) as server:
        assert value(server.ensure(), "SELECT answer FROM kept") == 42
        assert port_of(server.ensure()) != port_of(before)


def test_a_fixed_port_that_is_taken_is_an_error(data_dir: Path) -> None:
    port = unused_port()
    with (
        socket.socket() as other,
        EmbeddedPostgres(data_dir, port=port) as server,
        pytest.raises(EmbeddedPostgresError, match="Address already in use"),
    ):
        other.bind(("127.0.0.1", port))
        server.ensure()


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def test_another_major_version_is_refused_with_what_to_do(open_path: Path) -> None:
    (open_path / "postgres").mkdir()
    (open_path / "postgres" / "PG_VERSION").write_text("16\n")
    found = binaries.find_binaries().major
    with server_in(open_path) as server, pytest.raises(EmbeddedPostgresError) as error:
        server.ensure()
    for part in ("Postgres 16", f"Postgres {found}", str(open_path / "postgres"), "pg_dump"):
        assert part in str(error.value)


def test_a_directory_with_something_else_is_left_alone(open_path: Path) -> None:
    (open_path / "postgres").mkdir()
    (open_path / "postgres" / "letter.txt").write_text("dear")
    with (
        server_in(open_path) as server,
        pytest.raises(EmbeddedPostgresError, match="not a Postgres data directory"),
    ):
        server.ensure()
    assert (open_path / "postgres" / "letter.txt").read_text() == "dear"


def test_a_lost_or_wrong_password_file_is_named(data_dir: Path) -> None:
    address = data_dir / "postgres.json"
    content = address.read_text()
    try:
        address.unlink()
        with server_in(data_dir) as server, pytest.raises(EmbeddedPostgresError, match="missing"):
            server.ensure()
        address.write_text(content.replace('"password": "', '"password": "x'))
        with server_in(data_dir) as server, pytest.raises(EmbeddedPostgresError, match="not that"):
            server.ensure()
    finally:
        address.write_text(content)


def test_the_error_for_an_invalid_setting_quotes_the_server(data_dir: Path) -> None:
    with (
        EmbeddedPostgres(data_dir, settings={"max_connections": "lots"}) as server,
        pytest.raises(EmbeddedPostgresError, match='"max_connections": "lots"'),
    ):
        server.ensure()


def test_a_long_log_is_rotated_at_the_start(data_dir: Path) -> None:
    log = data_dir / "postgres.log"
    log.write_bytes(b"x" * (cluster.MAX_LOG_BYTES + 1))
    with server_in(data_dir) as server:
        server.ensure()
    assert log.stat().st_size < 10_000
    assert (data_dir / "postgres.log.1").stat().st_size == cluster.MAX_LOG_BYTES + 1


def test_a_server_keeps_its_address_through_outages(postgres_server: PostgresServer) -> None:
    url = postgres_server.url
    write(url)
    for outage in (postgres_server.stop, postgres_server.kill):
        outage()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        postgres_server.start()
        assert postgres_server.url == url
        assert value(url, "SELECT answer FROM written") == 7
