"""A real Prometheus with the recording in it: the scrapes become blocks of its storage."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.prometheus import Prometheus, prometheus

_BLOCK_S = 7_200
_EVALUATED_S = 60
_LABELS = 'job="onetrading-exporter",instance="exporter:9877"'
_RULE_LEVELS = 3
"""Rules that read other rules need a pass of their own: they see what was written before."""


class Reel:
    """Scrapes on disk, in the pieces that Prometheus keeps them in: two hours each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self.first = self.last = 0.0

    def add(self, at: float, body: str) -> None:
        """Keep one scrape, which was at Unix time ``at``."""
        self.first, self.last = self.first or at, at
        lines = [_stored(line, at) for line in body.splitlines() if not line.startswith("#")]
        lines += [
            f"up{{{_LABELS}}} 1 {at:.3f}",
            f"scrape_samples_scraped{{{_LABELS}}} {len(lines)} {at:.3f}",
        ]
        with (self._folder / f"{int(at // _BLOCK_S)}.om").open("a") as file:
            file.write("\n".join(lines) + "\n")

    def develop(self, storage: Path) -> None:
        """Turn all scrapes into blocks of Prometheus."""
        for file in sorted(self._folder.glob("*.om")):
            with file.open("a") as end:
                end.write("# EOF\n")
            _promtool("tsdb", "create-blocks-from", "openmetrics", str(file), str(storage))
            file.unlink()


def _stored(line: str, at: float) -> str:
    """A line of /metrics as Prometheus keeps it: with the labels of its target, and the time."""
    series, _, value = line.rpartition(" ")
    name, brace, labels = series.partition("{")
    return f"{name}{{{_LABELS}{',' + labels if brace else '}'} {value} {at:.3f}"


def develop(folder: Path, reel: Reel, rules: list[Path]) -> None:
    """Create the storage of a Prometheus that scraped the recording and evaluated the rules.

    The recording must reach further back than the last complete block, about six hours.
    """
    storage = folder / "data"
    storage.mkdir(parents=True, exist_ok=True)
    reel.develop(storage)
    for _ in range(_RULE_LEVELS):
        with shown(folder) as server:
            _record(server, rules, reel, storage)


@contextmanager
def shown(folder: Path) -> Iterator[Prometheus]:
    """The Prometheus whose storage `develop` made."""
    with prometheus(folder, {"global": {"scrape_interval": "1m"}}) as server:
        yield server


def _record(server: Prometheus, rules: list[Path], reel: Reel, storage: Path) -> None:
    made = storage.parent / "recorded"
    shutil.rmtree(made, ignore_errors=True)
    _promtool(
        "tsdb",
        "create-blocks-from",
        "rules",
        f"--start={reel.first:.0f}",
        f"--end={reel.last:.0f}",
        f"--eval-interval={_EVALUATED_S}s",
        f"--url={server.url}",
        f"--output-dir={made}",
        *map(str, rules),
    )
    for block in made.iterdir():
        if block.is_dir() and (block / "meta.json").exists():
            shutil.move(block, storage / block.name)


def _promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode:
        raise RuntimeError(f"promtool {arguments[1]}: {done.stderr}")
