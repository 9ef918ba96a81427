"""Records that could not be read, and that the exchange repairs long after it listed them."""

from __future__ import annotations

from pathlib import Path

import psycopg

from tests.support.facts import broken_claims, count, truth
from tests.support.sync_app import environment, exchange, fill, let_pass, run_passes, running, sync

OPEN = "SELECT count(*) FROM onetrading_sync.rejects WHERE resolved_at IS NULL"


def test_what_is_repaired_is_read_again_and_no_reject_remains(
    database_url: str, tmp_path: Path
) -> None:
    """Whether their time can be read or not, and although their range was proven."""
    with (
        exchange(days=2) as simulator,
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        simulator.set_faults(bad_record_rate=0.1)
        environ = environment(simulator, database_url, tmp_path)
        with running(environ) as app:
            run_passes(app)
            assert fill(app)
            assert count(connection, OPEN) > 10
            simulator.restore()
            # Not before an hour has passed: a record that stays bad costs little.
            assert fill(app)
            assert count(connection, OPEN) > 0
        with running(environ) as app:
            let_pass(simulator, app, 600)
            sync(app)
        left = connection.execute(
            "SELECT stream, scope, reason, possible_times::text FROM onetrading_sync.rejects"
            " WHERE resolved_at IS NULL"
        ).fetchall()
        assert left == []
        with psycopg.connect(database_url) as reading:
            assert broken_claims(reading, truth(simulator), simulator.now) == []
