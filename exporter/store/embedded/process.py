"""A supervised Postgres program, seen from its owner: the pipe to the supervisor, and the log."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from exporter.store.embedded import supervisor
from exporter.store.embedded.os_user import Identity

SUPERVISOR = Path(supervisor.__file__)
# Longer than the supervisor itself waits for the program.
STOP_TIMEOUT_S = 30.0


class SupervisedProcess:
    """One program, from its start to its end. It ends with this process, however that ends."""

    def __init__(
        self,
        command: list[str],
        identity: Identity,
        environment: Mapping[str, str],
        log_file: Path,
        lock: IO[bytes],
    ) -> None:
        """Start `command`; the supervisor keeps `lock` open until the program has ended."""
        program: supervisor.Program = {
            "argv": command,
            "uid": identity.uid,
            "gid": identity.gid,
            "capability": identity.capability,
        }
        log_file.touch(mode=0o600)
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
        return self._process.poll()

    def output(self) -> str:
        """The end of what it has written to the log."""
        with self._log_file.open("rb") as file:
            file.seek(self._log_start)
            return file.read()[-2000:].decode(errors="replace").strip()

    def stop(self) -> None:
        """Close the pipe, which tells the supervisor to stop the program, and wait for the end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
