"""compose.yaml as data, and its containers as plain processes on 127.0.0.1.

There is no container engine where the tests run. It would mainly give each service a host name, so
the same commands, settings and configuration files run as processes, with the addresses of the
services replaced by those that the processes listen on.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import yaml

from exporter.store.embedded.binaries import find_binaries
from tests.support.process import ROOT, process_environment
from tests.support.waiting import wait_until

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def filled(value: Any) -> Any:
    """A part of the file with each variable replaced by its default, as an empty `.env` does."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: found[2] or "", value)
    if isinstance(value, list):
        return [filled(item) for item in value]
    if isinstance(value, dict):
        return {key: filled(item) for key, item in value.items()}
    return value


def read(name: str) -> dict[str, Any]:
    """A YAML file of the checkout."""
    found: dict[str, Any] = yaml.safe_load((ROOT / name).read_text("utf-8"))
    return found


COMPOSE = filled(read("compose.yaml"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def mounts(service: str) -> dict[str, str]:
    """Where a service sees a folder or file of the checkout: path inside to path here."""
    pairs = [text.split(":") for text in SERVICES[service]["volumes"]]
    return {pair[1]: pair[0].removeprefix("./") for pair in pairs if pair[0].startswith("./")}


def moved(value: Any, addresses: Mapping[str, str]) -> Any:
    """A setting or a configuration with each ``old`` text replaced by ``new``."""
    if isinstance(value, str):
        for old, new in addresses.items():
            value = value.replace(old, new)
        return value
    if isinstance(value, list):
        return [moved(item, addresses) for item in value]
    if isinstance(value, dict):
        return {key: moved(item, addresses) for key, item in value.items()}
    return value


@contextmanager
def simulator(folder: Path) -> Iterator[str]:
    """The service `simulator`, with its tokens in ``folder``: its host and port."""
    moves = {"0.0.0.0:9878": "127.0.0.1:0", "/run/tokens": str(folder)}
    # Two days of history are enough here.
    words = [*moved(SERVICES["simulator"]["command"], moves), "--history-days=2"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "exporter", *words],
        env=process_environment({}),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ONETRADING_BASE_URL=http://"), line
        wait_until(lambda: list(folder.glob("*")), "it writes no token")
        yield urlsplit(line.strip().partition("=")[2]).netloc
    finally:
        process.terminate()
        process.communicate(timeout=30)


def set_up_postgres(url: str) -> str:
    """Run the initialization of the service `postgres` on a server; return its host and port.

    ``url``: a superuser of a private server; its own names are changed to free those of the script.
    """
    parts = urlsplit(url)
    assert parts.username == "onetrading"
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("CREATE ROLE postgres SUPERUSER LOGIN PASSWORD 'test'")
    address = f"{parts.hostname}:{parts.port}"
    owner = f"postgresql://postgres:test@{address}/postgres"
    with psycopg.connect(owner, autocommit=True) as session:
        session.execute("ALTER ROLE onetrading RENAME TO founder")
        session.execute("ALTER DATABASE onetrading RENAME TO founding")
    (script,) = (path for path in mounts("postgres").values() if path.endswith(".sql"))
    subprocess.run(
        [find_binaries().program("psql"), "--no-psqlrc", "--quiet", "-f", ROOT / script, owner],
        env={**os.environ, **SERVICES["postgres"]["environment"]},
        check=True,
        timeout=30,
    )
    return address
