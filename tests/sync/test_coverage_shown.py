"""What /metrics says of a history that is asked instrument by instrument."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.model.stream import Partition
from tests.support.clocks import START
from tests.support.world import World, world

HOUR = timedelta(hours=1)
REQUIRED = START - timedelta(days=30)
MIDDLE = START - 100 * HOUR


def shown(live: World, family: str) -> float:
    labels = 'account="public",stream="funding_history"'
    return float(live.shown()[f"onetrading_{family}{{{labels}}}"])


@pytest.mark.parametrize("worst", ["first", "last", "between"])
def test_the_lag_is_the_worst_and_the_gap_is_the_sum(
    worst: str, database_url: str, tmp_path: Path
) -> None:
    with world(tmp_path, database_url) as live, psycopg.connect(database_url) as connection:
        assert live.poll("public", "instruments") == "ok"
        (reader,) = live.app.histories("public")
        partitions = reader.partitions()
        assert len(partitions) > 2
        lags = [(n + 1) * HOUR for n in range(len(partitions))]
        turned = {"first": lags[::-1], "last": lags, "between": [lags[0], *lags[:0:-1]]}[worst]
        for n, (partition, lag) in enumerate(zip(partitions, turned, strict=True)):
            # The last of the gaps is none: the two ranges touch.
            gap = timedelta(minutes=7 * (len(partitions) - 1 - n))
            put(connection, partition, [(REQUIRED, MIDDLE), (MIDDLE + gap, START - lag)])
        connection.commit()
        reader.show_coverage()
        gap_s = 7 * 60 * sum(range(len(partitions)))
        required_s = sum((START - lag - REQUIRED).total_seconds() for lag in lags)
        # An HTTP date tells the exchange's time to a second.
        assert shown(live, "coverage_lag_seconds") == pytest.approx(len(partitions) * 3_600, abs=2)
        assert shown(live, "coverage_gap_seconds") == pytest.approx(gap_s, abs=2 * len(partitions))
        progress = shown(live, "backfill_progress_ratio")
        assert progress == pytest.approx(1 - gap_s / required_s, abs=1e-4)


def put(
    connection: psycopg.Connection[Any],
    partition: Partition,
    ranges: list[tuple[datetime, datetime]],
) -> None:
    """Note ranges as proven."""
    for start, end in ranges:
        connection.execute(
            "INSERT INTO onetrading_sync.coverage VALUES (%s, %s, %s, tstzrange(%s, %s))",
            (partition.account_id, partition.stream, partition.instrument, start, end),
        )
