"""The status report: that it agrees with `/metrics` and Postgres, and names what is wrong."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import msgspec
import psycopg
import pytest

from exporter.model.errors import REASON_MEANINGS
from exporter.service import Service
from exporter.simulator import Simulator
from exporter.status import Report
from tests.support.configuration import NAMES
from tests.support.expositions import series
from tests.support.interval_oracle import Span, union
from tests.support.postgres import fresh_database
from tests.support.process import ROOT
from tests.support.reporting import Connection
from tests.support.service import get, serving, status, wait_until_complete
from tests.support.waiting import wait_until

SCHEMA = ROOT / "docs" / "status-api.schema.json"


def seconds_of(text: str | None) -> float:
    return 0.0 if text is None else datetime.fromisoformat(text).timestamp()


@pytest.fixture(scope="module")
def quiet(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str, migrated_template: str
) -> Iterator[tuple[Service, str, str]]:
    """A service with all its history; only what must wait for something is polled again soon."""
    more = {f"ONETRADING_INTERVAL_{name.upper()}": "1h" for name in NAMES}
    more |= {
        # What had to wait on disk is stored by the next poll of any stream.
        "ONETRADING_INTERVAL_INSTRUMENTS": "2s",
        "ONETRADING_INTERVAL_FUNDING_HISTORY": "2s",
        "ONETRADING_REQUESTS_PER_MINUTE": "100000",
        "ONETRADING_HISTORY_START": (datetime.now(UTC) - timedelta(minutes=30)).isoformat(),
    }
    with (
        fresh_database(postgres_url, migrated_template) as url,
        Simulator(history_days=1) as simulator,
        serving(simulator, tmp_path_factory.mktemp("quiet"), DATABASE_URL=url, **more) as (
            service,
            base,
        ),
    ):
        wait_until_complete(base)
        yield service, base, url


Quiet = tuple[Service, str, str]


def at_once(base: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The report and a scrape with no poll in between."""
    for _ in range(20):
        body, shown = status(base), series(get(base, "/metrics"))
        times = [[s["last_success_at"] for s in of["streams"]] for of in (body, status(base))]
        if times[0] == times[1]:
            return body, shown
    raise AssertionError("there was always a poll in between")


def test_the_report_agrees_with_metrics(quiet: Quiet) -> None:
    _, base, _ = quiet
    # Shown by the heartbeat and by a job of their own, each a few seconds later.
    wait_until(
        lambda: "\nonetrading_rejects_open{" in get(base, "/metrics"), "no rejects are shown"
    )
    wait_until(lambda: "\nonetrading_database_up 1\n" in get(base, "/metrics"), "it is never up")
    body, shown = at_once(base)
    for s in body["streams"]:
        labels = f'{{account="{s["account"]}",stream="{s["stream"]}"}}'

        def value(family: str, labels: str = labels) -> float | None:
            text = shown.get(f"onetrading_{family}{labels}")
            return None if text is None else float(text)

        assert value("sync_success") == s["success"]
        assert value("sync_permitted") == s["permitted"]
        assert value("sync_interval_seconds") == s["interval_seconds"]
        assert value("sync_held") == (s["freshness"] == "held")
        last = seconds_of(s["last_success_at"])
        assert value("sync_last_success_timestamp_seconds") == pytest.approx(last, abs=0.001)
        assert value("rejects_open") == s["rejects_open"]
        covered = s["coverage"] or dict.fromkeys(("gap_seconds", "progress_ratio", "lag_seconds"))
        assert value("coverage_gap_seconds") == pytest.approx(covered["gap_seconds"], abs=0.001)
        assert value("backfill_progress_ratio") == covered["progress_ratio"]
        assert value("coverage_lag_seconds") == pytest.approx(covered["lag_seconds"], abs=5)
    for a in body["accounts"]:
        left = float(shown[f'onetrading_api_budget_remaining{{account="{a["account"]}"}}'])
        assert left == pytest.approx(a["requests"]["remaining"], abs=0.1)
        name = f'onetrading_exporter_leader{{account="{a["account"]}"}}'
        assert float(shown[name]) == a["leader"]
        for scope, granted in a["token_scopes"].items():
            name = f'onetrading_token_scope{{account="{a["account"]}",scope="{scope}"}}'
            assert float(shown[name]) == granted
    assert float(shown["onetrading_database_up"]) == body["database_up"]
    assert body["leader"] == all(a["leader"] for a in body["accounts"])
    assert float(shown["onetrading_spool_snapshots"]) == body["spooled_snapshots"]
    assert f'version="{body["version"]}"' in get(base, "/metrics")


