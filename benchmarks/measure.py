"""Rounds that take turns: the median of the ratios within a round, and its spread.

Machines are noisy. What is compared is measured in the same minute, in turns, and a ratio is taken
within each round, so that a slow minute slows both sides.
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
    """One line of the results: what was measured, the value with its spread, and the aim."""

    what: str
    value: str
    spread: str = ""
    aim: str = ""


Say = Callable[[Finding], None]
"""Where a benchmark puts what it finds."""

Rates = Mapping[str, Sequence[float]]
"""By case, one number a round."""


def in_turns(cases: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> Rates:
    """Run each case once a round, after a round of warm-up that does not count."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        for name, case in cases.items():
            value = case()
            if number:
                found[name].append(value)
    return found


def plain(what: str, values: Sequence[float], unit: str, aim: str = "") -> Finding:
    """The median of ``values`` and how far they lie apart."""
    return Finding(
        what,
        f"{number(statistics.median(values))} {unit}",
        f"{number(min(values))} to {number(max(values))}",
        aim,
    )


def ratio(what: str, ours: Sequence[float], theirs: Sequence[float], aim: str = "") -> Finding:
    """The median of ``ours / theirs``, round by round."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return Finding(
        what,
        f"{statistics.median(ratios):.2f} times",
        f"{min(ratios):.2f} to {max(ratios):.2f}",
        aim,
    )


def number(value: float) -> str:
    """Three significant digits, thousands apart."""
    if abs(value) >= 100:
        return f"{round(value, 2 - len(str(int(abs(value))))):,.0f}" if value else "0"
    return f"{value:.3g}"


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def machine() -> str:
    """What the numbers were measured on."""
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
