"""Interleaved rounds: the median of the ratios within each round, and its spread.

Machines are noisy. Cases that are compared run in turns within the same minute, and a ratio is
taken within each round, so that a slow minute slows both sides.
"""

from __future__ import annotations

import os
import platform
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROUNDS = 7


class Finding(NamedTuple):
    """One line of the results: what was measured, its value, its spread, and the target."""

    what: str
    value: str
    spread: str = ""
    target: str = ""


Say = Callable[[Finding], None]
"""Reports one result."""

Rates = Mapping[str, Sequence[float]]
"""The numbers of each case, one per round."""


def in_turns(cases: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> Rates:
    """Run each case once per round, after a warm-up round that does not count."""
    rates: defaultdict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        for name, case in cases.items():
            value = case()
            if number:
                rates[name].append(value)
    return rates


def plain(what: str, values: Sequence[float], unit: str, target: str = "") -> Finding:
    """The median of ``values`` and their range."""
    return Finding(
        what,
        f"{number(statistics.median(values))} {unit}",
        f"{number(min(values))} to {number(max(values))}",
        target,
    )


def ratio(what: str, ours: Sequence[float], theirs: Sequence[float], target: str = "") -> Finding:
    """The median of ``ours / theirs``, taken within each round."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return Finding(
        what,
        f"{statistics.median(ratios):.2f} times",
        f"{min(ratios):.2f} to {max(ratios):.2f}",
        target,
    )


def number(value: float) -> str:
    """Three significant digits, with thousands separators."""
    if abs(value) >= 100:
        return f"{round(value, 2 - len(str(int(abs(value))))):,.0f}" if value else "0"
    return f"{value:.3g}"


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def machine() -> str:
    """The machine on which the numbers were measured."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kernel = f"{platform.system()} {platform.release().split('-')[0]}"
    python = f"Python {platform.python_version()}"
    return f"{os.cpu_count()} cores ({model}), {memory_gib:.0f} GiB, {kernel}, {python}"
