"""The real command in its own process, against a simulated exchange."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter.simulator import Simulator
from exporter.store.embedded.address import free_port

Process = subprocess.Popen[bytes]
_STOP_WITHIN_S = 30
_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def exporter(
    simulator: Simulator, folder: Path, *arguments: str, **settings: str
) -> Iterator[Process]:
    """Run a command with the token of account ``main``; its log is written to ``folder``."""
    token = folder / "token"
    token.write_text(simulator.tokens["main"])
    given = {
        "ONETRADING_BASE_URL": simulator.base_url,
        "ONETRADING_API_TOKEN_FILE": str(token),
        **settings,
    }
    with exporter_with(folder, *arguments, **given) as process:
        yield process


@contextmanager
def exporter_with(folder: Path, *arguments: str, **settings: str) -> Iterator[Process]:
    """Run a command with these settings; its data and its log are written to ``folder``."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ONETRADING")},
        "ONETRADING_DATA_DIR": str(folder / "data"),
        **settings,
    }
    command = [sys.executable, "-m", "exporter", *arguments]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(_STOP_WITHIN_S)


def free_address() -> str:
    """A ``host:port`` that is free."""
    return f"127.0.0.1:{free_port(0)}"


def successes(address: str) -> dict[str, bool]:
    """Whether the last pass of each stream succeeded, from `/metrics`; empty until it responds."""
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as response:
            text = response.read().decode()
    except OSError:
        return {}
    samples = re.findall(r'^onetrading_sync_success\{.*stream="(\w+)"\} (\d)$', text, re.MULTILINE)
    return {stream: value == "1" for stream, value in samples}


def cpu_s(process: Process) -> float:
    """Seconds of CPU that the process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_mib(process: Process) -> float:
    """Resident memory of the process, shared libraries included; 0 when it has ended."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0.0
    match = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    return int(match[1]) / 1024 if match else 0.0
