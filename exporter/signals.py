"""What a signal does: an orderly end, or another log level.

SIGTERM, SIGINT  end in order
SIGHUP           nothing: files are read again by themselves when they change; where it says that
                 the terminal was closed in which a command runs, it ends in order
SIGUSR1          log at debug, and with the next one no longer

The interpreter writes a signal's number to a pipe at once, and a thread does the rest. A handler in
Python runs in the main thread when that next runs Python: a signal that comes just before it begins
to wait would be lost, and a lock that it holds then would never be had.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import threading

from exporter.logs import LEVEL

_log = logging.getLogger(__name__)
_LOOK_EVERY_S = 1.0
_CAUGHT = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


def catch_signals(stop: threading.Event) -> None:
    """From now on signals do what is said above; ``stop`` is set for an end.

    The same thread follows the file with the log level.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    terminal = _in_terminal()

    def watch() -> None:
        while True:
            ready, _, _ = select.select(
                [reading], [], [], _LOOK_EVERY_S if LEVEL.followed else None
            )
            for number in os.read(reading, 16) if ready else b"":
                _act(signal.Signals(number), stop, terminal)
            LEVEL.look()

    threading.Thread(target=watch, name="signals", daemon=True).start()
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in _CAUGHT:
        # What whoever started us ignores, as nohup does, stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)


def _act(number: signal.Signals, stop: threading.Event, terminal: bool) -> None:
    if number is signal.SIGUSR1:
        LEVEL.toggle(number.name)
    elif number is signal.SIGHUP and not (terminal and not _in_terminal()):
        _log.info("SIGHUP: nothing to do; files are read again by themselves when they change")
    elif number in _CAUGHT and not stop.is_set():
        _log.info("%s: stopping", number.name)
        stop.set()


def _in_terminal() -> bool:
    """Whether standard input is a terminal that is still there."""
    try:
        return os.isatty(sys.__stdin__.fileno()) if sys.__stdin__ else False
    except (OSError, ValueError):
        return False
