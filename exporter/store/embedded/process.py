"""A supervised Postgres program, seen from its owner: the pipe to the supervisor, and the log."""

import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from exporter.store.embedded import supervisor
from exporter.store.embedded.os_user import Identity

_log = logging.getLogger(__name__)
SUPERVISOR = Path(supervisor.__file__)
# A server that was told to stop says so in its status file at once. One that does not is suspended,
# or hangs: waiting for it would keep this process from ending in time.
NOTICE_TIMEOUT_S = 3.0
STOP_TIMEOUT_S = 30.0  # longer than the supervisor itself waits for the program

_left: "list[subprocess.Popen[bytes]]" = []
"""Supervisors that were left to end by themselves: what has ended is reaped at the next start."""


class SupervisedProcess:
    """One program, from its start to its end. It ends with this process, however that ends."""

    def __init__(
        self,
        command: list[str],
        identity: Identity,
        environment: Mapping[str, str],
        log_file: Path,
        lock: IO[bytes],
        status_file: Path | None = None,
    ) -> None:
        """Start `command`; the supervisor keeps `lock` open until the program has ended.

        `status_file` is the server's `postmaster.pid`.
        """
        program: supervisor.Program = {
            "argv": command,
            "uid": identity.uid,
            "gid": identity.gid,
            "status_file": None if status_file is None else str(status_file),
        }
        _left[:] = [process for process in _left if process.poll() is None]
        log_file.touch(mode=0o600)
        self._status_file = status_file
        self._log_file = log_file
        self._log_start = log_file.stat().st_size
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 -- our own program and binaries
                [sys.executable, "-I", "-S", str(SUPERVISOR), json.dumps(program)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment,
                start_new_session=True,
                pass_fds=[lock.fileno()],
            )

    @property
    def exit_code(self) -> int | None:
        """None while the program runs; negative: the signal that ended it."""
        code = self._process.poll()
        # The supervisor passes a signal's number on in the only way that an exit code allows.
        return code - 256 if code is not None and code > 256 - supervisor.MAX_SIGNAL else code

    @property
    def status(self) -> str:
        """What the server says of itself: `starting`, `ready`, `stopping`, or nothing yet."""
        return "" if self._status_file is None else supervisor.status_of(str(self._status_file))

    def output(self) -> str:
        """The end of what it has written to the log."""
        with self._log_file.open("rb") as file:
            file.seek(self._log_start)
            return file.read()[-2000:].decode(errors="replace").strip()

    def stop(self) -> None:
        """Close the pipe, which tells the supervisor to stop the program, and wait for the end.

        A program that does not react is left to its supervisor, which keeps the lock meanwhile.
        """
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._ends(NOTICE_TIMEOUT_S) or (
            self.status == "stopping" and self._ends(STOP_TIMEOUT_S)
        ):
            return
        _left.append(self._process)
        _log.warning(
            "the embedded Postgres does not stop at once (it may be suspended, or very busy): it is"
            " left to end by itself, and the next start waits for it"
        )

    def _ends(self, within_s: float) -> bool:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(within_s)
        return self._process.poll() is not None
