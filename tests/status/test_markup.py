"""The status page and its JSON as text: escaped, within their policy, quickly drawn."""

from __future__ import annotations

import cProfile
import json
from datetime import timedelta

from msgspec.structs import replace

from exporter.status import Report, to_json
from exporter.status import page as status_page
from exporter.status.report import Segment
from tests.support.reports import COMPLETE, HOSTILE, NOW, hostile, report, with_stream


def test_drawing_is_cheap() -> None:
    """Counted in calls of Python functions, as these are the same on every machine."""
    judged = report()
    status_page.render(judged)
    calls = calls_of_drawing(judged)
    assert 100 < calls < 20_000
    # No more than in step with the streams.
    assert calls_of_drawing(report(streams=judged.streams * 20)) < 20 * calls


def calls_of_drawing(judged: Report) -> int:
    profile = cProfile.Profile()
    profile.runcall(status_page.render, judged)
    return sum(entry.callcount for entry in profile.getstats())


def test_hostile_text_is_escaped() -> None:
    page = status_page.render(hostile()).decode()
    assert HOSTILE not in page
    assert "<img" not in page
    assert page.count("<script>") == page.count("</script>") == 1
    assert "{{7*7}}" in page  # as text: what comes in is data, never a template
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert json.loads(to_json(hostile()))["exchange"] == HOSTILE


def test_the_policy_allows_this_script_and_style_and_nothing_else() -> None:
    policy = status_page.CONTENT_SECURITY_POLICY
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; ")
    page = status_page.render(report()).decode()
    assert " style=" not in page
    assert " onclick=" not in page


def test_segments_are_what_json_says() -> None:
    body = json.loads(to_json(report()))
    covered = next(s["coverage"] for s in body["streams"] if s["stream"] == "trades")
    assert covered["segments"][0] == {
        "start": "2026-03-01T12:30:30Z",
        "end": "2026-03-31T12:29:10Z",
        "proven": "all",
    }


def test_instruments_that_end_seconds_apart_are_no_gap() -> None:
    def page(apart: timedelta) -> str:
        end = NOW - timedelta(seconds=60)
        some = end - timedelta(minutes=2)
        segments = (
            replace(COMPLETE.segments[0], end=some - apart),
            Segment(some - apart, some, "some"),
            Segment(some, end, "none"),
        )
        covered = replace(COMPLETE, scopes=13, segments=segments)
        judged = with_stream(report(), "public", "funding_history", coverage=covered)
        return status_page.render(judged).decode()

    assert "1 gap" not in page(timedelta(seconds=5))
    assert "1 gap" in page(timedelta(hours=5))