def test_the_errors_add_up_to_what_is_counted(quiet: Quiet) -> None:
    _, base, _ = quiet
    body, shown = status(base), series(get(base, "/metrics"))
    times: defaultdict[str, int] = defaultdict(int)
    for e in body["errors"]:
        labels = f'account="{e["account"]}",stream="{e["stream"]}",reason="{e["reason"]}"'
        times[f"onetrading_sync_errors_total{{{labels}}}"] += e["times"]
        assert e["first_at"] <= e["last_at"] <= body["generated_at"]
    counted = {
        name: int(value)
        for name, value in shown.items()
        if name.startswith("onetrading_sync_errors_total") and value != "0"
    }
    assert times == counted
    assert counted  # the account `spot` has no futures


def test_the_timelines_are_those_of_the_views(quiet: Quiet) -> None:
    _, base, url = quiet

    def in_views(connection: Connection) -> dict[tuple[str, str], tuple[datetime, list[datetime]]]:
        """Per stream: from where it is required, and where its gaps begin."""
        gaps: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
        for of, name, start, end in connection.execute(
            "SELECT account, stream, gap_start, gap_end FROM reporting.coverage_gaps"
        ):
            gaps[of, name].append((start, end))
        return {
            (of, name): (required, [start for start, _ in union(gaps[of, name])])
            for of, name, required in connection.execute(
                "SELECT account, stream, required_from FROM reporting.freshness"
                " WHERE kind = 'history' AND last_success_at IS NOT NULL"
            )
        }

    def reported() -> dict[tuple[str, str], tuple[datetime, list[datetime]]]:
        timelines = {}
        for s in status(base)["streams"]:
            if s["coverage"] and s["permitted"]:
                missing = [
                    (datetime.fromisoformat(p["start"]), datetime.fromisoformat(p["end"]))
                    for p in s["coverage"]["segments"]
                    if p["proven"] != "all"
                ]
                required = datetime.fromisoformat(s["coverage"]["required_from"])
                timelines[s["account"], s["stream"]] = (
                    required,
                    [start for start, _ in union(missing)],
                )
        return timelines

    with psycopg.connect(url, autocommit=True) as connection:
        assert len(reported()) == 11
        # Passes go on, and the report is a few seconds behind.
        wait_until(lambda: reported() == in_views(connection), "they never agree")


def test_a_service_without_a_problem_is_well(quiet: Quiet) -> None:
    _, base, _ = quiet
    body = status(base)
    assert (body["verdict"], body["headline"]) == ("well", "All is well")
    notes = [finding["text"] for finding in body["findings"]]
    assert notes == [
        "positions, portfolio, funding_payments, closed_positions, position_funding and "
        f"position_trades of spot: {REASON_MEANINGS['permission']}"
    ]
    assert "History is proven complete since" in body["summary"]
    due = [datetime.fromisoformat(s["next_due_at"]) for s in body["streams"]]
    assert all(at > datetime.fromisoformat(body["generated_at"]) for at in due)
    page = get(base, "/")
    assert "All is well" in page
    for s in body["streams"]:
        assert s["stream"] in page


def test_the_report_keeps_to_its_schema(quiet: Quiet) -> None:
    schema = json.loads(SCHEMA.read_text())
    made = msgspec.json.schema(Report)
    assert schema == json.loads(json.dumps(made)), "run scripts/status_schema"
    jsonschema.Draft202012Validator(schema).validate(status(quiet[1]))
    documented = (ROOT / "docs" / "status-api.md").read_text()
    for name, of in schema["$defs"].items():
        for key in of["properties"]:
            assert f"`{key}`" in documented, f"docs/status-api.md does not describe {key} of {name}"
