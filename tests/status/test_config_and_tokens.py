"""What the report says of the configuration file, and of tokens that expire."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from exporter.status import page, to_json
from exporter.status.report import ConfigReport, Report
from tests.support.reports import HOSTILE, NOW, account, report

GOOD = ConfigReport(
    file="/etc/onetrading/exporter.toml",
    last_reload_successful=True,
    last_reload_success_at=NOW - timedelta(hours=1),
    faults=(),
    needs_restart=(),
)
BAD = ConfigReport(
    file="/etc/onetrading/exporter.toml",
    last_reload_successful=False,
    last_reload_success_at=NOW - timedelta(hours=1),
    faults=("two accounts are named main; give each its own name", "x", "y"),
    needs_restart=(),
)


def texts(judged: Report) -> list[str]:
    return [finding.text for finding in judged.findings]


def test_a_good_file_is_no_finding() -> None:
    judged = report(config=GOOD)
    assert judged.verdict == "well"
    body = page.render(judged).decode()
    assert "/etc/onetrading/exporter.toml, usable, last read well at 2026-03-31 11:30:30" in body


def test_a_bad_file_needs_attention() -> None:
    judged = report(config=BAD)
    assert judged.verdict == "attention"
    assert texts(judged) == [
        "The configuration file changed but is not usable, the accounts stay as they are: "
        "two accounts are named main; give each its own name (and 2 other faults)"
    ]
    assert judged.findings[0].since is None, "it was usable until it was changed, not until then"
    assert json.loads(to_json(judged))["config"]["faults"] == list(BAD.faults)
    body = page.render(judged).decode()
    assert "not usable as it is now" in body


def test_a_restart_that_is_needed_is_told() -> None:
    names = ("ONETRADING_LISTEN", "ONETRADING_STREAMS")
    config = ConfigReport(
        file="f",
        last_reload_successful=True,
        last_reload_success_at=NOW,
        faults=(),
        needs_restart=names,
    )
    assert texts(report(config=config)) == [
        "The configuration file changed ONETRADING_LISTEN and ONETRADING_STREAMS: "
        "that needs a restart"
    ]


def test_no_text_of_the_file_becomes_markup() -> None:
    config = ConfigReport(
        file=HOSTILE,
        last_reload_successful=False,
        last_reload_success_at=NOW,
        faults=(HOSTILE,),
        needs_restart=(HOSTILE,),
    )
    assert HOSTILE not in page.render(report(config=config)).decode()


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (timedelta(days=15), []),
        (timedelta(days=14), []),
        (timedelta(days=13), ["main: the token expires in 13 d"]),
        (timedelta(hours=5), ["main: the token expires in 5 h"]),
        (timedelta(0), ["main: the token has expired"]),
        (timedelta(days=-2), ["main: the token has expired"]),
    ],
)
def test_a_token_that_expires_is_told(left: timedelta, told: list[str]) -> None:
    expiring = account("main", token_expires_at=NOW + left)
    judged = report(accounts=(expiring, account("hedge"), account("public")))
    assert texts(judged) == told
    body = page.render(judged).decode()
    word = "token expires" if left > timedelta(0) else "token expired"
    assert f"{word} <time datetime=" in body
