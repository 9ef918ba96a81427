"""docs/dbt/sources.yml: what the database has, with tests that hold of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import psycopg
import yaml

from tests.support.closing import put_months
from tests.support.process import ROOT

FILE = ROOT / "docs" / "dbt" / "sources.yml"


def columns() -> dict[tuple[str, str], list[Any]]:
    """The tests of each column, by view and column."""
    (source,) = yaml.safe_load(FILE.read_text("utf-8"))["sources"]
    assert source["schema"] == "reporting"
    return {
        (table["name"], column["name"]): column.get("data_tests", [])
        for table in source["tables"]
        for column in table["columns"]
    }


def test_the_sources_are_up_to_date(database_url: str) -> None:
    """Write it again with: scripts/dbt_sources DATABASE_URL > docs/dbt/sources.yml"""
    printed = subprocess.run(
        [sys.executable, ROOT / "scripts" / "dbt_sources", database_url],
        check=True,
        capture_output=True,
        text=True,
    )
    assert FILE.read_text("utf-8") == printed.stdout


def test_every_declared_test_is_of_a_column_that_exists() -> None:
    written = columns()
    script = (ROOT / "scripts" / "dbt_sources").read_text("utf-8")
    names: dict[str, Any] = {"__name__": "dbt_sources"}
    exec(compile(script, "dbt_sources", "exec"), names)  # noqa: S102 -- our own script
    unique = set(names["UNIQUE"].items())
    assert unique <= set(written)
    assert set(names["VALUES"]) | set(names["NULLABLE"]) <= set(written)
    for place, values in names["VALUES"].items():
        assert {"accepted_values": {"arguments": {"values": values}}} in written[place]


def test_the_tests_hold(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        put_months(connection)
        tested: dict[str, dict[str, list[Any]]] = {}
        for (view, column), tests in columns().items():
            if tests:
                tested.setdefault(view, {})[column] = tests
        for view, named in tested.items():
            # All columns at once: a view is computed anew by each query.
            texts = ", ".join(f"{column}::text" for column in named)
            rows = connection.execute(f"SELECT {texts} FROM reporting.{view}".encode()).fetchall()  # noqa: S608
            for number, (column, tests) in enumerate(named.items()):
                check(view, column, [row[number] for row in rows], tests)


def check(view: str, column: str, found: Sequence[str | None], tests: Sequence[Any]) -> None:
    """Fail unless the values of a column pass the tests that are declared for it."""
    for test in tests:
        if test == "not_null":
            assert None not in found, (view, column)
        elif test == "unique":
            assert len(set(found)) == len(found), (view, column)
        else:
            allowed = {*test["accepted_values"]["arguments"]["values"], None}
            assert set(found) <= allowed, (view, column)
