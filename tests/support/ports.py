"""Ports of 127.0.0.1 for servers that need a fixed one."""

from __future__ import annotations

import random
import socket
from contextlib import suppress


def unused_port() -> int:
    """An unused port, below those that the kernel gives to outgoing connections."""
    while True:
        port = random.randrange(20_000, 30_000)  # noqa: S311 -- not a secret
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
