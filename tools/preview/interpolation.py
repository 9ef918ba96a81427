"""Variables and macros in queries, replaced as Grafana does it.

Source: Grafana's documentation, "Variable syntax", "Prometheus template variables" and
"PostgreSQL query editor: macros"; how steps are rounded:
`rangeUtil.roundInterval` of @grafana/data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

Values = Sequence[str]
Style = Literal["regex", "quoted", "plain"]

_PLACE = re.compile(r"\$(\w+)|\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)(?::(\w+))?\]\]")
_MACRO = re.compile(r"\$__(\w+)\(([^)]*)\)")
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}]")
# Up to the first number, the second is taken; both in milliseconds.
_ROUNDED = (
    (1_500, 1_000), (3_500, 2_000), (7_500, 5_000), (12_500, 10_000), (17_500, 15_000),
    (25_000, 20_000), (45_000, 30_000), (90_000, 60_000), (210_000, 120_000),
    (450_000, 300_000), (750_000, 600_000), (1_050_000, 900_000), (1_500_000, 1_200_000),
    (2_700_000, 1_800_000), (5_400_000, 3_600_000), (9_000_000, 7_200_000),
    (16_200_000, 10_800_000), (32_400_000, 21_600_000), (86_400_000, 43_200_000),
    (604_800_000, 86_400_000), (1_814_400_000, 604_800_000),
)  # fmt: skip
_MOST_POINTS = 11_000


@dataclass(frozen=True)
class Window:
    """The time range of a dashboard, in Unix seconds."""

    start: float
    end: float

    @property
    def length(self) -> float:
        """In seconds."""
        return self.end - self.start

    def step(self, points: int, scrape_s: float) -> float:
        """Seconds between the points of a graph that is ``points`` pixels wide."""
        wanted = self.length * 1_000 / max(points, 1)
        rounded = next((step for limit, step in _ROUNDED if wanted < limit), 2_592_000_000)
        return max(rounded / 1_000, scrape_s, self.length / _MOST_POINTS)


def interpolated(text: str, variables: Mapping[str, Values], style: Style) -> str:
    """``text`` with its variables filled in; a name that is not in ``variables`` stays.

    ``style`` is what the data source does with several values, where the text does not say.
    """

    def fill(place: re.Match[str]) -> str:
        name = place[1] or place[2] or place[4]
        if name not in variables:
            return place[0]
        return _joined(variables[name], place[3] or place[5] or style)

    return _PLACE.sub(fill, text)


def _joined(values: Values, style: str) -> str:
    if style == "regex":
        escaped = [_SPECIAL.sub(lambda found: "\\\\" + found[0], value) for value in values]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
    if style in ("quoted", "sqlstring", "singlequote"):
        doubled = [value.replace("'", "''") for value in values]
        return ",".join(f"'{value}'" for value in doubled)
    if style == "pipe":
        return "|".join(values)
    if style in ("plain", "csv", "raw"):
        return ",".join(values)
    raise ValueError(f"variable format {style} is not known here")


def promql(
    expression: str, variables: Mapping[str, Values], window: Window, step_s: float, scrape_s: float
) -> str:
    """A query as Prometheus gets it."""
    rate_s = max(step_s + scrape_s, 4 * scrape_s)
    times: Mapping[str, Values] = {
        "__interval": [f"{step_s:.0f}s"],
        "__interval_ms": [f"{step_s * 1_000:.0f}"],
        "__rate_interval": [f"{rate_s:.0f}s"],
        "__range": [f"{window.length:.0f}s"],
        "__range_s": [f"{window.length:.0f}"],
        "__range_ms": [f"{window.length * 1_000:.0f}"],
    }
    return interpolated(expression, {**variables, **times}, "regex")


def sql(statement: str, variables: Mapping[str, Values], window: Window) -> str:
    """A query as Postgres gets it. Raises ValueError for an unsupported macro."""
    return _MACRO.sub(
        lambda found: _macro(found[1], found[2], window),
        interpolated(statement, variables, "quoted"),
    )


def _macro(name: str, given: str, window: Window) -> str:
    start, end = (f"'{_iso(at)}'" for at in (window.start, window.end))
    arguments = [argument.strip() for argument in given.split(",")]
    match name:
        case "timeFrom":
            return start
        case "timeTo":
            return end
        case "timeFilter":
            return f"{arguments[0]} BETWEEN {start} AND {end}"
        case "time":
            return f'{arguments[0]} AS "time"'
        case "timeGroup" | "timeGroupAlias":
            column, every = arguments[0], arguments[1].strip("'")
            bin_s = f"extract(epoch FROM interval '{every}')"
            binned = f"to_timestamp(floor(extract(epoch FROM {column}) / {bin_s}) * {bin_s})"
            return f'{binned} AS "time"' if name.endswith("Alias") else binned
    raise ValueError(f"the macro $__{name} is not known here")


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
