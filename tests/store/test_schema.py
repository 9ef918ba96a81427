"""The migrations lead to exactly the schema that is written down.

`tests/golden/schema.sql` is what a reader looks at and what a reviewer sees change. To write it
anew after a migration was added: `WRITE_GOLDEN=1 pytest tests/store/test_schema.py`.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from exporter.store.embedded.cluster import find_binaries

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
