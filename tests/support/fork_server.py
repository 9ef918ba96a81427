"""Starts the real command without waiting for its imports, which take a second of one core.

A server that has imported the command forks for each start: the child is a process of its own, with
its own arguments, environment, directory and files, that runs ``python -m exporter`` to its end as
the interpreter would. What an interpreter or a library reads when it is loaded cannot be given to a
fork; such a start is a new interpreter.

A shell starts it by `fork_client.py`.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any

_ROOT = Path(__file__).parents[2]
_AT_LOAD = ("PYTHON", "LD_", "LC_", "LANG", "TZ", "OPENSSL_", "MALLOC_", "GLIBC_")
_MOST_BYTES = 1 << 20
_NUMBER = struct.Struct("i")
_STATED = "PYTHONPATH"


class ForkedProcess:
    """A child of the server, with the part of `subprocess.Popen` that tests use."""

    def __init__(self, pid: int, ended: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = ended
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; TimeoutExpired after ``timeout`` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        # In parts, so that the lock is free in between.
        while (code := self._look(0.1)) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired("exporter", timeout or 0)
        return code

    def _look(self, seconds: float) -> int | None:
        with self._lock:
            if self.returncode is None and select.select([self._ended], [], [], seconds)[0]:
                with self._ended:
                    (self.returncode,) = _NUMBER.unpack(self._ended.recv(_NUMBER.size))
            return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.send_signal(signal.SIGKILL)


Process = ForkedProcess | subprocess.Popen[bytes]


def start(*arguments: str, env: Mapping[str, str], stdout: IO[bytes], stderr: IO[bytes]) -> Process:
    """Start `python -m exporter` with these arguments, and nothing in its environment but ``env``.

    Its files are open files of this process; its input is empty.
    """
    if not _can_fork(env):
        return subprocess.Popen(
            [sys.executable, "-m", "exporter", *arguments],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=_ROOT,
        )
    order = {"arguments": arguments, "env": dict(env), "folder": str(_ROOT)}
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, Path(os.devnull).open("rb") as nothing:
        files = [nothing.fileno(), stdout.fileno(), stderr.fileno(), theirs.fileno()]
        socket.send_fds(orders(), [json.dumps(order).encode()], files)
    (pid,) = _NUMBER.unpack(ours.recv(_NUMBER.size))
    return ForkedProcess(pid, ours)


def _can_fork(env: Mapping[str, str]) -> bool:
    names = {name for name in {*env, *os.environ} if name.startswith(_AT_LOAD)} - {_STATED}
    return all(env.get(name) == _given(name) for name in names)


def _given(name: str) -> str | None:
    return "1" if name == "PYTHONFAULTHANDLER" else os.environ.get(name)


@cache
def orders() -> socket.socket:
    """The connection to this process's server, which ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.fork_server", str(theirs.fileno())],
        env={**os.environ, "PYTHONPATH": str(_ROOT), "PYTHONFAULTHANDLER": "1"},
        cwd=_ROOT,
        stdin=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _serve(given: socket.socket) -> None:
    """Fork for each order; return in the child that is to become the command."""
    # Only the server needs them.
    import click

    from exporter.cli import cli

    for name in cli.list_commands(click.Context(cli)):
        cli.get_command(click.Context(cli), name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how the guardians end
    while True:
        text, files, _, _ = socket.recv_fds(given, _MOST_BYTES, 4)
        if not text:
            sys.exit()
        if os.fork() == 0:
            given.close()
            _guard(json.loads(text), *files)
            return
        for file in files:
            os.close(file)


def _guard(order: Mapping[str, Any], *files: int) -> None:
    """Fork the command, and tell how it ends. Returns in the command only.

    ``files`` are its input, output and errors, and where its end is told.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *own, ended = files
    pid = os.fork()
    if pid == 0:
        os.close(ended)
        for number, file in enumerate(own):
            os.dup2(file, number)
            os.close(file)
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["env"])
        sys.argv[1:] = order["arguments"]
        return
    with socket.socket(fileno=ended) as told:
        told.send(_NUMBER.pack(pid))
        for file in own:
            os.close(file)
        _, status = os.waitpid(pid, 0)
        told.send(_NUMBER.pack(os.waitstatus_to_exitcode(status)))
    os._exit(0)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module("exporter", run_name="__main__", alter_sys=True)
