"""The configuration file is followed: what counts as an edit, and what becomes of a bad one."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from exporter.config_follower import ConfigFollower, ConfigState
from exporter.model.errors import SettingsError
from exporter.roster import Change
from exporter.settings import AccountSettings
from exporter.simulator import Simulator
from tests.support.config_file import ConfigFile
from tests.support.world import exchange


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


class Followed:
    """A followed file, and the accounts that it has led to."""

    def __init__(self, file: ConfigFile) -> None:
        self.file = file
        self.applied: list[list[str]] = []
        self.states: list[ConfigState] = []
        self.refuse: list[str] = []
        self.at = 1_000.0
        self.follower = ConfigFollower(
            file.settings(), self._apply, on_state=self.states.append, now=lambda: self.at
        )

    def _apply(self, accounts: Sequence[AccountSettings]) -> Change:
        if self.refuse:
            raise SettingsError(self.refuse)
        names = [account.name for account in accounts]
        before = self.applied[-1] if self.applied else names
        self.applied.append(names)
        return Change(
            added=tuple(name for name in names if name not in before),
            removed=tuple(name for name in before if name not in names),
        )

    def state(self) -> ConfigState:
        """What became of the file."""
        assert self.follower.state is not None
        return self.follower.state

    def settle(self) -> None:
        """What happens within two seconds."""
        self.at += 2
        self.follower.look()
        self.follower.look()


@pytest.fixture
def followed(tmp_path: Path, simulator: Simulator) -> Followed:
    file = ConfigFile(tmp_path, simulator)
    file.write({"main": "main"})
    found = Followed(file)
    found.settle()
    assert found.applied == [["main"]]
    return found


BOTH = {"main": "main", "hedge": "hedge"}


def truncate_and_write(followed: Followed) -> None:
    text = followed.file.text(BOTH)
    for part in ("", text[:40], text[:70]):
        followed.file.path.write_text(part)
        followed.follower.look()
    followed.file.path.write_text(text)


def replace_atomically(followed: Followed) -> None:
    followed.file.write(BOTH)


def write_within_a_tick(followed: Followed) -> None:
    """Neither size nor time tell the new file from the old one."""
    path, times = followed.file.path, followed.file.path.stat()
    followed.file.write({"hedge": "main"})
    assert path.stat().st_size == times.st_size + 1
    followed.file.write(BOTH)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize("write", [truncate_and_write, replace_atomically, write_within_a_tick])
def test_a_file_is_read_once_it_is_complete(
    write: Callable[[Followed], None], followed: Followed
) -> None:
    write(followed)
    followed.follower.look()
    assert followed.applied == [["main"]]
    followed.settle()
    assert followed.applied == [["main"], ["main", "hedge"]]
    assert all(state.ok for state in followed.states)


def test_a_mounted_directory_that_is_swapped_is_followed(
    tmp_path: Path, simulator: Simulator
) -> None:
    """As Kubernetes updates a ConfigMap: the file is a link into `..data`, which is replaced."""
    file = ConfigFile(tmp_path, simulator)
    for version, accounts in (("1", {"main": "main"}), ("2", BOTH)):
        (tmp_path / version).mkdir()
        for name in BOTH:
            (tmp_path / version / f"{name}.token").write_text(simulator.tokens[name])
        (tmp_path / version / file.path.name).write_text(file.text(accounts))
    (tmp_path / "..data").symlink_to("1")
    file.path.symlink_to(Path("..data") / file.path.name)
    followed = Followed(file)
    followed.settle()
    (tmp_path / "..data_tmp").symlink_to("2")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")
    followed.settle()
    assert followed.applied == [["main"], ["main", "hedge"]]


BAD = {
    "no TOML": "[[accounts]\n",
    "an unknown key": 'unknown = 1\n[[accounts]]\nname = "main"\ntoken_file = "main.token"\n',
    "an unknown key of an account": '[[accounts]]\nname = "a"\ntoken_file = "main.token"\nx = ""',
    "a missing token file": '[[accounts]]\nname = "main"\ntoken_file = "./none.token"\n',
    "a name twice": '[[accounts]]\nname = "a"\ntoken_file = "main.token"\n'
    '[[accounts]]\nname = "a"\ntoken_file = "hedge.token"\n',
    "a token twice": '[[accounts]]\nname = "a"\ntoken_file = "main.token"\n'
    '[[accounts]]\nname = "b"\ntoken_file = "main.token"\n',
    "nothing": "",
    "white space": " \n\n",
    "another setting that is bad": 'log_level = "loud"\n',
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_a_bad_edit_changes_nothing_and_is_told_once(
    text: str, followed: Followed, caplog: pytest.LogCaptureFixture
) -> None:
    good = followed.state()
    followed.file.path.write_text(text)
    with caplog.at_level(logging.INFO, "exporter.config_follower"):
        for _ in range(30):  # it is tried again meanwhile
            followed.settle()
        assert followed.applied == [["main"]]
        assert not followed.state().ok
        assert followed.state().faults
        assert followed.state().succeeded_at == good.succeeded_at
        (told,) = caplog.messages
        assert "not usable, the accounts stay as they are" in told
        followed.file.write(BOTH)
        followed.settle()
    assert followed.applied[-1] == ["main", "hedge"]
    assert followed.state().ok
    assert followed.state().succeeded_at == followed.at
    assert caplog.messages[1:] == ["the configuration file changed: accounts added: hedge"]


def test_a_bad_edit_may_become_a_good_one_without_another(followed: Followed) -> None:
    """The Secret with a token may be updated after the ConfigMap that names its file."""
    token = followed.file.folder / "hedge.token"
    text = token.read_text()
    token.unlink()
    followed.file.write(BOTH)
    followed.settle()
    assert not followed.state().ok
    token.write_text(text)
    for _ in range(6):
        followed.settle()
    assert followed.state().ok
    assert followed.applied[-1] == ["main", "hedge"]


def test_a_file_that_is_gone_changes_nothing(followed: Followed) -> None:
    followed.file.path.unlink()
    followed.settle()
    assert "could not be read" in followed.state().faults[0]
    os.mkfifo(followed.file.path)
    followed.settle()  # and does not wait for a writer
    assert "not a regular file" in followed.state().faults[0]
    assert followed.applied == [["main"]]


def test_an_edit_that_is_refused_later_is_a_bad_one(followed: Followed) -> None:
    followed.refuse = ["the name is taken"]
    followed.file.write(BOTH)
    followed.settle()
    assert followed.state().faults == ("the name is taken",)


def test_other_settings_are_told_and_not_followed(
    followed: Followed, caplog: pytest.LogCaptureFixture
) -> None:
    head = 'history_start = 2026-01-01\nlog_level = "debug"\nrequests_per_minute = 100'
    with caplog.at_level(logging.INFO, "exporter.config_follower"):
        for comment in ("# one", "# two"):
            followed.file.write(BOTH, head=f"{head}\n{comment}")
            followed.settle()
        # The environment wins: a budget in the file is not in force after a restart either.
        names = ("ONETRADING_HISTORY_START", "ONETRADING_LOG_LEVEL")
        assert followed.state().ok
        assert followed.state().needs_restart == names
        assert followed.applied[-1] == ["main", "hedge"]
        told = [message for message in caplog.messages if "restart" in message]
        assert told == [
            "the configuration file changed settings that need a restart: " + ", ".join(names)
        ]
        followed.file.write(BOTH)
        followed.settle()
    assert followed.state().needs_restart == ()


def test_a_password_in_the_database_url_is_compared_and_not_shown(
    tmp_path: Path, simulator: Simulator
) -> None:
    file = ConfigFile(tmp_path, simulator, DATABASE_URL="")
    url = "postgresql://user:{}@127.0.0.1:1/none"
    file.write({}, head=f'database_url = "{url.format("first")}"')
    followed = Followed(file)
    file.write({}, head=f'database_url = "{url.format("second")}"')
    followed.settle()
    assert followed.state().needs_restart == ("DATABASE_URL",)


def test_it_can_be_read_at_once(followed: Followed) -> None:
    """As on SIGHUP."""
    followed.file.write(BOTH)
    followed.follower.read()
    assert followed.applied[-1] == ["main", "hedge"]


def test_without_a_file_nothing_is_followed(tmp_path: Path, simulator: Simulator) -> None:
    file = ConfigFile(tmp_path, simulator, ONETRADING_CONFIG="")
    followed = Followed(file)
    followed.settle()
    assert followed.follower.state is None
    assert not followed.follower.read_soon()
    assert followed.states == []
