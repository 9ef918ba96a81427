"""A few threads keep the histories of many accounts complete; a long backfill holds up no other."""

from __future__ import annotations

import threading
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from exporter.model.errors import NotYet
from exporter.sync import Backfill, Fillers
from tests.support.paged import ScriptedExchange, row_at, syncing
from tests.support.waiting import wait_until
from tests.sync.test_backfill import DAY, FOUR_WINDOWS, counted, reader_of, stored


def test_every_account_has_turns_in_few_threads() -> None:
    turns: Counter[int] = Counter()
    threads = set[str]()
    fillers = Fillers(most=3)

    def member(number: int) -> float | None:
        turns[number] += 1
        threads.add(threading.current_thread().name)
        if number == 0:
            raise RuntimeError("a bug in one account")
        return None if number == 1 else 0.0

    for number in range(40):
        fillers.add(partial(member, number))
    try:
        wait_until(lambda: all(turns[number] >= 3 for number in range(2, 40)))
        assert len(threads) <= 3
        assert (turns[0], turns[1]) == (1, 1)
    finally:
        fillers.join()
    ended = dict(turns)
    fillers.add(lambda: member(1))  # nothing begins any more
    assert ended == dict(turns)


def test_who_waits_is_known_while_all_threads_are_busy() -> None:
    go, busy = threading.Event(), threading.Semaphore(0)
    fillers = Fillers(most=2)

    def stay() -> None:
        busy.release()
        assert go.wait(30)

    try:
        for _ in range(2):
            fillers.add(stay)
            assert busy.acquire(timeout=30)
        found = [fillers.others_wait]
        fillers.add(lambda: None, after_s=3_600.0)
        found.append(fillers.others_wait)
        fillers.add(lambda: None)
        found.append(fillers.others_wait)
        assert found == [False, False, True]
        go.set()
        wait_until(lambda: not fillers.others_wait)
    finally:
        go.set()
        fillers.join()


@pytest.mark.parametrize("workers", [1, 3])
def test_a_turn_that_is_over_leaves_the_rest_to_the_next(
    workers: int, database_url: str, tmp_path: Path
) -> None:
    """Each turn reads something, counters start only after the last, and no row is lost."""
    rows = [row_at(FOUR_WINDOWS + n * 10 * DAY, n) for n in range(1, 11)]
    with syncing(ScriptedExchange(rows), database_url, tmp_path, FOUR_WINDOWS) as app:
        found = [0]
        for _ in range(4):
            backfill = Backfill(reader_of(app), workers=workers, may_go_on=lambda: False)
            try:
                backfill.complete()
            except NotYet:
                assert backfill.progress.pages >= 1
                assert counted(database_url) == []
                found.append(stored(database_url))
            else:
                break
        assert len(found) > 1
        assert found == sorted(found)
        assert stored(database_url) == len(rows)
