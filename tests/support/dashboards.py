"""The committed dashboards, parsed, and Grafana's variables and macros filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tests.support.process import ROOT

Json = dict[str, Any]
FOLDERS = ("dashboards", "import")
BOARDS: Mapping[str, Json] = {
    f"{folder}/{path.stem}": json.loads(path.read_text("utf-8"))
    for folder in FOLDERS
    for path in sorted((ROOT / "grafana" / folder).glob("*.json"))
}
PROVISIONED = {
    name.removeprefix("dashboards/"): board
    for name, board in BOARDS.items()
    if name.startswith("dashboards/")
}
PROMETHEUS, POSTGRES = "prometheus", "grafana-postgresql-datasource"
ANNOTATION = "annotation"


class Query(NamedTuple):
    """A query of a dashboard."""

    board: str
    place: str
    """The title of the panel, or what else has the query, and the letter of the query."""
    kind: str
    text: str
    instant: bool = False


def panels(board: Json) -> list[Json]:
    """Its panels, without the rows between them."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries(kind: str) -> list[Query]:
    """All queries of the dashboards to one type of data source."""
    return [
        query
        for name, board in PROVISIONED.items()
        for query in _queries_of(name, board)
        if query.kind == kind
    ]


def _queries_of(name: str, board: Json) -> Iterator[Query]:
    for panel in panels(board):
        for target in panel["targets"]:
            place = f"{panel['title']} {target['refId']}"
            text = target.get("expr") or target.get("rawSql") or ""
            kind = target["datasource"]["type"]
            yield Query(name, place, kind, text, bool(target.get("instant")))
    for annotation in board["annotations"]["list"]:
        place = f"{ANNOTATION} {annotation['name']}"
        yield Query(name, place, PROMETHEUS, annotation["target"]["expr"])
    for variable in board["templating"]["list"]:
        place, query = f"variable {variable['name']}", variable.get("query")
        if variable["type"] == "query" and isinstance(query, dict):
            values = re.fullmatch(r"label_values\((.+), (\w+)\)", query["query"])
            assert values, query
            text = f"count by ({values[2]}) ({values[1]})"
            yield Query(name, place, PROMETHEUS, text, instant=True)
        elif variable["type"] == "query":
            yield Query(name, place, POSTGRES, str(query))


def promql(text: str, chosen: Mapping[str, Sequence[str]], *, every: str, span: str) -> str:
    """PromQL as Grafana sends it. ``every``: the rate interval; ``span``: the range, both `30s`."""
    text = text.replace("$__rate_interval", every).replace("$__range", span)
    for name, values in chosen.items():
        # A panel that repeats has one value; elsewhere several are alternatives.
        text = text.replace(f'="${name}"', f'="{values[0]}"')
        text = text.replace(f"${name}", f"({'|'.join(values)})")
    assert "$" not in text, text
    return text


def sql(text: str, chosen: Mapping[str, Sequence[str]], begin: datetime, end: datetime) -> str:
    """SQL as Grafana sends it, with its macros for Postgres and variables as lists of strings."""
    first, last = (f"'{at.isoformat()}'" for at in (begin, end))
    text = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN {first} AND {last}", text)
    text = text.replace("$__timeFrom()", first).replace("$__timeTo()", last)
    for name, values in chosen.items():
        quoted = ",".join(f"'{value}'" for value in values)
        text = text.replace(f"${{{name}:sqlstring}}", quoted)
    assert "$" not in text, text
    return text


def example(text: str) -> str:
    """PromQL as Grafana sends it when two of everything are chosen: `a` and `b`."""
    values = dict.fromkeys(("account", "instrument", "currency"), ("a", "b"))
    return promql(text, values, every="5m", span="1h")
