"""Run two services on one Postgres under faults, and compare with the exchange's truth at the end.

Exits with 1 when a row is missing, doubled or different, a counter fell, or a process grew.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import psycopg

from exporter.simulator import AccountSpec, Simulator
from exporter.store.pool import SIZE
from tests.soak.incidents import INCIDENTS, Surroundings
from tests.soak.watch import Watch
from tests.support.configuration import environment_of
from tests.support.facts import broken_claims, count, recounted, stored, totals, truth, unproven
from tests.support.postgres import PostgresServer, open_directory
from tests.support.process import finished, process_environment, running
from tests.support.waiting import wait_until

ACCOUNTS = (
    AccountSpec("main", trades_per_day=30_000),
    AccountSpec("hedge", trades_per_day=5_000),
)
_PAUSE_S = 10.0
_LATENESS = timedelta(minutes=5)
"""How long rows may take to appear: nothing newer is proven."""
_MEMORY_MB = 25.0
"""By how much the memory of a process may have grown between the two quarters."""


def main() -> None:
    """Print what happens, and a line for each check."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    minutes = parser.parse_args().minutes
    with ExitStack() as stack:
        folder = stack.enter_context(open_directory())
        postgres = PostgresServer(folder / "postgres")
        postgres.start()
        stack.callback(postgres.stop)
        simulator = stack.enter_context(Simulator(history_days=1, accounts=ACCOUNTS))
        runs, given = [], dict[str, str]()
        for name in ("first", "second"):
            (folder / name).mkdir()
            given = environment(simulator, postgres, folder / name)
            runs.append(stack.enter_context(running(given, folder / f"{name}.log")))
        watches = [Watch(name, run) for name, run in zip(("first", "second"), runs, strict=True)]
        around = Surroundings(simulator, postgres, runs)
        suffer(around, minutes)
        problems = settle(around, given)
        for watch in watches:
            watch.stop()
            problems += report(watch)
        for run in runs:
            tracebacks = run.log.count("Traceback")
            problems += [f"{tracebacks} tracebacks in a log"] if tracebacks else []
            code, seconds = run.terminate()
            problems += [f"exit code {code} after {seconds:.1f} s"] if code else []
    for problem in problems:
        print(f"FAIL {problem}")
    print("PASS" if not problems else f"{len(problems)} problems")
    raise SystemExit(1 if problems else 0)


def environment(simulator: Simulator, postgres: PostgresServer, folder: Path) -> dict[str, str]:
    """Everything is polled often, so that an hour of ordinary life passes in minutes."""
    live = ("BALANCES", "POSITIONS", "PORTFOLIO", "TICKERS", "FUNDING_RATES")
    history = ("TRADES", "FUNDING_PAYMENTS", "FUNDING_HISTORY")
    more = {f"ONETRADING_INTERVAL_{name}": "2s" for name in live}
    more |= {f"ONETRADING_INTERVAL_{name}": "3s" for name in history}
    more |= {
        "DATABASE_URL": postgres.url,
        "ONETRADING_REQUESTS_PER_MINUTE": "3000",
        "ONETRADING_HISTORY_START": (simulator.now - timedelta(hours=20)).isoformat(),
    }
    return environment_of(simulator.base_url, folder, simulator.tokens, **more)


def suffer(around: Surroundings, minutes: float) -> None:
    """Let incidents happen until the time is over; a round that has begun is finished."""
    until = time.monotonic() + minutes * 60
    began = time.monotonic()
    while time.monotonic() < until:
        for incident in INCIDENTS:
            print(f"{time.monotonic() - began:6.0f} s  {incident.__name__}", flush=True)
            incident(around)
            time.sleep(_PAUSE_S)


def settle(around: Surroundings, environ: Mapping[str, str]) -> list[str]:
    """End all faults, wait until everything is read, and compare; what is wrong."""
    around.simulator.set_faults()
    until = around.simulator.now - _LATENESS
    start = until - timedelta(hours=10)
    with psycopg.connect(around.postgres.url) as connection:

        def complete() -> bool:
            left = unproven(connection, start, until)
            connection.commit()
            return not left

        wait_until(complete, "history never becomes complete", within_s=600, every_s=1)
        # Rows that came late are read again with the overlap.
        time.sleep(30)
        # The service reads rejects again once an hour, the command at once.
        synced = finished(
            sys.executable, "-m", "exporter", "sync", env=process_environment(environ), timeout=300
        )
        problems = [f"sync: {synced.stdout}{synced.stderr}"] if synced.returncode else []
        broken = broken_claims(connection, truth(around.simulator), around.simulator.now)
        problems += [f"{len(broken)} facts differ, such as {broken[0]}"] if broken else []
        connection.commit()
        counted, wanted = totals(connection), recounted(connection)
        problems += ["the counters are not the sums of the facts"] if counted != wanted else []
        overlaps = count(
            connection,
            "SELECT count(*) FROM onetrading.snapshots AS a JOIN onetrading.snapshots AS b"
            " USING (account_id, stream) WHERE a.snapshot_id < b.snapshot_id"
            " AND a.last_observed_at > b.first_observed_at",
        )
        problems += [f"{overlaps} snapshots overlap"] if overlaps else []
        open_rejects = count(
            connection,
            "SELECT count(*) FROM onetrading_sync.rejects WHERE resolved_at IS NULL",
        )
        problems += [f"{open_rejects} rejects are still open"] if open_rejects else []
        print(f"{len(stored(connection))} facts agree with the exchange")
    return problems


def report(watch: Watch) -> list[str]:
    """Print what a process used; what is wrong. The pool opens connections when it is busy, and
    closes them ten minutes later, so that one may have ``SIZE`` of them more at the end."""
    problems = [f"{watch.name}: a counter fell: {series}" for series in watch.fallen[:5]]
    for name, (early, late) in watch.growth().items():
        print(f"{watch.name}: {name} {early:.0f} -> {late:.0f}")
        most = early + (_MEMORY_MB if name == "memory_mb" else SIZE)
        problems += [f"{watch.name}: {name} grew"] if late > most else []
    print(f"{watch.name}: {watch.scrapes} scrapes, {watch.failed} without a response")
    return problems


if __name__ == "__main__":
    main()
