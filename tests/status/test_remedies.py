"""Each finding says what to read and to run, and both exist."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from exporter.cli import cli
from exporter.status.remedies import REMEDIES, Remedy
from tests.support.process import ROOT
from tests.support.reports import GAPPY, NOW, failing, report, stream, with_stream

DOCS = ROOT / "docs"


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("remedy", REMEDIES.values(), ids=REMEDIES)
def test_the_page_and_the_command_exist(remedy: Remedy) -> None:
    path, _, anchor = remedy.page.partition("#")
    assert (DOCS / path).is_file()
    assert not anchor or anchor in anchors(DOCS / path)
    program, *words = remedy.command.split()
    assert program == "onetrading-exporter"
    command: click.Command = cli
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None, word
        command = found


def test_every_finding_has_both() -> None:
    judged = with_stream(report(), "main", "trades", coverage=GAPPY, rejects_open=1)
    judged = with_stream(judged, "main", "balances", **failing("timeout"))
    judged = with_stream(judged, "hedge", "balances", **failing("auth", permitted=False))
    judged = report(
        streams=(*judged.streams, stream("spot", "balances", standing_by=True, freshness="empty")),
        database_up=False,
        spooled_snapshots=1,
        dropped_snapshots=1,
        clock_skew_seconds=9.0,
        heartbeat_age_seconds=100.0,
        history_read_at=NOW,
    )
    assert len(judged.findings) > 6
    for finding in judged.findings:
        assert finding.command
        assert finding.runbook
        assert finding.runbook.startswith("https://docs.example/blob/main/docs/")
    assert report(documentation_url=None, dropped_snapshots=1).findings[0].runbook is None
