"""A Postgres that is there and lets nobody in: said at once, with what to correct."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from exporter.simulator import Simulator
from tests.support.ports import unused_port
from tests.support.process import Run, command
from tests.support.world import environment, exchange


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


def wrong(url: str, what: str) -> str:
    """A URL of the same server with something wrong in it."""
    parts = urlsplit(url)
    user, password, database = parts.username, parts.password, parts.path
    if what == "password":
        password = "another-pass-word"
    elif what == "role":
        user = "nobody_here"
    elif what == "database":
        database = "/nothing_here"
    elif what == "sslmode":
        return f"{url}&sslmode=bogus"
    elif what == "parameter":
        return f"{url}&nonsense=1"
    address = f"{parts.hostname}:{parts.port}"
    return f"postgresql://{user}:{password}@{address}{database}?{parts.query}"


WRONG = {
    "password": "; correct the user and the password in DATABASE_URL",
    "role": "DATABASE_URL",
    "database": 'database "nothing_here" does not exist; create the database, or correct its name',
    "sslmode": 'invalid sslmode value: "bogus"; correct DATABASE_URL',
    "parameter": "the Postgres URL cannot be read; correct DATABASE_URL",
}


@pytest.mark.parametrize("what", WRONG)
def test_a_command_is_told_at_once(
    what: str, simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    if what in ("password", "role") and not urlsplit(database_url).password:
        pytest.skip("this server asks for no password")
    url = wrong(database_url, what)
    env = environment(simulator, tmp_path, (), {"DATABASE_URL": url})
    for name in ("status", "migrate", "check"):
        ended = command(name, env=env)
        assert ended.returncode == 1
        said = ended.stdout if name == "check" else ended.stderr
        start = "FAIL database: " if name == "check" else "error: "
        (line,) = (line for line in said.splitlines() if line.startswith(start))
        assert line.startswith(f"{start}Postgres refused: ")
        assert WRONG[what] in line
        assert "is away" not in ended.stdout + ended.stderr
        assert "another-pass-word" not in ended.stdout + ended.stderr


def test_a_service_waits_for_its_database_to_be_created(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    """And says what is wrong, once."""
    url = wrong(database_url, "database")
    more = {"DATABASE_URL": url, "ONETRADING_LISTEN": f"127.0.0.1:{unused_port()}"}
    run = Run(environment(simulator, tmp_path, (), more), tmp_path / "log")
    admin = psycopg.connect(database_url, autocommit=True)
    try:
        run.wait_until_serving()
        told = "Postgres refused: "
        run.wait_until(lambda: told in run.log and "create the database" in run.log)
        assert "is away" not in run.log
        assert run.value("onetrading_database_up") == 0
        admin.execute("CREATE DATABASE nothing_here")
        run.wait_for("onetrading_database_up", 1)
        assert run.terminate()[0] == 0
    finally:
        run.process.kill()
        run.process.wait()
        admin.execute("DROP DATABASE IF EXISTS nothing_here WITH (FORCE)")
        admin.close()
    run.check_log()


def test_a_service_ends_for_a_url_that_means_nothing(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    """Unless it comes from a file, which may be corrected."""
    url = wrong(database_url, "sslmode")
    env = environment(simulator, tmp_path, (), {"DATABASE_URL": url})
    ended = command("run", env=env)
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("error: Postgres refused: ")
    assert last.endswith('invalid sslmode value: "bogus"; correct DATABASE_URL')
    file = tmp_path / "url"
    file.write_text(url)
    env = {name: text for name, text in env.items() if name != "DATABASE_URL"}
    run = Run(env | {"DATABASE_URL_FILE": str(file)}, tmp_path / "log")
    try:
        run.wait_until_serving()
        run.wait_until(lambda: "invalid sslmode value" in run.log)
        file.write_text(database_url)
        run.wait_for("onetrading_database_up", 1)
    finally:
        run.process.kill()
        run.process.wait()


def test_a_readers_role_gets_a_sentence(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    options = "&options=-c%20role%3Donetrading_reader"
    env = environment(simulator, tmp_path, (), {"DATABASE_URL": database_url + options})
    ended = command("status", env=env)
    assert ended.returncode == 1
    assert "permission denied" in ended.stderr
    assert "as the service does" in ended.stderr
