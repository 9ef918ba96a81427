"""Runs the commands of the documents.

Bash runs a block of shell as it stands, in a directory of its own, with the simulated exchange, a
Postgres and a running service. Names that stand for the reader's own (`DocumentRunner.here`) are
replaced. Programs that cannot run here are in NOT_RUN, each with its reason; their arguments are
recorded and checked. A program that is in no table is not found, and its block fails.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from exporter.simulator import Simulator
from tests.support.documents import Block, blocks
from tests.support.fork_server import orders
from tests.support.ports import unused_port
from tests.support.process import ROOT, Run, process_environment, running

RUN = (
    *("cat", "cp", "date", "du", "echo", "grep", "head", "ls", "mkdir", "mv", "rm", "sed", "sort"),
    *("sha256sum", "tail", "tr", "uniq", "wc"),
    *("curl", "jq", "psql"),
)
"""Programs that run as they are, if they are installed."""

NOT_RUN: Mapping[str, str] = {
    "docker": "the gate has no container runtime; scripts/container runs the image",
    "helm": "needs a cluster; the chart has tests of its own",
    "kubectl": "needs a cluster",
    "amtool": "needs the reader's own Alertmanager",
    "sudo": "changes the machine",
    "systemctl": "the gate has no systemd",
    "timedatectl": "the gate has no systemd",
    "cosign": "needs a release, and the network",
    "gh": "needs a release, and the network",
    "pipx": "installs from a registry",
    "git": "changes the checkout",
    "scripts/dist": "takes as long as a release; it has tests of its own",
    "scripts/preview": "takes minutes, and hundreds of npm packages",
    ".venv/bin/python -m pytest": "would run the tests inside a test",
}
"""Program to why it is not run; ``make`` runs with -n, ``scripts/docs`` with --check."""

_ACCOUNTS = ("main", "hedge")
_TOKEN = "/etc/onetrading"


class Call(NamedTuple):
    """A program of NOT_RUN with its arguments, as bash would have started it."""

    program: str
    arguments: tuple[str, ...]


class Done(NamedTuple):
    """The result of a block."""

    code: int
    output: str
    not_run: list[Call]


class DocumentRunner:
    """A directory in which the commands of the documents work."""

    def __init__(self, folder: Path, simulator: Simulator, database_url: str) -> None:
        self.folder = folder
        self.port = unused_port()
        self._etc = folder / "etc"
        self._base_url = simulator.base_url
        self._database_url = database_url
        self._bin = folder / "bin"
        self._notes = folder / "not-run"
        self._etc.mkdir()
        for name in _ACCOUNTS:
            (self._etc / name).write_text(simulator.tokens[name])
        for path in (self._etc / "token", folder / "new.token", folder / "token"):
            path.write_text(simulator.tokens["main"])
        (self._etc / "web.yml").write_text("http_server_config: {http2: false}\n")
        self._config = self._etc / "exporter.toml"
        self._config.write_text(
            f"base_url = {json.dumps(simulator.base_url)}\n"
            f'api_token_file = "{self._etc / "token"}"\n'
            f'listen = "127.0.0.1:{self.port}"\n'
            f'data_dir = "{folder / "data"}"\n'
            'log_format = "json"\n'
            "requests_per_minute = 1_000_000\n"
        )
        (folder / "docs" / "dbt").mkdir(parents=True)
        (folder / "data" / "spool").mkdir(parents=True)
        # The files of a release.
        (folder / "exporter.whl").write_bytes(b"wheel")
        digest = hashlib.sha256(b"wheel").hexdigest()
        (folder / "SHA256SUMS").write_text(f"{digest}  exporter.whl\n")
        self._programs()

    @property
    def settings(self) -> dict[str, str]:
        """The settings that every block finds in its environment."""
        return {"ONETRADING_CONFIG": str(self._config), "DATABASE_URL": self._database_url}

    def here(self, text: str) -> str:
        """``text`` with the reader's own names replaced by those that exist here."""
        for example, own in self._examples.items():
            text = text.replace(example, own)
        return text

    @property
    def _examples(self) -> Mapping[str, str]:
        return {
            "postgresql://exporter@db.example.com/onetrading": self._database_url,
            "127.0.0.1:9878": f"127.0.0.1:{unused_port()}",
            "127.0.0.1:9877": f"127.0.0.1:{self.port}",
            _TOKEN: str(self._etc),
            "~/.config/onetrading-exporter": str(self._etc),
            "/var/lib/onetrading-exporter": str(self.folder / "data"),
        }

    def run(self, block: Block) -> Done:
        """Run a block until its end or its first failure."""
        # A reader has already set the variables of the preceding blocks of the document.
        before = [b.text for b in blocks("sh") if b.document == block.document]
        before = before[: before.index(block.text)] if block.text in before else []
        set_before = re.findall(r"^[a-z_]+=.*$", "\n".join(before), re.MULTILINE)
        text = "\n".join([*set_before, block.text])
        self._notes.write_text("")
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", f". bin/.prelude\n{self.here(text)}"],
            cwd=self.folder,
            env=process_environment(self.settings) | {"PATH": str(self._bin)},
            input="secret\n",
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            pass_fds=[orders().fileno()],
        )
        calls = [line.split("\0") for line in self._notes.read_text().split("\0\n") if line]
        return Done(
            done.returncode,
            done.stdout + done.stderr,
            [Call(program, tuple(arguments)) for program, *arguments in calls],
        )

    def _programs(self) -> None:
        """Put the permitted programs into ``bin``, ``scripts`` and ``.venv/bin``."""
        names = {"python": Path(sys.executable), "bash": Path("/bin/bash")}
        found = {name: shutil.which(name) for name in (*RUN, "install", "sleep", "env")}
        names |= {name: Path(path) for name, path in found.items() if path}
        for folder in (self._bin, self.folder / ".venv" / "bin", self.folder / "scripts"):
            folder.mkdir(parents=True)
        for name, path in names.items():
            (self._bin / name).symlink_to(path)
        (self._bin / ".prelude").write_text(self._prelude())
        noted = self._note(".venv/bin/python -m pytest")
        scripts = {
            ".venv/bin/python": f'if [ "$2" = pytest ]; then {noted} exit 0; fi\n'
            f'exec {sys.executable} "$@"',
            "scripts/dist": f'{self._note("scripts/dist")} mkdir -p "$1"; : > "$1/archive"',
            "scripts/preview": self._note("scripts/preview"),
            "scripts/docs": f"exec {sys.executable} {ROOT}/scripts/docs --check",
            "scripts/data_dictionary": f'exec {sys.executable} {ROOT}/scripts/data_dictionary "$@"',
            "scripts/dbt_sources": f'exec {sys.executable} {ROOT}/scripts/dbt_sources "$@"',
        }
        for name, text in scripts.items():
            path = self.folder / name
            path.write_text(f"#!/bin/bash\n{text}\n")
            path.chmod(0o755)

    def _note(self, program: str) -> str:
        return f'printf "%s\\0" "{program}" "$@" >> {self._notes}; echo >> {self._notes};'

    def _prelude(self) -> str:
        """Shell functions that replace programs of the same name."""
        not_run = [
            f"{program}() {{ {self._note(program)} }}" for program in NOT_RUN if "/" not in program
        ]
        make = shutil.which("make") or "make"
        client = ROOT / "tests" / "support" / "fork_client.py"
        exporter = f"{sys.executable} -I -S {client} {orders().fileno()}"
        prelude = _PRELUDE.format(root=ROOT, exporter=exporter, make=make, base_url=self._base_url)
        return "\n".join([*not_run, prelude])


