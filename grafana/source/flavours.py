"""Two flavours from one source: for provisioning or a sidecar, and for import by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.source import (
    account_overview,
    exporter_health,
    finance,
    funding,
    positions_and_margin,
    trading,
)
from grafana.source.layout import Dashboard

Json = dict[str, Any]

DASHBOARDS = (
    account_overview.DASHBOARD,
    positions_and_margin.DASHBOARD,
    funding.DASHBOARD,
    trading.DASHBOARD,
    finance.DASHBOARD,
    exporter_health.DASHBOARD,
)
OLDEST_GRAFANA = "11.6.0"

_SOURCES = {
    "prometheus": ("DS_PROMETHEUS", "Prometheus", "prometheus"),
    "postgres": ("DS_POSTGRES", "PostgreSQL", "grafana-postgresql-datasource"),
}
_PANELS = {
    "stat": "Stat",
    "state-timeline": "State timeline",
    "table": "Table",
    "timeseries": "Time series",
}


def provisioned(board: Dashboard) -> Json:
    """Data sources are variables, and the first one of each kind is taken."""
    found: Json = json.loads(json.dumps(board.build(), cls=JSONEncoder))
    for panel in found["panels"]:
        # Grafana 13 has moved the footer of tables, and we have none.
        panel.get("options", {}).pop("footer", None)
    for variable in found["templating"]["list"]:
        # The SDK gives every variable what only those of an interval have.
        for key in ("auto", "auto_count", "auto_min"):
            variable.pop(key, None)
    return found


def imported(board: Dashboard) -> Json:
    """The same, but Grafana asks for the data sources when it is imported.

    They stay variables: the chosen ones are only their initial values.
    """
    found = provisioned(board)
    for variable in found["templating"]["list"]:
        if variable["type"] == "datasource":
            chosen = f"${{{_SOURCES[variable['name']][0]}}}"
            variable["current"] = {"selected": True, "text": chosen, "value": chosen}
    head: Json = {
        "__inputs": [
            {
                "name": name,
                "label": title,
                "description": "",
                "type": "datasource",
                "pluginId": plugin,
                "pluginName": title,
            }
            for name, title, plugin in _SOURCES.values()
        ],
        "__elements": {},
        "__requires": list(_requires(found)),
    }
    return head | found


def _requires(board: Json) -> Iterator[Json]:
    yield {"type": "grafana", "id": "grafana", "name": "Grafana", "version": OLDEST_GRAFANA}
    for _, title, plugin in _SOURCES.values():
        yield {"type": "datasource", "id": plugin, "name": title, "version": "1.0.0"}
    for kind in sorted({panel["type"] for panel in board["panels"]} - {"row"}):
        yield {"type": "panel", "id": kind, "name": _PANELS[kind], "version": ""}


FLAVOURS: Mapping[str, Callable[[Dashboard], Json]] = {
    "dashboards": provisioned,
    "import": imported,
}


def files() -> Iterator[tuple[str, str]]:
    """Every file below `grafana/`: its path there, and its text."""
    for folder, write in FLAVOURS.items():
        for board in DASHBOARDS:
            text = json.dumps(write(board), indent=2, ensure_ascii=False)
            yield f"{folder}/{board.slug}.json", f"{text}\n"
