"""A real PgBouncer in front of the tests' Postgres."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from urllib.parse import unquote, urlsplit

from tests.support.ports import unused_port
from tests.support.tools import tool
from tests.support.waiting import wait_until

PoolMode = Literal["session", "transaction"]

_CONFIG = """\
[databases]
* = host={host} port={port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
logfile = {folder}/log
pool_mode = {mode}
default_pool_size = {size}
server_tls_sslmode = disable
"""


@contextmanager
def pooler(url: str, mode: PoolMode, *, size: int = 16, more: str = "") -> Iterator[str]:
    """Yield ``url`` with a PgBouncer in between; ``more``: further lines of its configuration.

    In mode ``transaction`` it is best given fewer servers (``size``) than there are clients, so
    that they have to share.
    """
    program = tool("pgbouncer", "pgbouncer")
    server, own_port = urlsplit(url), unused_port()
    through = server._replace(netloc=f"{server.username}@127.0.0.1:{own_port}").geturl()
    with TemporaryDirectory(prefix="onetrading-pgbouncer-") as name:
        folder = Path(name)
        config = _CONFIG.format(
            host=server.hostname,
            port=server.port,
            own_port=own_port,
            folder=folder,
            mode=mode,
            size=size,
        )
        (folder / "pgbouncer.ini").write_text(config + more)
        (folder / "users").write_text(f'"{server.username}" "{unquote(server.password or "")}"\n')
        command = [program, str(folder / "pgbouncer.ini")]
        if os.geteuid() == 0:  # it does not run as root, and is told who to become
            folder.chmod(0o777)
            command[1:1] = ["--user", "nobody"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                wait_until(lambda: _is_listening(own_port, process), "PgBouncer does not start")
                yield through
            finally:
                process.kill()


def _is_listening(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "PgBouncer ended"
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