# Commands that run until a signal get one; the users of the documents do not exist here.
_PRELUDE = """
make() {{ {make} --dry-run --directory {root} "$@" > /dev/null; }}
install() {{
  local kept=()
  while [ $# -gt 0 ]; do
    case "$1" in -o|-g) shift 2 ;; *) kept+=("$1"); shift ;; esac
  done
  command install "${{kept[@]}}"
}}
onetrading-exporter() {{
  case "${{1:-}}" in
    run|simulate|demo) lasting "$@" ;;
    init)
      {exporter} "$@" --directory set-up --data-dir set-up/data --force \
        --base-url {base_url} --token-file token --database-url none --listen 127.0.0.1:0 ;;
    *) {exporter} "$@" ;;
  esac
}}
lasting() {{
  export ONETRADING_LISTEN=127.0.0.1:0
  rm -f lasting
  {exporter} "$@" > lasting 2>&1 &
  local process=$! tries=0
  until grep -q -s -e 'serving on' -e ONETRADING_BASE_URL= lasting; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ] || ! kill -0 $process; then cat lasting; kill $process; return 1; fi
    sleep 0.1
  done
  kill -TERM $process
  wait $process
}}
"""


@contextmanager
def document_runner(folder: Path, database_url: str) -> Iterator[tuple[DocumentRunner, Run]]:
    """A runner with a running service, as on a machine where everything is set up."""
    with Simulator(history_days=2) as simulator:
        made = DocumentRunner(folder, simulator, database_url)
        log = folder / "exporter.log"
        with running(made.settings | {"ONETRADING_LOG_LEVEL": "debug"}, log) as service:
            service.wait_until_ready()
            yield made, service
