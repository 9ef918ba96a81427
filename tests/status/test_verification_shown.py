"""What reading history again has found, on the status page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exporter.status import page
from exporter.status.report import VerificationReport
from tests.support.reports import NOW, report, with_stream


def shown(last_s: float | None = 90, ratio: float | None = 0.5, **found: int) -> str:
    at = None if last_s is None else NOW - timedelta(seconds=last_s)
    kinds = {"late": 0, "changed": 0, "vanished": 0, "returned": 0} | found
    verification = VerificationReport(last_at=at, progress_ratio=ratio, **kinds)
    judged = with_stream(report(), "main", "trades", verification=verification)
    return page.render(judged).decode()


def test_it_is_one_line_while_nothing_differs() -> None:
    body = shown()
    assert "read again 90 s ago, 50.0 % within a month: nothing differed" in body
    assert "reporting.late_facts" not in body


@pytest.mark.parametrize("kind", ["late", "changed", "vanished", "returned"])
def test_what_differs_is_counted_by_kind(kind: str) -> None:
    body = shown(ratio=None, **{kind: 3})
    assert "<summary>read again 90 s ago</summary>" in body
    assert f"<li>3 {kind}: see reporting.late_facts</li>" in body
    assert "nothing differed" not in body


def test_nothing_is_said_before_the_first_time() -> None:
    assert "read again" not in shown(last_s=None, ratio=None)
