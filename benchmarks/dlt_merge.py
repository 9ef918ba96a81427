"""Against dlt's merge, in an environment of its own: the same pages into the same server."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks import dlt_loader
from benchmarks.loading import Loading, loading
from benchmarks.measure import Finding, Say, in_turns, plain, ratio
from benchmarks.pages import Pages, trades
from benchmarks.postgres import server

VERSION = "1.31.0"
_ROWS = 20_000
_ROUNDS = 3
_BATCHES = {10_000: 1, 1_000: 4, 100: 8}
"""Rows of a batch to how many of them dlt loads: it needs a second for each."""
_AIMS = {10_000: ">= 12", 1_000: ">= 18", 100: ">= 45"}
_AIM_KNOWN = ">= 160"

Merge = Callable[[str, int], float]
"""Rows per second of `fresh` or `again`, in batches of so many rows."""


def run(say: Say) -> None:
    """Rows per second, from the bytes of pages to committed rows."""
    try:
        python = _environment(Path(sys.prefix) / "dlt")
    except subprocess.CalledProcessError as error:
        say(Finding(f"dlt {VERSION} could not be installed", f"pip ended with {error.returncode}"))
        return
    pages = trades(_ROWS)
    with server() as url, loading(url, pages) as load, _merging(python, url, pages) as merge:
        cases: dict[str, Callable[[], float]] = {}
        for size in _BATCHES:
            cases[f"new {size}"] = partial(_fresh, load, size)
            cases[f"known {size}"] = partial(load.ours, size)
            cases[f"dlt new {size}"] = partial(merge, "fresh", size)
            cases[f"dlt known {size}"] = partial(merge, "again", size)
        rates = in_turns(cases, _ROUNDS)
    for size, aim in _AIMS.items():
        new, known = rates[f"new {size}"], rates[f"known {size}"]
        theirs, again = rates[f"dlt new {size}"], rates[f"dlt known {size}"]
        say(plain(f"batches of {size:,} rows: dlt {VERSION}, new rows", theirs, "rows/s"))
        say(ratio(f"batches of {size:,} rows: new rows, ours against dlt", new, theirs, aim))
        say(ratio(f"batches of {size:,} rows: known rows, the same", known, again, _AIM_KNOWN))


def _fresh(load: Loading, size: int) -> float:
    load.empty()
    return load.ours(size)


def _environment(folder: Path) -> Path:
    """The Python of an environment that has dlt. Raises CalledProcessError."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    requirement = f"dlt[postgres]=={VERSION}"
    subprocess.run([python, "-m", "pip", "install", "-qq", requirement], check=True)
    return python


@contextmanager
def _merging(python: Path, url: str, pages: Pages) -> Iterator[Merge]:
    with tempfile.TemporaryDirectory(prefix="bench-dlt-") as folder:
        for number, body in enumerate(pages.bodies):
            (Path(folder) / f"{number:06}.json").write_bytes(body)
        command = [str(python), dlt_loader.__file__, folder, url]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            yield partial(_merge, process)


def _merge(process: subprocess.Popen[str], kind: str, size: int) -> float:
    times = _BATCHES[size]
    print(kind, size, times, file=process.stdin, flush=True)
    answer = "" if process.stdout is None else process.stdout.readline()
    if not answer:
        raise RuntimeError("dlt ended: what it says stands above")
    return times * size / float(answer)
