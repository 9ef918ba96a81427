"""The queries of panels: PromQL and SQL."""

from __future__ import annotations

import re
from pathlib import Path

from grafana_foundation_sdk.builders import prometheus as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import dashboard, prometheus

PROMETHEUS = dashboard.DataSourceRef("prometheus", "${prometheus}")
POSTGRES = dashboard.DataSourceRef("grafana-postgresql-datasource", "${postgres}")

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_PICKED = re.compile(r"(top|bottom)k\(1, ")
_INCLUDE = re.compile(r"^-- include: (\w+)$", re.MULTILINE)


def one_line(expression: str) -> str:
    """PromQL without the line breaks that the source has for its readers."""
    return " ".join(expression.split())


class Series:
    """PromQL over the dashboard's range; ``legend`` may use labels, `{{account}}`."""

    def __init__(self, expression: str, legend: str) -> None:
        self.expression = one_line(expression)
        self.legend = legend

    @property
    def single(self) -> bool:
        """Whether it is one series, however many accounts, currencies and instruments there are."""
        return "{{" not in self.legend or re.match(_PICKED, self.expression) is not None

    def query(self, ref: str, *, instant: bool = False) -> Builder[prometheus.Dataquery]:
        """The query under the letter ``ref``; ``instant``: only of now."""
        query = build.Dataquery().datasource(PROMETHEUS).ref_id(ref).expr(self.expression)
        query.editor_mode(prometheus.QueryEditorMode.CODE).legend_format(self.legend)
        return query.instant() if instant else query.range()


def cells(expression: str, ref: str) -> Builder[prometheus.Dataquery]:
    """PromQL of now, each series as a row whose labels are columns."""
    query = build.Dataquery().datasource(PROMETHEUS).ref_id(ref).expr(one_line(expression))
    query.editor_mode(prometheus.QueryEditorMode.CODE).instant()
    return query.format(prometheus.PromQueryFormat.TABLE)


def _statements() -> dict[str, str]:
    """Each starts with ``-- name: its_name``; ``-- include: name`` stands for another's text."""
    found = {}
    for file in ("reports.sql", "close.sql"):
        text = Path(__file__).with_name(file).read_text("utf-8")
        _, *pairs = _NAME.split(text)
        for name, body in zip(pairs[::2], pairs[1::2], strict=True):
            if name in found:
                raise ValueError(f"{file}: a second statement named {name}")
            found[name] = body.strip().rstrip(";")
    return {name: _INCLUDE.sub(lambda other: found[other[1]], body) for name, body in found.items()}


STATEMENTS = _statements()


class Sql(Dataquery, Builder[Dataquery]):
    """A statement of `reports.sql` or `close.sql` by its name; the SDK brings no type for SQL.

    ``time_series``: the column `time` comes first, and `metric` names the series.
    """

    def __init__(self, name: str, ref: str = "A", *, time_series: bool = False) -> None:
        self.statement = STATEMENTS[name]
        self.ref = ref
        self.time_series = time_series

    def build(self) -> Dataquery:
        """Itself: it is written as it was made."""
        return self

    def to_json(self) -> dict[str, object]:
        """As Grafana keeps it."""
        return {
            "datasource": POSTGRES,
            "editorMode": "code",
            "format": "time_series" if self.time_series else "table",
            "rawQuery": True,
            "rawSql": self.statement,
            "refId": self.ref,
        }
