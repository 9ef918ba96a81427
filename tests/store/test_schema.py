"""The migrations lead to exactly the schema that is written down.

`tests/golden/schema.sql` is what a reader looks at and what a reviewer sees change. To write it
again after a migration was added: `WRITE_GOLDEN=1 pytest tests/store/test_schema.py`.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from exporter.store import migrate
from exporter.store.embedded.binaries import find_binaries

GOLDEN = Path(__file__).parents[1] / "golden" / "schema.sql"
_NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*|)$")


def dump(url: str) -> str:
    """The schema of a database as pg_dump writes it, without what differs between servers."""
    text = subprocess.run(
        [find_binaries().root / "bin" / "pg_dump", "--schema-only", "--no-owner", url],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return "".join(f"{line}\n" for line in text.splitlines() if not _NOISE.match(line))


@pytest.mark.skipif(
    bool(os.environ.get("TEST_DATABASE_URL")), reason="pg_dump must be of the server's version"
)
def test_the_migrations_lead_to_the_written_schema(database_url: str) -> None:
    found = dump(database_url)
    if os.environ.get("WRITE_GOLDEN"):
        GOLDEN.write_text(found)
    assert found == GOLDEN.read_text()


def test_coverage_ranges_cannot_overlap(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        claim = (
            "INSERT INTO onetrading_sync.coverage VALUES"
            " ('00000000-0000-0000-0000-000000000001', 'trades', '', tstzrange(%s, %s))"
        )
        connection.execute(claim, ["2026-01-01Z", "2026-01-03Z"])
        with pytest.raises(psycopg.errors.ExclusionViolation):
            connection.execute(claim, ["2026-01-02Z", "2026-01-04Z"])


ISSUES = "SELECT issue_id, stream, kind, key, old_record, new_record FROM onetrading_sync.issues"


def test_issues_outlive_the_migration_that_indexes_older_records(empty_database_url: str) -> None:
    """And a kind that an earlier version could not note is noted beside them."""
    known = migrate.load(migrate.migrations_dir())
    add = (
        "INSERT INTO onetrading_sync.issues (account_id, stream, kind, key, old_record, new_record)"
        " SELECT '00000000-0000-0000-0000-000000000001', 'trades', %s,"
        " jsonb_build_object('trade_id', number), '{\"price\": 1}', '{\"price\": 2}'"
        " FROM generate_series(1, 500) AS number"
    )
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        assert migrate.apply(connection, known[:3]) == known[:3]
        for kind in ("changed", "raw_changed"):
            connection.execute(add, [kind])
        before = connection.execute(ISSUES).fetchall()
        assert len(before) == 1_000
        assert migrate.apply(connection, known[:4]) == known[3:4]
        connection.execute(add, ["older"])
        assert connection.execute(f"{ISSUES} WHERE kind <> 'older'").fetchall() == before
        plan = connection.execute(
            "EXPLAIN SELECT FROM onetrading_sync.issues WHERE kind = 'older' AND stream = 'trades'"
            " AND account_id = '00000000-0000-0000-0000-000000000001'"
            " AND key = '{\"trade_id\": 7}'"
        ).fetchall()
    assert "issues_older" in str(plan)
