"""The real Prometheus and Alertmanager on free ports of 127.0.0.1, each stopped at the end."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from tests.support.ports import unused_port
from tests.support.tools import tool

_READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 30.0
_STARTS = 3
"""Another process may take the free port between the check and the start."""


class Failed(Exception):
    """A server rejected a request, or did not start; the text says why."""


class _Server:
    """A running server. ``url`` is its root, without a slash at the end."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self.log = log

    def get(self, path: str, parameters: Sequence[tuple[str, str]] = ()) -> Any:
        """The decoded JSON of an API call. Raises Failed with the message of the server."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        try:
            with urlopen(f"{self.url}{path}{query}", timeout=30) as response:  # noqa: S310  ours
                return json.load(response)
        except HTTPError as error:
            with error:
                raise Failed(f"{path}{query}: {error.code} {error.read().decode()}") from error


class Alertmanager(_Server):
    """A running Alertmanager."""

    def alerts(self) -> list[dict[str, Any]]:
        """Its alerts, each with `labels`, `annotations` and `status`."""
        found: list[dict[str, Any]] = self.get("/api/v2/alerts")
        return found


class Prometheus(_Server):
    """A running Prometheus."""

    def query(self, expression: str, at: float | None = None) -> list[dict[str, Any]]:
        """The vector of an instant query, now or at Unix time ``at``. Raises Failed."""
        when = [] if at is None else [("time", repr(at))]
        return self._result("query", [("query", expression), *when])

    def query_range(
        self, expression: str, start: float, end: float, step: float
    ) -> list[dict[str, Any]]:
        """The matrix of a range query; Unix times and a step in seconds. Raises Failed."""
        steps = [("start", repr(start)), ("end", repr(end)), ("step", repr(step))]
        return self._result("query_range", [("query", expression), *steps])

    def alerts(self) -> list[dict[str, Any]]:
        """Pending and firing alerts, each with `labels`, `annotations`, `state` and `value`."""
        found: list[dict[str, Any]] = self.get("/api/v1/alerts")["data"]["alerts"]
        return found

    def _result(self, call: str, parameters: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        response = self.get(f"/api/v1/{call}", parameters)
        if response.get("warnings"):
            raise Failed(f"{parameters}: {response['warnings']}")
        data = response["data"]
        if data["resultType"] not in ("vector", "matrix"):
            raise Failed(f"{parameters}: gives a {data['resultType']}")
        found: list[dict[str, Any]] = data["result"]
        return found


@contextmanager
def prometheus(directory: Path, config: Mapping[str, object]) -> Iterator[Prometheus]:
    """A Prometheus with this configuration; its storage and log are in ``directory``.

    Skips the test when it is not installed. Raises Failed when it does not start.
    """
    program = tool("prometheus", "prometheus")
    options = ["--storage.tsdb.path={directory}/data", "--web.enable-lifecycle"]
    with _server(program, directory, config, options) as (url, log):
        yield Prometheus(url, log)


@contextmanager
def alertmanager(directory: Path, config: Mapping[str, object]) -> Iterator[Alertmanager]:
    """An Alertmanager with this configuration; its storage and log are in ``directory``.

    Skips the test when it is not installed. Raises Failed when it does not start.
    """
    program = tool("prometheus-alertmanager", "prometheus-alertmanager")
    options = ["--storage.path={directory}/data", "--cluster.listen-address="]
    with _server(program, directory, config, options) as (url, log):
        yield Alertmanager(url, log)


@contextmanager
def _server(
    program: str, directory: Path, config: Mapping[str, object], options: Sequence[str]
) -> Iterator[tuple[str, Path]]:
    directory.mkdir(parents=True, exist_ok=True)
    file, log = directory / "config.yaml", directory / "log"
    file.write_text(yaml.safe_dump(dict(config)))
    placed = [option.format(directory=directory) for option in options]
    process, url = _start([program, f"--config.file={file}", *placed], log)
    try:
        yield url, log
    finally:
        _stop(process)


def _start(command: Sequence[str], log: Path) -> tuple[subprocess.Popen[bytes], str]:
    for _ in range(_STARTS):
        port = unused_port()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, f"--web.listen-address=127.0.0.1:{port}"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        if _becomes_ready(process, f"http://127.0.0.1:{port}"):
            return process, f"http://127.0.0.1:{port}"
        _stop(process)
        if b"address already in use" not in log.read_bytes():
            break
    raise Failed(f"{command[0]} does not start:\n{log.read_text()[-4000:]}")


def _becomes_ready(process: subprocess.Popen[bytes], url: str) -> bool:
    until = time.monotonic() + _READY_WITHIN_S
    while process.poll() is None and time.monotonic() < until:
        try:
            with urlopen(f"{url}/-/ready", timeout=30):  # noqa: S310  our own server
                return True
        except (URLError, OSError):  # 503 until it has read its storage
            time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
