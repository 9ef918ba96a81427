"""How a dashboard is put together: rows of panels on the grid, and what all dashboards share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard

from grafana.source import looks
from grafana.source.freshness import ABSENT, shading
from grafana.source.variables import Variable

TAG = "onetrading"
UID_PREFIX = "onetrading-"
WIDTH = 24

Placed = tuple[Builder[dashboard.Panel], int]
"""A panel and its width."""


class Row(NamedTuple):
    """A titled section; its panels fill one line after the other, left to right."""

    title: str
    height: int
    panels: Sequence[Placed]


class Dashboard(NamedTuple):
    """A dashboard."""

    slug: str
    title: str
    description: str
    variables: Sequence[Variable]
    streams: Sequence[str]
    """The streams whose failures are shaded on all graphs."""
    rows: Sequence[Row]
    since: str = "now-6h"
    refresh: str = "30s"
    """How often an open dashboard asks again."""

    @property
    def uid(self) -> str:
        """The same in every Grafana and version: addresses, and the links of alerts, stay valid."""
        return f"{UID_PREFIX}{self.slug}"

    def build(self) -> dashboard.Dashboard:
        """The dashboard model without an id: Grafana assigns one."""
        board = build.Dashboard(self.title).uid(self.uid)
        board.description(self.description).tags([TAG])
        board.time(self.since, "now").timezone("utc").refresh(self.refresh).readonly()
        board.tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        board.variables(list(self.variables)).links(_links())
        found = board.build()
        found.annotations = dashboard.AnnotationContainer(list_val=[shading(self.streams), ABSENT])
        found.panels = _placed(self.rows)
        return found


def _links() -> list[Builder[dashboard.DashboardLink]]:
    others = build.DashboardLink("One Trading").type(dashboard.DashboardLinkType.DASHBOARDS)
    others.tags([TAG]).as_dropdown(True).include_vars(True).keep_time(True).icon("external link")
    return [
        others.tooltip("The other dashboards").target_blank(False),
        looks.link("Runbooks", "docs/runbooks"),
        looks.link("Data dictionary", "docs/data-dictionary.md"),
    ]


def _placed(rows: Sequence[Row]) -> list[dashboard.Panel | dashboard.RowPanel]:
    found: list[dashboard.Panel | dashboard.RowPanel] = []
    ids = count(1)
    y = 0
    for row in rows:
        place = dashboard.GridPos(h=1, w=WIDTH, x=0, y=y)
        found.append(build.Row(row.title).id(next(ids)).grid_pos(place).build())
        y += 1
        x = 0
        for builder, width in row.panels:
            if x + width > WIDTH:
                x, y = 0, y + row.height
            panel = builder.build()
            panel.id_val = next(ids)
            panel.grid_pos = dashboard.GridPos(h=row.height, w=width, x=x, y=y)
            found.append(panel)
            x += width
        y += row.height
    return found
