"""Time from the start of the command to the first full set of gauges, and that of its imports."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.measure import Say, in_turns, plain, ratio
from benchmarks.process import exporter, free_address, successes
from exporter.model.stream import Reference, Snapshot
from exporter.simulator import Faults, Simulator
from exporter.streams import STREAMS

_ROUNDS = 5
_GAUGES = {stream.name for stream in STREAMS if isinstance(stream, Snapshot | Reference)}
_POLL_EVERY_S = 0.01
_TIMEOUT_S = 60.0
_IMPORT_ROUNDS = 15
_NEEDED = (
    *("apscheduler.executors.pool", "apscheduler.schedulers.background", "click", "h11"),
    *("httpcore", "httpx"),
    *("msgspec", "platformdirs", "psycopg", "psycopg_pool", "uvicorn"),
    "uvicorn.protocols.http.h11_impl",
)
"""What `run` needs of the libraries, whatever is configured."""


def run(say: Say) -> None:
    """Without a database, with a new and an existing embedded one, and with a slow exchange."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder,
        Simulator() as simulator,
    ):
        Path(folder).chmod(0o711)  # as root the server runs as another user
        start = partial(_seconds, simulator, Path(folder))
        seconds = in_turns(
            {
                "no database": partial(start, "none"),
                "no database, 50 ms a request": partial(start, "none", latency_ms=50),
                "new embedded Postgres": partial(start, "embedded", new=True),
                "existing embedded Postgres": partial(start, "embedded"),
            },
            _ROUNDS,
        )
    for name, values in seconds.items():
        say(plain(f"{name}: until every gauge is present", values, "s"))
    _imports(say)


def _imports(say: Say) -> None:
    """The command `run` with all that it imports, against the libraries that it needs."""
    cases = {"ours": ("exporter.cli.service",), "theirs": _NEEDED}
    with tempfile.TemporaryDirectory(prefix="bench-") as bytecode:
        seconds = in_turns(
            {name: partial(_import_seconds, bytecode, modules) for name, modules in cases.items()},
            _IMPORT_ROUNDS,
        )
    say(plain("imports of `run`", seconds["ours"], "s"))
    what = "imports of `run` against those of the libraries that it needs"
    say(ratio(what, seconds["ours"], seconds["theirs"], "<= 1.25"))


def _import_seconds(bytecode: str, modules: Sequence[str]) -> float:
    """In a process of its own, from bytecode, as an installed package; by its CPU time, so that
    other work on the machine does not count."""
    code = "; ".join(f"import {name}" for name in modules)
    script = f"import time; began = time.process_time(); {code}; print(time.process_time() - began)"
    kept = (name for name in os.environ if name != "PYTHONDONTWRITEBYTECODE")
    environment = {name: os.environ[name] for name in kept}
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env=environment | {"PYTHONPYCACHEPREFIX": bytecode},
    )
    return float(done.stdout)


def _seconds(
    simulator: Simulator, folder: Path, database: str, *, latency_ms: float = 0, new: bool = False
) -> float:
    if new:
        shutil.rmtree(folder / "data", ignore_errors=True)
    simulator.set_faults(Faults(latency_ms=latency_ms))
    address = free_address()
    began = time.monotonic()
    settings = {"DATABASE_URL": database, "ONETRADING_LISTEN": address}
    with exporter(simulator, folder, "run", **settings):
        while time.monotonic() - began < _TIMEOUT_S:
            succeeded = successes(address)
            if all(succeeded.get(name) for name in _GAUGES):
                return time.monotonic() - began
            time.sleep(_POLL_EVERY_S)
    raise TimeoutError(f"no full set of gauges within {_TIMEOUT_S:.0f} s: {succeeded}")
