"""What a signal does: shut down, or change the log level.

SIGTERM, SIGINT  shut down in order
SIGHUP           read the configuration file at once; changed files are read again anyway. But when
                 it means that the terminal of a command was closed, shut down in order
SIGUSR1          log at debug; the next one goes back

The interpreter writes a signal's number to a pipe at once, and a thread does the rest. A handler in
Python only runs once the main thread runs Python again: a signal that arrives just before that
thread starts to wait would be lost, and a handler that needs a lock which the main thread holds
would wait for ever.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Callable

from exporter.logs import LEVEL

_log = logging.getLogger(__name__)
_LEVEL_FILE_EVERY_S = 1.0
_CAUGHT = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


def _no_file() -> bool:
    """There is nothing to read again."""
    return False


def catch_signals(stop: threading.Event, reload: Callable[[], bool] = _no_file) -> None:
    """Handle signals as described above from now on; ``stop`` is set to shut down, ``reload`` has
    the configuration file read again, and returns whether there is one.

    The same thread follows the log level file.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    started_in_terminal = _in_terminal()

    def watch() -> None:
        while True:
            ready, _, _ = select.select(
                [read_end], [], [], _LEVEL_FILE_EVERY_S if LEVEL.followed else None
            )
            for number in os.read(read_end, 16) if ready else b"":
                _act(signal.Signals(number), stop, reload, started_in_terminal)
            LEVEL.look()

    threading.Thread(target=watch, name="signals", daemon=True).start()
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    for number in _CAUGHT:
        # What our parent process ignores, as nohup does, stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)


def _act(
    number: signal.Signals,
    stop: threading.Event,
    reload: Callable[[], bool],
    started_in_terminal: bool,
) -> None:
    if number is signal.SIGUSR1:
        LEVEL.toggle(number.name)
    elif number is signal.SIGHUP and not (started_in_terminal and not _in_terminal()):
        told = "reading the configuration file" if reload() else "nothing to do"
        _log.info("SIGHUP: %s; files are read again when they change", told)
    elif number in _CAUGHT and not stop.is_set():
        _log.info("%s: stopping", number.name)
        stop.set()


def _in_terminal() -> bool:
    """Whether standard input is a terminal that is still there."""
    try:
        return os.isatty(sys.__stdin__.fileno()) if sys.__stdin__ else False
    except (OSError, ValueError):
        return False
