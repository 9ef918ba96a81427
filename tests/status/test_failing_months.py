"""Which months are not complete, as month_close judges it: on the page, in JSON, in `status`."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import psycopg
import pytest

from exporter.status.report import FailingMonthReport, to_json
from exporter.store.reports import failing_months
from tests.support.process import command
from tests.support.reports import COMPLETE, NOW, report, stream

MAIN = "a0000000-0000-4000-8000-000000000001"
HISTORY = (stream("main", "trades", "history", coverage=COMPLETE),)


def failing(month: str, account: str = "main") -> FailingMonthReport:
    detail = "trades: not proven complete from 2026-02-01 to 2026-02-02"
    return FailingMonthReport(
        account=account, month=month, check="coverage", detail=detail, failing_since=NOW
    )


@pytest.mark.parametrize(
    ("months", "words"),
    [
        ((), ""),
        (("2026-02",), " Not complete: 2026-02, see reporting.month_close."),
        (("2026-02", "2026-03"), " Not complete: 2026-02 and 2026-03, see reporting.month_close."),
        (
            ("2025-12", "2026-01", "2026-02", "2026-03"),
            " Not complete: 4 months, see reporting.month_close.",
        ),
    ],
)
def test_the_summary_names_months_that_are_not_complete(
    months: tuple[str, ...], words: str
) -> None:
    found = tuple(failing(month, account) for month in months for account in ("main", "public"))
    judged = report(streams=HISTORY, failing_months=found)
    assert judged.summary.endswith(f"History is proven complete since 2026-03-01.{words}")
    told = json.loads(to_json(judged))["failing_months"]
    assert [month["month"] for month in told] == [month.month for month in found]


def test_they_are_those_of_the_view(database_url: str, tmp_path: Path) -> None:
    """The command lists them under its table; its JSON stays one of streams."""
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO onetrading.accounts VALUES (%s, 'main')", [MAIN])
        connection.execute(
            "INSERT INTO onetrading_sync.progress (account_id, stream, scope, required_from)"
            " VALUES (%s, 'trades', '', '2026-03-01 00:00Z')",
            [MAIN],
        )
        connection.execute(
            "INSERT INTO onetrading_sync.coverage VALUES"
            " (%s, 'trades', '', tstzrange('2026-03-02 00:00Z', now()))",
            [MAIN],
        )
        [month] = failing_months(connection)
    assert (month.account, month.month, month.check) == ("main", date(2026, 3, 1), "coverage")
    env = {"DATABASE_URL": database_url, "ONETRADING_DATA_DIR": str(tmp_path)}
    assert month.detail in command("status", env=env).stdout
    assert [row["stream"] for row in json.loads(command("status", "--json", env=env).stdout)] == [
        "trades"
    ]
