"""A dashboard with the results of all its queries, from the real Prometheus and Postgres."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg

from tests.support.prometheus import Failed, Prometheus
from tools.preview.clocks import Pace
from tools.preview.interpolation import Values, Window, interpolated, promql, sql
from tools.preview.placement import COLUMNS, Placed, placed

Json = dict[str, Any]

_LABEL_VALUES = re.compile(r"label_values\((?:(.+),)?\s*(\w+)\)", re.DOTALL)
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "M": 2_592_000, "y": 31_536_000}
_TIMES = {"timestamptz", "timestamp", "date"}
_NUMBERS = {"numeric", "int2", "int4", "int8", "float4", "float8"}
_HIDDEN = 2
_MOST_ANNOTATED = 2_000
_INSIDE = 32
"""Pixels of a panel outside its content."""


class Sources(NamedTuple):
    """What the queries are sent to, and how often Prometheus scraped."""

    prometheus: Prometheus
    postgres: psycopg.Connection[tuple[Any, ...]]
    pace: Pace

    def scrape_s(self, window: Window) -> float:
        """Seconds between two scrapes at the beginning of ``window``."""
        return self.pace.step_s(timedelta(seconds=window.length))


def evaluate(
    dashboard: Json, sources: Sources, end: float, width: int, chosen: Mapping[str, str]
) -> Json:
    """What `src/model.ts` describes. ``chosen``: variable to value, instead of the dashboard's."""
    window = Window(end - _seconds(dashboard["time"]["from"]), end)
    variables, shown = _variables(dashboard, sources, window, chosen)
    panels = placed(dashboard["panels"], variables)
    return {
        "title": dashboard["title"],
        "from": window.start * 1_000,
        "to": window.end * 1_000,
        "chosen": shown,
        "links": [link["title"] for link in dashboard.get("links", [])],
        "shaded": [
            _shading(annotation, sources, window, variables)
            for annotation in dashboard.get("annotations", {}).get("list", [])
            if annotation.get("target", {}).get("expr")
        ],
        "panels": [
            _panel(panel, sources, window, {**variables, **panel.scoped}, width) for panel in panels
        ],
    }


def _seconds(relative: str) -> float:
    found = re.fullmatch(r"now-(\d+)([smhdwMy])", relative)
    if found is None:
        raise ValueError(f"the time range {relative!r} is not supported")
    return int(found[1]) * _UNITS[found[2]]


def _variables(
    dashboard: Json, sources: Sources, window: Window, chosen: Mapping[str, str]
) -> tuple[dict[str, Values], list[Json]]:
    values: dict[str, Values] = {}
    shown: list[Json] = []
    for variable in dashboard.get("templating", {}).get("list", []):
        name, label = variable["name"], variable.get("label") or variable["name"]
        if variable["type"] == "datasource":
            values[name], text = [name], name.capitalize()
        else:
            options = _options(variable, sources, window, values)
            current = _current(variable, options, chosen.get(name))
            values[name] = options if current is None else [current]
            text = "All" if current is None else current
        if variable.get("hide", 0) != _HIDDEN:
            shown.append({"label": label, "text": text})
    return values, shown


def _options(
    variable: Json, sources: Sources, window: Window, values: Mapping[str, Values]
) -> list[str]:
    query = variable["query"]
    text = query["query"] if isinstance(query, dict) else query
    if variable["type"] == "custom":
        return [option.strip() for option in text.split(",")]
    asked = _LABEL_VALUES.fullmatch(text.strip())
    if asked is None:
        statement = sql(text, values, window)
        return [str(row[0]) for row in sources.postgres.execute(statement.encode()).fetchall()]
    match = [("match[]", interpolated(asked[1], values, "regex"))] if asked[1] else []
    times = [("start", str(window.start)), ("end", str(window.end))]
    found: list[str] = sources.prometheus.get(f"/api/v1/label/{asked[2]}/values", match + times)[
        "data"
    ]
    return found


def _current(variable: Json, options: Sequence[str], chosen: str | None) -> str | None:
    """The chosen value; None: all."""
    if chosen is not None:
        return chosen
    value: list[str] | str | None = (variable.get("current") or {}).get("value")
    first = value[0] if isinstance(value, list) and value else value
    if first == "$__all":
        return None
    return first if isinstance(first, str) and first in options else options[0]


