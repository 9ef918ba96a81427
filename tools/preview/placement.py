"""The positions of panels, including those that repeat for each value of a variable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.preview.interpolation import Values

COLUMNS = 24
Panel = Mapping[str, Any]


@dataclass
class Placed:
    """A panel, its place in columns and rows, and the variables with a value of its own."""

    panel: Panel
    x: int
    y: int
    w: int
    h: int
    scoped: Mapping[str, Values]


def placed(panels: Sequence[Panel], variables: Mapping[str, Values]) -> list[Placed]:
    """All panels on the grid; what is below a repeated panel moves down."""
    found: list[Placed] = []
    grown = 0
    for panel in sorted(panels, key=lambda panel: (panel["gridPos"]["y"], panel["gridPos"]["x"])):
        copies = list(_copies(panel, variables, grown))
        found += copies
        bottom = max((copy.y + copy.h for copy in copies), default=0)
        grown = max(grown, bottom - panel["gridPos"]["y"] - panel["gridPos"]["h"])
    return found


def _copies(panel: Panel, variables: Mapping[str, Values], grown: int) -> Iterator[Placed]:
    at = panel["gridPos"]
    y = at["y"] + grown
    repeat = panel.get("repeat")
    if not repeat:
        yield Placed(panel, at["x"], y, at["w"], at["h"], {})
        return
    values = variables[repeat]
    if panel.get("repeatDirection", "h") == "v":
        for index, value in enumerate(values):
            yield Placed(panel, at["x"], y + index * at["h"], at["w"], at["h"], {repeat: [value]})
        return
    across = min(len(values), panel.get("maxPerRow", 4))
    for index, value in enumerate(values):
        row, column = divmod(index, across)
        width = COLUMNS // across
        yield Placed(panel, column * width, y + row * at["h"], width, at["h"], {repeat: [value]})
