"""The real command as a process of its own, and other programs."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.support.fork_server import start
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
_SERVING = re.compile(r"serving on (https?://[^/\s]+)/")
_OURS = ("ONETRADING_", "DATABASE_URL", "PG")


class Response(NamedTuple):
    """An HTTP response, whatever its status; the body is decompressed."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


def process_environment(given: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with only the ``given`` settings of ours.

    Not the width of a line, which those who run tests in parallel set.
    """
    ours = (*_OURS, "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1"} | dict(given)


def finished(*command: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run any program to its end, whatever its exit code; ``options`` are subprocess's."""
    words = [str(word) for word in command]
    return subprocess.run(words, check=False, capture_output=True, text=True, **options)


def command(
    *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command of the exporter to its end."""
    with TemporaryFile() as stdout, TemporaryFile() as stderr:
        process = start(
            *arguments, env=process_environment(env or {}), stdout=stdout, stderr=stderr
        )
        try:
            code = process.wait(60)
        finally:
            process.kill()
        texts = []
        for file in (stdout, stderr):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(arguments, code, *texts)


class Run:
    """`run` in the background; its log goes to a file."""

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self.process = start("run", env=process_environment(env), stdout=output, stderr=output)
        self.base = ""

    def wait_until_serving(self) -> None:
        """Wait for the log line with the address."""
        self.wait_until(lambda: _SERVING.search(self.log) is not None, "it never serves")
        found = _SERVING.search(self.log)
        assert found is not None
        self.base = found[1]

    @property
    def log(self) -> str:
        """All that the process has written."""
        return self._log.read_text()

    def check_log(self) -> None:
        """Fail on a traceback, which is a bug."""
        found = [line for line in self.log.splitlines() if "Traceback" in line]
        if found:
            raise AssertionError("\n".join(found).replace("\\n", "\n"))

    def get(self, path: str, method: str = "GET", **headers: str) -> Response:
        """Send a request to it."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(self.base + path, method=method, headers=named)  # noqa: S310  ours
        try:
            with urlopen(request, timeout=30) as found:  # noqa: S310  our own server
                response = Response(found.status, found.headers, found.read())
        except HTTPError as error:
            with error:
                response = Response(error.code, error.headers, error.read())
        if response.headers.get("Content-Encoding") == "gzip":
            return response._replace(body=gzip.decompress(response.body))
        return response

    def value(self, series: str) -> float | None:
        """The value of a series on /metrics now."""
        for line in self.get("/metrics").text.splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return float(value)
        return None

    def status(self) -> dict[str, Any]:
        """What /api/status says now."""
        found: dict[str, Any] = json.loads(self.get("/api/status").body)
        return found

    def wait_until(self, true: Callable[[], bool], what: str = "") -> None:
        """Wait until ``true()``."""

        def true_or_ended() -> bool:
            found = true()
            assert found or self.process.poll() is None, self.log
            return found

        wait_until(true_or_ended, lambda: f"{what}\n{self.log[-4000:]}", every_s=0.05)

    def wait_for(self, series: str, value: float) -> None:
        """Wait until a series has this value."""
        self.wait_until(lambda: self.value(series) == value, f"{series} is never {value}")

    def wait_until_ready(self) -> None:
        """Wait until every stream was tried."""
        self.wait_until(lambda: self.get("/-/ready").status == 200, "it is never ready")

    def terminate(self) -> tuple[int, float]:
        """SIGTERM: the exit code, and the seconds that it took.

        A process that does not end dumps the stack of each of its threads.
        """
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            raise AssertionError(self.log[-20000:]) from None
        return code, time.monotonic() - began


@contextmanager
def running(env: Mapping[str, str], log: Path) -> Iterator[Run]:
    """A service that serves; killed at the end if it still runs."""
    run = Run(env, log)
    try:
        run.wait_until_serving()
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()
