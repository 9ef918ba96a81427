"""The dashboards as files: current, valid for Grafana, and built by our rules."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import combinations
from typing import Any

import pytest

from grafana.source.freshness import EXPORTER
from grafana.source.metrics import grew
from grafana.source.panels import stat
from grafana.source.queries import Series
from tests.support.alerts import RECORDS
from tests.support.dashboards import (
    ANNOTATION,
    BOARDS,
    POSTGRES,
    PROMETHEUS,
    PROVISIONED,
    Json,
    Query,
    example,
    panels,
    queries,
)
from tests.support.process import ROOT
from tests.support.promql import SERIES, selectors

SLUGS = {
    "account-overview",
    "positions-and-margin",
    "funding",
    "trading",
    "finance",
    "exporter-health",
}
OF_METRICS = queries(PROMETHEUS)
OF_POSTGRES = queries(POSTGRES)
VARIABLES = {
    "prometheus": "prometheus",
    "postgres": "grafana-postgresql-datasource",
}

every_board = pytest.mark.parametrize("name", BOARDS)


def test_the_committed_files_are_what_the_source_writes() -> None:
    """Write them again with: scripts/dashboards"""
    checked = subprocess.run(
        [sys.executable, ROOT / "scripts" / "dashboards", "--check"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_there_are_six_in_both_flavours() -> None:
    assert set(BOARDS) == {
        f"{folder}/{slug}" for folder in ("dashboards", "import") for slug in SLUGS
    }
    assert len({board["title"] for board in PROVISIONED.values()}) == len(SLUGS)


@every_board
def test_data_sources_are_variables_and_addresses_are_fixed(name: str) -> None:
    """The number is Grafana's to give; the uid is in bookmarks, and in the links of alerts."""
    board = BOARDS[name]
    assert board.get("id") is None
    assert board["uid"] == f"onetrading-{name.partition('/')[2]}"
    assert len(board["uid"]) <= 40
    offered = {
        variable["name"]: variable["query"]
        for variable in board["templating"]["list"]
        if variable["type"] == "datasource"
    }
    assert offered == VARIABLES
    used = list(data_sources(board))
    assert used
    for reference in used:
        assert VARIABLES[reference["uid"].strip("${}")] == reference["type"]


def data_sources(part: Any) -> list[Json]:
    """Every reference to a data source, however deep."""
    if isinstance(part, list):
        return [found for each in part for found in data_sources(each)]
    if not isinstance(part, dict):
        return []
    here = [part["datasource"]] if isinstance(part.get("datasource"), dict) else []
    return here + [found for each in part.values() for found in data_sources(each)]


@every_board
def test_the_import_flavour_asks_for_what_it_uses_and_the_other_for_nothing(name: str) -> None:
    board = BOARDS[name]
    if name.startswith("dashboards/"):
        assert "__inputs" not in board
        assert "${DS_" not in str(board)
        return
    inputs = {given["name"]: given["pluginId"] for given in board["__inputs"]}
    assert inputs == {"DS_PROMETHEUS": PROMETHEUS, "DS_POSTGRES": POSTGRES}
    assert {found for found in re.findall(r"\$\{(DS_\w+)\}", str(board))} == set(inputs)
    required = {(part["type"], part["id"]) for part in board["__requires"]}
    assert {("panel", panel["type"]) for panel in panels(board)} <= required
    assert {("datasource", plugin) for plugin in inputs.values()} <= required
    bare = {key: value for key, value in board.items() if not key.startswith("__")}
    other = BOARDS[name.replace("import/", "dashboards/")]
    assert {**bare, "templating": None} == {**other, "templating": None}


@every_board
def test_panels_are_described_measured_and_do_not_overlap(name: str) -> None:
    board = BOARDS[name]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    titles = [panel["title"] for panel in panels(board)]
    assert len(set(titles)) == len(titles)
    for panel in panels(board):
        assert panel["title"].strip()
        assert len(panel["description"]) > 40, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["w"] >= 1
        assert place["x"] + place["w"] <= 24
    for one, other in combinations(board["panels"], 2):
        assert not overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])


