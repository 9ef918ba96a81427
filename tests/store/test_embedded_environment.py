"""Variables of the environment that are meant for another Postgres do not reach our own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.embedded import (
    first_line,
    kept_cluster,
    other_process,
    server_in,
    value,
)

ELSEWHERE = {
    "PGSSLMODE": "verify-full",
    "PGHOSTADDR": "192.0.2.1",
    "PGTARGETSESSIONATTRS": "standby",
    "PGOPTIONS": "-c no_such_setting=1",
    "PGCHANNELBINDING": "require",
    "PGREQUIREAUTH": "none",
    "PGGSSENCMODE": "require",
    "PGTZ": "Mars/Olympus",
    "PGDATESTYLE": "nonsense",
    "PGCLIENTENCODING": "SQL_ASCII",
    "PGDATA": "/nowhere",
    "PGPORT": "1",
    "PGHOST": "db.example.com",
    "PGUSER": "somebody",
    "PGPASSWORD": "secret",
    "PGDATABASE": "other",
    "LC_ALL": "tr_TR.UTF-8",
    "LANG": "tr_TR.UTF-8",
    "TZ": "Asia/Kathmandu",
}
SERVICE = {"PGSERVICE": "other", "PGSERVICEFILE": "/nowhere/pg_service.conf"}


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    with kept_cluster() as directory:
        yield directory


def nonsense() -> dict[str, str]:
    """Every variable that this libpq knows of, each with a value that makes no sense."""
    known = [option.envvar for option in psycopg.pq.Conninfo.get_defaults()]
    return {name.decode(): "nonsense" for name in known if name is not None}


@pytest.mark.parametrize(
    "variables", [ELSEWHERE, SERVICE, nonsense()], ids=["elsewhere", "service", "nonsense"]
)
def test_our_server_is_reached_whatever_the_environment_says(
    data_dir: Path, variables: dict[str, str]
) -> None:
    with other_process(data_dir, env=variables) as owner:
        url = first_line(owner)
        assert url, owner.communicate("")[1]
        assert value(url, "SELECT answer FROM kept") == 42
        assert value(url, "SHOW timezone") == "UTC"
        assert value(url, "SHOW lc_messages") == "C"
        # Another process of the same environment finds it.
        with other_process(data_dir, env=variables) as guest:
            assert first_line(guest) == url
            guest.communicate("")
        owner.communicate("")


@pytest.mark.parametrize("variables", [{"PGHOSTADDR": "192.0.2.1"}, {"PGSERVICE": "other"}])
def test_without_that_the_environment_would_lead_elsewhere(
    data_dir: Path, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with server_in(data_dir) as server:
        url = server.ensure()
        for name, text in variables.items():
            monkeypatch.setenv(name, text)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=2)
