"""Who runs the embedded Postgres, and what that user finds: as root, and after a restore."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.model.errors import EmbeddedPostgresError
from exporter.store.embedded import binaries, os_user
from exporter.store.embedded.binaries import Binaries
from exporter.store.embedded.os_user import Identity
from tests.support.embedded import (
    capabilities_of,
    first_line,
    kept_cluster,
    other_process,
    server_in,
    user_of,
    value,
)
from tests.support.postgres import open_directory, postmaster_pid
from tests.support.process import ROOT

AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root can become another user")
NAMELESS = 123_456


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """A data directory whose cluster has a table with one row. Tests leave it as they found it."""
    with kept_cluster() as directory:
        yield directory


def plain_user(uid: int) -> tuple[str, ...]:
    """What runs a program as another user."""
    return (
        "setpriv",
        f"--reuid={uid}",
        f"--regid={uid}",
        "--clear-groups",
        # Only for the way to this interpreter, which may be installed below /root.
        "--inh-caps=+dac_read_search",
        "--ambient-caps=+dac_read_search",
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@needs_root
def test_the_server_of_root_is_another_user_without_capabilities(data_dir: Path) -> None:
    with server_in(data_dir) as server:
        server.ensure()
        pid = postmaster_pid(data_dir)
        assert user_of(pid) == (data_dir / "postgres").stat().st_uid != 0
        assert capabilities_of(pid) == 0


@needs_root
def test_a_directory_above_that_the_server_may_not_enter_is_refused_with_the_remedy(
    open_path: Path,
) -> None:
    closed = open_path / "closed"
    closed.mkdir(mode=0o700)
    with (
        server_in(closed / "data") as server,
        pytest.raises(EmbeddedPostgresError, match=f"chmod o\\+x {closed}\\).*ONETRADING_DATA_DIR"),
    ):
        server.ensure()
    assert mode(closed) == 0o700
    with other_process(closed / "data") as process:
        _, errors = process.communicate()
    assert process.returncode == 1
    assert f"chmod o+x {closed}" in errors


@needs_root
def test_a_data_directory_of_our_own_is_opened_for_passing(
    open_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = open_path / "own"
    own.mkdir(mode=0o700)
    (own / "spool").mkdir()
    with server_in(own) as server:
        assert value(server.ensure(), "SELECT 1") == 1
    assert mode(own) == 0o701
    assert f"let other users pass {own}" in caplog.text
    shared = open_path / "shared"
    shared.mkdir(mode=0o700)
    (shared / "letter.txt").write_text("dear")
    with server_in(shared) as server, pytest.raises(EmbeddedPostgresError, match="out of reach"):
        server.ensure()
    assert mode(shared) == 0o700


@needs_root
def test_the_umask_of_root_does_not_lock_the_server_out(open_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with server_in(open_path / "new" / "data") as server:
            assert value(server.ensure(), "SELECT 1") == 1
    finally:
        os.umask(before)
    assert mode(open_path / "new") == mode(open_path / "new" / "data") == 0o711


@needs_root
def test_binaries_out_of_reach_are_run_from_a_copy(open_path: Path, data_dir: Path) -> None:
    """As installed below /root, where the server's user may enter nothing."""
    closed = open_path / "closed"
    closed.mkdir(mode=0o700)
    package = binaries.find_binaries().root.parent
    shutil.copytree(package, closed / package.name)
    where = {"PYTHONPATH": f"{closed}:{ROOT}"}
    copies = data_dir / binaries.COPIES
    for _ in range(2):
        with other_process(data_dir, env=where) as owner:
            assert value(first_line(owner), "SELECT answer FROM kept") == 42
            executable = Path(f"/proc/{postmaster_pid(data_dir)}/exe").readlink()
            assert executable.is_relative_to(copies)
            assert user_of(postmaster_pid(data_dir)) != 0
            owner.communicate("")
        assert [copy.name for copy in copies.iterdir()] == [executable.relative_to(copies).parts[0]]
    # Where they can be reached again, nothing is kept.
    with server_in(data_dir) as server:
        server.ensure()
    assert not copies.exists()


@pytest.fixture
def installed(open_path: Path) -> Binaries:
    """A small installation in a directory that only its owner may enter."""
    root = open_path / "closed" / "pginstall"
    for name in ("bin/initdb", "bin/postgres", "lib/libpq.so", "share/postgres.bki"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o700 if "bin" in name else 0o600)
    (open_path / "closed").chmod(0o700)
    return Binaries(root, 17)


