"""What the service exports and notes of verification, drift and the sign of funding."""

from __future__ import annotations

import logging
from pathlib import Path

import psycopg
import pytest

from exporter.app import App
from exporter.housekeeping import Housekeeping
from exporter.status import AccountReports, Reporter, StreamReports, page, to_json
from tests.support.stored_snapshots import ask
from tests.support.world import World, world


def housekeeping(app: App) -> Housekeeping:
    return Housekeeping(app.metrics, app.storage, app.spool, app.clock, lambda: app.accounts)


def read(live: World) -> None:
    for stream in ("balances", "trades"):
        assert live.poll("main", stream) == "ok"
    assert live.fill("main", "trades")


def verify(live: World) -> None:
    verifier = live.app.verifier()
    while verifier.step():
        pass


def test_what_verification_found_is_exported_and_on_the_page(
    tmp_path: Path, database_url: str
) -> None:
    with world(tmp_path, database_url, ONETRADING_STREAMS="balances,trades") as live:
        keys = [sync.key for sync in live.app.histories()]
        live.simulator.set_faults(hidden_rate=0.3)
        read(live)
        ask(database_url, "DELETE FROM onetrading_sync.proven_days RETURNING 1")
        work = housekeeping(live.app)
        labels = 'account="main",stream="trades"'
        assert work.show_verification(keys)
        shown = live.shown()
        assert shown[f'onetrading_verify_findings_total{{{labels},kind="late"}}'] == "0"
        assert shown[f"onetrading_verify_progress_ratio{{{labels}}}"] == "0"
        assert f"onetrading_verify_last_timestamp_seconds{{{labels}}}" not in shown

        live.simulator.set_faults()
        verify(live)
        assert work.show_verification(keys)
        ((late,),) = ask(
            database_url, "SELECT count(*) FROM onetrading_sync.issues WHERE kind = 'late'"
        )
        assert late > 0
        shown = live.shown()
        assert shown[f'onetrading_verify_findings_total{{{labels},kind="late"}}'] == str(late)
        assert shown[f'onetrading_verify_findings_total{{{labels},kind="vanished"}}'] == "0"
        assert shown[f"onetrading_verify_progress_ratio{{{labels}}}"] == "1"
        assert float(shown[f"onetrading_verify_last_timestamp_seconds{{{labels}}}"]) > 0
        assert not [name for name in shown if "verify" in name and "balances" in name]

        app = live.app
        reporter = Reporter(
            app.settings,
            app.storage,
            app.spool,
            app.clock,
            app.metrics,
            AccountReports(lambda: app.rate_limiters, app.metrics, 60, app.storage.leads),
            StreamReports(lambda: app.syncs, app.metrics, app.refusals, dict),
        )
        report = reporter.report()
        (trades,) = (stream for stream in report.streams if stream.stream == "trades")
        assert trades.verification is not None
        assert (trades.verification.late, trades.verification.progress_ratio) == (late, 1.0)
        assert b'"verification"' in to_json(report)
        assert f"{late} late" in page.render(report).decode()


def test_new_drift_is_exported_by_when_it_was_met_first(tmp_path: Path, database_url: str) -> None:
    with world(tmp_path, database_url, ONETRADING_STREAMS="balances,trades") as live:
        name = 'onetrading_drift_newest_timestamp_seconds{account="main",stream="trades"}'
        read(live)
        work = housekeeping(live.app)
        assert work.show_data_quality()
        assert name not in live.shown()
        live.simulator.set_faults(unknown_fields=True)
        verify(live)
        ask(
            database_url,
            "UPDATE onetrading_sync.drift SET first_seen_at = to_timestamp(1000) RETURNING 1",
        )
        assert work.show_data_quality()
        assert live.shown()[name] == "1000"


def test_a_change_of_the_sign_of_funding_is_noted_once(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with world(tmp_path, database_url, ONETRADING_STREAMS="balances") as live:
        assert live.poll("main", "balances") == "ok"
        account_id = live.accounts["main"].account_id
        work = housekeeping(live.app)
        put = (
            "INSERT INTO onetrading.funding_payments (account_id, instrument_code, booked_at,"
            " funding_time, amount, cash_balance, raw, row_hash)"
            " SELECT %s, code, slot + number * interval '5 s', slot, 2.5,"
            " 1000 + %s * 2.5 * number, '{}', 0 FROM generate_series(%s::timestamptz,"
            " %s::timestamptz, '4 h') AS slots (slot), (VALUES ('A_P', 0), ('B_P', 1))"
            " AS paid (code, number)"
        )
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(put, [account_id, 1, "2026-03-01Z", "2026-03-07Z"])
            assert work.note_funding_signs({"main": account_id, "new": None})
            assert ask(database_url, "SELECT 1 FROM onetrading_sync.issues") == []
            connection.execute(put, [account_id, -1, "2026-03-08Z", "2026-03-14Z"])
        with caplog.at_level(logging.WARNING):
            for _ in range(2):
                assert work.note_funding_signs({"main": account_id})
    noted = ask(
        database_url,
        "SELECT kind, old_record->>'convention', new_record->>'convention', happened_at::text"
        " FROM onetrading_sync.issues",
    )
    assert [row[:3] for row in noted] == [
        ("funding_sign_changed", "received_positive", "paid_positive")
    ]
    assert noted[0][3].startswith("2026-03-08")
    told = [r for r in caplog.records if "sign of funding" in r.getMessage()]
    assert len(told) == 1
