"""Supervisor of one Postgres program: runs it without root's rights and ends it with its owner.

The owner starts this file as a script (`python -I -S supervisor.py PROGRAM`, standard library only,
so that it is up in some 30 ms) and keeps the write end of its standard input. Nothing is ever
written there: the end of file, which the kernel delivers however the owner ends, SIGKILL included,
is the command to stop. A pipe belongs to the process and not to a thread, so any thread may start
the program, and every system has pipes; neither is true of a parent-death signal. That signal is
still set on the program (Linux), in case the supervisor itself is killed.
"""

import ctypes
import json
import os
import select
import signal
import sys
import time
from typing import NoReturn, TypedDict

STDIN = 0
# Postgres, "Shutting Down the Server": SIGINT is the fast shutdown (ends sessions, checkpoints),
# SIGQUIT the immediate one (the next start replays the log). Seconds to wait after each.
STOP_STEPS = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, None))
# A server that replays its log ends at the next record. To end it harder would only throw away what
# it has done, and the next start would begin again: it gets as long as it takes.
STOP_STEPS_IN_RECOVERY = ((signal.SIGINT, None),)

GROUP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MAX_SIGNAL = 64

# The eighth line of `postmaster.pid` (Postgres, miscadmin.h and pidfile.h).
STATUS_LINE = 7

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


class Program(TypedDict):
    """What to run, and as which user: `uid` and `gid` are None to stay the same user.

    `status_file` is the `postmaster.pid` of a server, None for another program.
    """

    argv: list[str]
    uid: int | None
    gid: int | None
    status_file: str | None


def status_of(path: str) -> str:
    """What a server says of itself in its `postmaster.pid`; nothing when there is no such file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 -- as below
            lines = file.read().splitlines()
    except OSError:
        return ""
    return lines[STATUS_LINE].strip() if len(lines) > STATUS_LINE else ""


def main(program: Program) -> int:
    """Run the program until it or its owner ends; returns its exit code (negative: a signal)."""
    # The child must not ignore these signals even for the moment before it becomes Postgres: a
    # command to stop would be lost.
    for number in (*GROUP_SIGNALS, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    supervisor = os.getpid()
    child = os.fork()
    if child == 0:
        _run(program, supervisor)
    # A signal that a terminal or init system sends to the whole group must not stop the server
    # while its owner is still writing: from here on only the pipe counts.
    for number in GROUP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    code = _wait(child, [STDIN, woken], None)
    recovering = status_of(program["status_file"] or "") == "starting"
    for number, timeout_s in STOP_STEPS_IN_RECOVERY if recovering else STOP_STEPS:
        if code is not None:
            break
        os.kill(child, number)
        code = _wait(child, [woken], timeout_s)
    return 1 if code is None else code


def _wait(child: int, sources: list[int], timeout_s: float | None) -> int | None:
    """Wait for the child's exit code; None after `timeout_s` or at the end of stdin."""
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready = select.select(sources, [], [], left)[0]
        if not ready or STDIN in ready:
            return None
        os.read(ready[0], 4096)


def _run(program: Program, supervisor: int) -> NoReturn:
    """Become the program; a failure goes to standard error, which is the server's log."""
    try:
        with open(os.devnull, "rb") as null:  # noqa: PTH123 -- pathlib would double the start time
            os.dup2(null.fileno(), STDIN)
        # Only the supervisor keeps the descriptor of the lock file.
        os.closerange(3, 65536)
        libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
        _drop_privileges(program)
        if libc is not None:
            # After the change of user, which clears it (prctl(2)); the check closes the gap before.
            _prctl(libc, PR_SET_PDEATHSIG, signal.SIGINT)
            if os.getppid() != supervisor:
                raise ProcessLookupError("the supervisor has ended")
        os.execv(program["argv"][0], program["argv"])  # noqa: S606 -- our own binary, no shell wanted
    except OSError as error:
        sys.stderr.write(f"could not start {program['argv'][0]}: {error}\n")
    sys.stderr.flush()
    os._exit(127)


def _drop_privileges(program: Program) -> None:
    uid, gid = program["uid"], program["gid"]
    if uid is not None and gid is not None:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def _prctl(libc: ctypes.CDLL, option: int, argument: int) -> None:
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    if libc.prctl(option, argument, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}): {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])) & 0xFF)
