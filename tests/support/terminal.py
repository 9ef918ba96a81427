"""A command on a terminal, as somebody sees it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading

from tests.support.process import process_environment


class Terminal:
    """A command on a terminal of 80 columns, or as many as ``columns`` says; stdout and stderr go
    there."""

    def __init__(self, *words: str, env: dict[str, str], columns: int = 80) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.text = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "exporter", *words],
            env=process_environment(env),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self._reading = threading.Thread(target=self._read, args=(ours,), daemon=True)
        self._reading.start()

    def _read(self, ours: int) -> None:
        with open(ours, "rb", buffering=0) as terminal:
            while True:
                try:
                    data = terminal.read(65_536)
                except OSError:  # the other end is closed
                    return
                self.text += data.decode("utf-8", "replace")

    def end(self) -> int:
        """Its exit code, once all of its output is here."""
        code = self.process.wait(60)
        self._reading.join(10)
        return code


def lines_of(text: str) -> list[str]:
    """The lines as they stand on the terminal in the end."""
    return [line.rpartition("\x1b[K")[2].strip("\r") for line in text.split("\n")]