def overlap(one: Json, other: Json) -> bool:
    """Whether two places on the grid have a cell in common."""
    return bool(
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


@every_board
def test_every_panel_shows_how_old_its_numbers_are(name: str) -> None:
    for panel in panels(BOARDS[name]):
        targets = {target["refId"]: target for target in panel["targets"]}
        statement = targets["A"].get("rawSql", "")
        if panel["type"] == "state-timeline":
            continue  # its lines end where the data end
        if statement and panel["type"] != "timeseries":
            ages = r'"complete to"|"as of"|\b(observed|age)\b'
            assert re.search(ages, statement), panel["title"]
        else:
            assert "AGE" in targets, panel["title"]


@every_board
def test_dashboards_lead_to_each_other_and_to_runbooks_that_exist(name: str) -> None:
    board = BOARDS[name]
    assert board["tags"] == ["onetrading"]
    (others,) = [link for link in board["links"] if link["type"] == "dashboards"]
    assert others["tags"] == board["tags"]
    assert others["includeVars"]
    assert others["keepTime"]
    paths = re.findall(r"/blob/main/([\w./-]+)", str(board))
    assert any(path.startswith("docs/runbooks/") for path in paths)
    assert [path for path in sorted(set(paths)) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("query", OF_METRICS, ids=lambda query: f"{query.board}: {query.place}")
def test_every_metric_exists_and_is_filtered_by_what_is_chosen(query: Query) -> None:
    for selector in selectors(example(query.text)):
        name = selector.name or ""
        if name in RECORDS:
            continue
        labels = SERIES[name]
        matched = {matcher.name: matcher.value for matcher in selector.matchers.matchers}
        assert set(matched) <= labels, name
        of_processes = name == "onetrading_exporter_leader"  # which lead any account
        if "account" in labels and not (of_processes or query.place.startswith("variable account")):
            assert matched["account"] in ("(a|b)", "(a|b)|public", "public"), name
        if "instrument" in labels and chooses(query, "instrument"):
            joined = name == "onetrading_instrument_info"
            assert joined or matched["instrument"] in ("(a|b)", ".+_P"), name


def chooses(query: Query, variable: str) -> bool:
    """Whether the dashboard has this variable, and the query is none of a variable itself."""
    named = {found["name"] for found in PROVISIONED[query.board]["templating"]["list"]}
    return variable in named and not query.place.startswith("variable")


@pytest.mark.parametrize("query", OF_METRICS, ids=lambda query: f"{query.board}: {query.place}")
def test_rates_adapt_to_the_panel_and_replicas_count_once(query: Query) -> None:
    ranges = re.findall(r"(rate|increase)\([^][]*\[([^]]+)\]", query.text)
    assert all(span == "$__rate_interval" for call, span in ranges if call == "rate")
    assert all(span in ("$__rate_interval", "$__range", "1d", "1h") for _, span in ranges)
    # Each series is taken once before anything is added up; of what grew, once from each process.
    for inner in re.findall(r"sum (?:by \([^)]*\) )?\(([a-z_]+)", query.text):
        known = ("max", "min", "sum", "label", "rate", "onetrading_exporter_leader")
        assert inner.removesuffix("_join") in known, query.text
    for labels, inner in re.findall(r"(\w+ by \([^)]*\)) \((increase)", query.text):
        assert inner
        of_process = labels == "max by (event)"
        assert of_process or re.fullmatch(r"max by \(.+, instance\)", labels), query.text


def test_an_account_that_moved_between_processes_grew_by_both_parts() -> None:
    """Each of two processes shows the growth of its time; either is scraped twice."""
    text = grew("onetrading_trades_total", over="1h").replace("$account", "main")
    assert text.replace("$instrument", ".+") == (
        "sum by (account, instrument, side, liquidity) (max by (account, instrument, side,"
        ' liquidity, instance) (increase(onetrading_trades_total{account=~"main",'
        ' instrument=~".+"}[1h])))'
    )


@every_board
def test_a_stat_has_as_many_values_whatever_is_chosen(name: str) -> None:
    """With ten accounts or currencies its values would be too small to read."""
    for panel in panels(BOARDS[name]):
        if panel["type"] != "stat":
            continue
        assert panel["options"]["text"]["valueSize"] >= 20, panel["title"]
        for target in panel["targets"]:
            if target["refId"] == "AGE" or "rawSql" in target:
                continue  # one age; one row
            picked = re.match(r"(top|bottom)k\(1, ", target["expr"])
            assert picked or "{{" not in target["legendFormat"], panel["title"]
            alone = r"(time\(\) - )?(sum|min|max|count)\(|(top|bottom)k\(1, "
            assert re.match(alone, target["expr"]), panel["title"]


def test_a_stat_of_what_is_without_bound_is_refused() -> None:
    of_each = Series("sum by (account) (onetrading_orders_open)", "{{account}}")
    with pytest.raises(ValueError, match="make it a table"):
        stat("Open orders", "Of each account.", EXPORTER, of_each, unit="none")
    worst = Series("bottomk(1, onetrading_futures_account_ratio)", "{{account}}")
    assert (
        stat("Lowest", "Of all accounts.", EXPORTER, worst, unit="none").build().type_val == "stat"
    )


@every_board
def test_legends_are_tables_beside_the_graph(name: str) -> None:
    """Below it, all that is beyond the third line would be cut."""
    for panel in panels(BOARDS[name]):
        if panel["type"] == "timeseries":
            legend = panel["options"]["legend"]
            shown = (legend["displayMode"], legend["placement"], legend["calcs"])
            assert shown == ("table", "right", ["lastNotNull"]), panel["title"]


def test_sql_asks_the_views_alone_and_is_filtered_by_account() -> None:
    assert len(OF_POSTGRES) > 20
    for query in OF_POSTGRES:
        schemas = set(re.findall(r"(?:FROM|JOIN)\s+(\w+)\.", query.text))
        assert schemas == {"reporting"}, query.place
        # A month is locked for all accounts at once.
        of_all = query.place.startswith("variable") or query.place == "Locks A"
        assert "${account:sqlstring}" in query.text or of_all


def test_the_month_comes_before_anything_else_and_is_computed_alone() -> None:
    titles = [panel["title"] for panel in panels(PROVISIONED["finance"])]
    assert titles[:3] == [
        "Can $month be closed?",
        "Checks of $month",
        "Opening + movements = closing, $month",
    ]
    for query in OF_POSTGRES:
        views = set(re.findall(r"reporting\.(\w+)", query.text))
        if views & {"month_close", "balance_rollforward", "realised_pnl_monthly", "fee_check"}:
            assert "month = to_date(${month:sqlstring}, 'YYYY-MM')" in query.text, query.place


def test_an_empty_table_of_the_close_says_what_that_means() -> None:
    for panel in panels(PROVISIONED["finance"]):
        if panel["type"] != "table" or "$month" not in panel["title"]:
            continue
        fields = panel["fieldConfig"]
        assert len(fields["defaults"]["noValue"]) > 20, panel["title"]
        dash = {
            "matcher": {"id": "byRegexp", "options": "/.*/"},
            "properties": [{"id": "noValue", "value": "-"}],
        }
        assert fields["overrides"][0] == dash  # those of single columns come later, and win


@every_board
def test_times_of_failure_are_shaded(name: str) -> None:
    held, absent = BOARDS[name]["annotations"]["list"]
    assert held["enable"]
    assert absent["enable"]
    assert "onetrading_sync_held" in held["target"]["expr"]
    assert absent["target"]["expr"].startswith("absent(")
    found = [query for query in OF_METRICS if query.place.startswith(ANNOTATION)]
    assert len(found) == 2 * len(SLUGS)