@needs_root
def test_a_copy_is_made_once_and_replaced_when_it_is_outdated_or_incomplete(
    installed: Binaries, open_path: Path
) -> None:
    nobody = Identity(pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
    first = binaries.usable(installed, open_path, nobody)
    inode = first.catalog.stat().st_ino
    assert binaries.usable(installed, open_path, nobody) == first
    assert first.catalog.stat().st_ino == inode
    assert (mode(first.program("initdb")), mode(first.catalog)) == (0o755, 0o644)
    # A crash or a full disk cut it short.
    first.catalog.write_text("")
    (first.root / "lib" / "libpq.so").unlink()
    (first.root.parent / "new").mkdir()
    assert binaries.usable(installed, open_path, nobody) == first
    assert first.catalog.read_bytes() == installed.catalog.read_bytes()
    # Another version.
    installed.catalog.write_text("# PostgreSQL 18\n")
    second = binaries.usable(installed, open_path, nobody)
    assert second != first
    assert list((open_path / binaries.COPIES).iterdir()) == [second.root]


@needs_root
def test_a_plain_user_needs_no_change_of_user() -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    with open_directory() as data_dir:
        os.chown(data_dir, nobody, nobody)
        with other_process(data_dir, plain_user(nobody)) as owner:
            url = first_line(owner)
            assert value(url, "SELECT 1") == 1
            assert user_of(postmaster_pid(data_dir)) == nobody
            # Root may read its files, and so uses the same server.
            with server_in(data_dir) as guest:
                assert guest.ensure() == url
            owner.communicate("")
        assert owner.returncode == 0
        # When root starts the same cluster, the server still runs as its owner.
        with server_in(data_dir) as server:
            assert server.ensure() == url
            pid = postmaster_pid(data_dir)
            assert (user_of(pid), capabilities_of(pid)) == (nobody, 0)


def test_permissions_that_were_opened_are_put_right(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As `chmod -R g+rwX` does: Kubernetes' fsGroup, or a restore."""
    for path in data_dir.rglob("*"):
        if not path.is_symlink():
            path.chmod(mode(path) | (0o070 if path.is_dir() else 0o060))
    with server_in(data_dir) as server:
        assert value(server.ensure(), "SELECT answer FROM kept") == 42
    cluster = data_dir / "postgres"
    assert f"made {cluster} private again" in caplog.text
    for path in cluster.rglob("*"):
        assert mode(path) & 0o077 == 0, path
    for name in ("postgres.json", "postgres.lock", "postgres.log"):
        assert mode(data_dir / name) == 0o600
    caplog.clear()
    with server_in(data_dir) as server:
        server.ensure()
    assert "private" not in caplog.text


def test_a_cluster_that_its_group_may_read_stays_so(data_dir: Path) -> None:
    """As `initdb --allow-group-access` makes it, for a backup by another user."""
    (data_dir / "postgres").chmod(0o750)
    try:
        with server_in(data_dir) as server:
            assert value(server.ensure(), "SELECT answer FROM kept") == 42
        assert mode(data_dir / "postgres") == 0o750
    finally:
        (data_dir / "postgres").chmod(0o700)


@needs_root
@pytest.mark.parametrize("restored", ["all", "one"])
def test_files_that_root_restored_are_given_back(data_dir: Path, restored: str) -> None:
    cluster = data_dir / "postgres"
    owner = cluster.stat()
    one = cluster / "postgresql.conf"
    for path in (cluster, *cluster.rglob("*")) if restored == "all" else (one,):
        os.chown(path, 0, 0, follow_symlinks=False)
    with server_in(data_dir) as server:
        assert value(server.ensure(), "SELECT answer FROM kept") == 42
        assert user_of(postmaster_pid(data_dir)) == owner.st_uid
    assert one.stat().st_uid == owner.st_uid


@needs_root
def test_a_cluster_of_another_user_is_refused_with_what_to_do(data_dir: Path) -> None:
    with other_process(data_dir, plain_user(NAMELESS)) as process:
        _, errors = process.communicate()
    assert process.returncode == 1
    assert "Permission denied" in errors or "belongs to user id" in errors
    assert "ONETRADING_DATA_DIR" in errors


@needs_root
@pytest.mark.skipif(
    not any(Path("/usr/lib").glob(f"*/{os_user.NSS_WRAPPER}")), reason="libnss-wrapper is missing"
)
def test_a_user_without_a_name_gets_one_for_initdb() -> None:
    """As in a container that runs as any user id."""
    with open_directory() as parent_directory:
        data_dir = parent_directory / "data"
        data_dir.mkdir()
        os.chown(data_dir, NAMELESS, NAMELESS)
        for _ in range(2):
            with other_process(data_dir, plain_user(NAMELESS)) as owner:
                assert value(first_line(owner), "SELECT 1") == 1
                assert user_of(postmaster_pid(data_dir)) == NAMELESS
                owner.communicate("")


def test_a_user_without_a_name_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError) as error:
        os_user.name_environment(Identity(NAMELESS, NAMELESS), tmp_path, libraries=())
    for part in (str(NAMELESS), "/etc/passwd", "libnss-wrapper", "DATABASE_URL"):
        assert part in str(error.value)
    assert "\n" not in str(error.value)
    assert os_user.name_environment(Identity(0, 0), tmp_path, libraries=()) == {}
