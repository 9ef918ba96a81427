"""Instruments that are not read are told by the report and its page, and are no fault."""

from __future__ import annotations

from pathlib import Path

from exporter.status import AccountReports, Reporter, StreamReports, page
from exporter.status.report import UnreadScope
from tests.support.reports import HOSTILE, report, with_stream
from tests.support.world import World, world

REFUSED = UnreadScope("ETH_USD_P", "the exchange refuses it: 400 INVALID_INSTRUMENT_CODE")
GONE = UnreadScope("OLD_USD_P", "the exchange no longer lists it")


def texts(*unread: UnreadScope) -> list[str]:
    judged = with_stream(report(), "public", "funding_history", unread_scopes=unread)
    assert judged.verdict == "well"
    assert {finding.severity for finding in judged.findings} <= {"note"}
    return [finding.text for finding in judged.findings]


def test_each_reason_is_a_note() -> None:
    assert texts(REFUSED, GONE) == [
        f"funding_history of public: without ETH_USD_P: {REFUSED.reason}; asked again hourly",
        f"funding_history of public: without OLD_USD_P: {GONE.reason}; asked again hourly",
    ]
    assert texts() == []


def test_many_instruments_are_counted() -> None:
    many = [UnreadScope(f"C{n}_USD_P", GONE.reason) for n in range(40)]
    (text,) = texts(*many)
    assert "without 40 instruments:" in text


def test_the_page_lists_them_and_trusts_no_name() -> None:
    hostile = UnreadScope(HOSTILE, HOSTILE)
    unread = (REFUSED, hostile)
    judged = with_stream(report(), "public", "funding_history", unread_scopes=unread)
    body = page.render(judged).decode()
    assert "without 2 instruments" in body
    assert f"ETH_USD_P: {REFUSED.reason}" in body
    assert HOSTILE not in body


def reporter(live: World) -> Reporter:
    app = live.app
    return Reporter(
        app.settings,
        app.storage,
        app.spool,
        app.clock,
        app.metrics,
        AccountReports(lambda: app.rate_limiters, app.metrics, 240, app.storage.leads),
        StreamReports(lambda: app.syncs, app.metrics, app.refusals, dict),
    )


def test_a_running_exporter_reports_them(tmp_path: Path, database_url: str) -> None:
    with world(tmp_path, database_url, accounts=()) as live:
        live.poll("public", "instruments")
        live.simulator.set_faults(refuse_instruments={"ETH_USD_P": 400})
        assert live.poll("public", "funding_history") == "ok"
        told = {s.stream: s.unread_scopes for s in reporter(live).report().streams}
        assert told["funding_history"] == (REFUSED,)
        assert told["tickers"] == ()
