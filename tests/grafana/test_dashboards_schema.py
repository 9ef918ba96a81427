"""The dashboards against the types that Grafana itself publishes, of its current version."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.support.dashboards import BOARDS, PROVISIONED, Json, panels
from tests.support.grafana_schema import Schemas, schemas


@pytest.fixture(scope="module")
def grafana() -> Schemas:
    return schemas()


@pytest.fixture(scope="module")
def dashboard(grafana: Schemas) -> Draft7Validator:
    """The schema of a dashboard, with two members that its authors say it does not have yet.

    The target of an annotation is the query of its data source, and Prometheus keeps the text of
    an annotation beside it.
    """
    schema = copy.deepcopy(grafana["Board"])
    annotation = schema["definitions"]["AnnotationQuery"]["properties"]
    annotation["target"] = {"type": "object", "required": ["expr", "refId"]}
    annotation["textFormat"] = {"type": "string"}
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def faults(validator: Draft7Validator, found: Any, *, but: str = "") -> list[str]:
    """What is wrong, and where. ``but``: the rule that does not matter here."""
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in validator.iter_errors(found)
        if error.validator != but
    ]


@pytest.mark.parametrize("name", BOARDS)
def test_it_is_a_dashboard_of_this_grafana(dashboard: Draft7Validator, name: str) -> None:
    bare = {key: value for key, value in BOARDS[name].items() if not key.startswith("__")}
    assert faults(dashboard, bare) == []


def test_a_mistake_would_be_noticed(dashboard: Draft7Validator) -> None:
    for path, value in ((("panels", 1, "titel"), "x"), (("refresh",), 5), (("tags",), "one")):
        board: Any = copy.deepcopy(next(iter(PROVISIONED.values())))
        place = board
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        assert faults(dashboard, board) != []


@pytest.mark.parametrize("slug", PROVISIONED)
def test_panels_have_the_options_of_their_kind(grafana: Schemas, slug: str) -> None:
    for panel in panels(PROVISIONED[slug]):
        kind = panel["type"].replace("-", "")
        assert faults(Draft7Validator(grafana[f"{kind}Options"]), panel["options"]) == []
        fields = grafana.get(f"{kind}FieldConfig")
        if fields is None:
            continue
        for custom in customized(panel):
            # Grafana fills in what is left out.
            assert faults(Draft7Validator(fields), custom, but="required") == [], panel["title"]


def customized(panel: Json) -> list[Json]:
    """The members `custom` of its fields: of all, and of each override."""
    fields = panel["fieldConfig"]
    overridden = [
        {
            part["id"].removeprefix("custom."): part["value"]
            for part in override["properties"]
            if part["id"].startswith("custom.")
        }
        for override in fields["overrides"]
    ]
    return [fields["defaults"].get("custom", {}), *overridden]
