"""A service in this process, and what it reports over HTTP."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from exporter.service import Service
from exporter.simulator import Simulator
from tests.support.waiting import wait_until
from tests.support.world import settings_of


@contextmanager
def serving(simulator: Simulator, folder: Path, **more: str) -> Iterator[tuple[Service, str]]:
    """A service in this process, and its address."""
    service = Service(settings_of(simulator, folder, more=more))
    before = sys.getswitchinterval()
    try:
        service.start()
        yield service, f"http://127.0.0.1:{service.server.port}"
    finally:
        service.stop()
        sys.setswitchinterval(before)


def get(base: str, path: str) -> str:
    """The text of a page."""
    with urlopen(base + path, timeout=30) as response:  # noqa: S310  our own server
        body: bytes = response.read()
    return body.decode()


def status(base: str) -> dict[str, Any]:
    """The status report."""
    found: dict[str, Any] = json.loads(get(base, "/api/status"))
    return found


def wait_until_complete(base: str) -> None:
    """Wait until every stream was read once, and all history is proven."""
    wait_until(
        lambda: not unsettled(status(base)), lambda: f"not complete: {unsettled(status(base))}"
    )


def unsettled(found: Mapping[str, Any]) -> list[Any]:
    """The streams that were not read yet, or have gaps in their history."""
    return [
        s
        for s in found["streams"]
        if s["permitted"]
        and not (s["success"] and (not s["coverage"] or s["coverage"]["proven_ratio"] == 1))
    ]


def one(found: Mapping[str, Any], of: str, name: str) -> Mapping[str, Any]:
    """The report on one stream."""
    return next(s for s in found["streams"] if (s["account"], s["stream"]) == (of, name))
