"""`python -m exporter` for a shell, by a server of forks whose connection the shell inherited.

``python -I -S fork_client.py CONNECTION ARGUMENT...`` starts in 20 ms, since it imports next to
nothing, and ends as the command does. Signals that ask for an end are passed on to it.
"""

import json
import os
import signal
import socket
import sys


def main(connection: int, *arguments: str) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    order = {"arguments": arguments, "env": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109
    with socket.socket(fileno=os.dup(connection)) as orders, theirs:
        socket.send_fds(orders, [json.dumps(order).encode()], [0, 1, 2, theirs.fileno()])
    pid = _number(ours)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _: os.kill(pid, received))
    code = _number(ours)
    sys.exit(code if code >= 0 else 128 - code)  # as a shell counts signals


def _number(told: socket.socket) -> int:
    return int.from_bytes(told.recv(4), sys.byteorder, signed=True)


main(int(sys.argv[1]), *sys.argv[2:])