def _panel(
    place: Placed, sources: Sources, window: Window, variables: Mapping[str, Values], width: int
) -> Json:
    points = int(width / COLUMNS * place.w) - _INSIDE
    own = place.panel.get("timeFrom")
    if own:
        window = Window(window.end - _seconds(f"now-{own}"), window.end)
    answers = [
        _answer(target, place.panel, sources, window, variables, points)
        for target in place.panel.get("targets", [])
        if not target.get("hide")
    ]
    texts = {
        key: interpolated(place.panel[key], variables, "plain")
        for key in ("title", "description")
        if place.panel.get(key)
    }
    kept = {
        key: place.panel[key]
        for key in ("id", "type", "transparent", "fieldConfig", "options", "transformations")
        if key in place.panel
    }
    if own:
        kept["from"] = window.start * 1_000
    at = {"x": place.x, "y": place.y, "w": place.w, "h": place.h}
    return {"panel": kept | texts, "place": at, "answers": answers}


def _answer(
    target: Json,
    panel: Mapping[str, Any],
    sources: Sources,
    window: Window,
    variables: Mapping[str, Values],
    points: int,
) -> Json:
    named = {"refId": target["refId"]}
    try:
        if "rawSql" in target:
            statement = sql(target["rawSql"], variables, window)
            return named | rows(sources.postgres, statement, target.get("format") == "time_series")
        scrape_s = sources.scrape_s(window)
        step_s = window.step(points, max(_interval(panel, target), scrape_s))
        expression = promql(target["expr"], variables, window, step_s, scrape_s)
        return named | _prometheus(target, sources.prometheus, window, expression, step_s)
    except (Failed, ValueError, psycopg.Error) as error:
        return named | {"kind": "failed", "reason": str(error)}


def _interval(panel: Mapping[str, Any], target: Json) -> float:
    given = target.get("interval") or panel.get("interval")
    return _seconds(f"now-{given}") if given else 0.0


def _prometheus(
    target: Json, server: Prometheus, window: Window, expression: str, step_s: float
) -> Json:
    legend = {"legend": target.get("legendFormat", "")}
    if target.get("instant"):
        found = server.query(expression, at=window.end)
        return legend | {
            "kind": "instant",
            "table": target.get("format") == "table",
            "series": found,
        }
    start, end = (at // step_s * step_s for at in (window.start, window.end))
    found = server.query_range(expression, start, end, step_s)
    return legend | {"kind": "range", "stepMs": step_s * 1_000, "series": found}


def rows(connection: psycopg.Connection[tuple[Any, ...]], statement: str, series: bool) -> Json:
    """The result of Postgres, with numbers as Grafana has them and instants in milliseconds."""
    cursor = connection.execute(statement.encode())
    columns = [
        {"name": column.name, "type": _kind(connection, column.type_code)}
        for column in cursor.description or []
    ]
    kinds = [column["type"] for column in columns]
    if series and columns:
        # In the column named time, every value that can be an instant is one.
        kinds = ["time" if column["name"] == "time" else column["type"] for column in columns]
        columns = [column | {"type": kind} for column, kind in zip(columns, kinds, strict=True)]
    return {
        "kind": "rows",
        "series": series,
        "columns": columns,
        "rows": [[_plain(value) for value in row] for row in cursor.fetchall()],
    }


def _kind(connection: psycopg.Connection[tuple[Any, ...]], oid: int) -> str:
    known = connection.adapters.types.get(oid)
    name = known.name if known else ""
    if name in _TIMES:
        return "time"
    if name in _NUMBERS:
        return "number"
    return "boolean" if name == "bool" else "string"


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.timestamp() * 1_000
    if hasattr(value, "toordinal"):
        return (value.toordinal() - 719_163) * 86_400_000
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def _shading(
    annotation: Json, sources: Sources, window: Window, variables: Mapping[str, Values]
) -> Json:
    """Consecutive instants, one step of an annotation apart, are one region."""
    step_s = max(60.0, sources.scrape_s(window))
    expression = interpolated(annotation["target"]["expr"], variables, "regex")
    start, end = (at // step_s * step_s for at in (window.start, window.end))
    regions: list[Json] = []
    step_s = max(step_s, window.step(_MOST_ANNOTATED, step_s))
    for series in sources.prometheus.query_range(expression, start, end, step_s):
        last: Json | None = None
        for at, value in series["values"]:
            if float(value) == 0:
                continue
            if last is not None and at * 1_000 - last["to"] <= step_s * 1_000:
                last["to"] = at * 1_000
            else:
                last = {"from": at * 1_000, "to": at * 1_000}
                regions.append(last)
    return {"name": annotation["name"], "color": annotation["iconColor"], "regions": regions}
