"""What happens to the services during a soak, one incident after the other."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from exporter.simulator import Simulator
from tests.support.postgres import PostgresServer
from tests.support.process import Run


@dataclass
class Surroundings:
    """What an incident can do something to."""

    simulator: Simulator
    postgres: PostgresServer
    runs: list[Run]

    def leader(self) -> Run:
        """The service that holds the lease of the first account, or any."""
        for run in self.runs:
            if 'onetrading_exporter_leader{account="main"} 1' in run.get("/metrics").text:
                return run
        return self.runs[0]


def quiet(_: Surroundings) -> None:
    """Nothing."""


def flaky(around: Surroundings) -> None:
    """Requests fail, break off, and return something else."""
    around.simulator.set_faults(
        error_rate=0.15,
        drop_rate=0.1,
        truncate_rate=0.1,
        garbage_rate=0.05,
        drip_rate=0.02,
        bomb_rate=0.02,
        jitter_ms=200,
    )
    time.sleep(25)
    around.simulator.set_faults()


def odd_pages(around: Surroundings) -> None:
    """Pages repeat rows, are cut, or are empty; cursors expire; fields are new."""
    around.simulator.set_faults(
        duplicate_rate=0.5,
        empty_pages=0.2,
        cursor_expiry_rate=0.1,
        page_size_cap=7,
        unknown_fields=True,
        unknown_enums=0.05,
        odd_record_rate=0.05,
        shuffle_equal_instants=True,
    )
    time.sleep(25)
    around.simulator.set_faults()


def bad_records(around: Surroundings) -> None:
    """Some records cannot be decoded, and others come late; later they can be read."""
    around.simulator.set_faults(bad_record_rate=0.05, late_rate=0.2, late_seconds=20)
    time.sleep(20)
    around.simulator.restore()


def clock_ahead(around: Surroundings) -> None:
    """The exchange states a time an hour ahead for some seconds, then for one endpoint alone."""
    around.simulator.set_faults(clock_offset=3600)
    time.sleep(5)
    around.simulator.set_faults(clock_offset=86_400, clock_paths="/account/trades")
    time.sleep(15)
    around.simulator.set_faults()


def instrument_refused(around: Surroundings) -> None:
    """The exchange refuses the history of one instrument."""
    around.simulator.set_faults(refuse_instruments="BTC_USD_P:400")
    time.sleep(15)
    around.simulator.set_faults()


def rate_limited(around: Surroundings) -> None:
    """The exchange allows less than the budget says."""
    around.simulator.set_faults(budget=60, retry_after=2)
    time.sleep(20)
    around.simulator.set_faults()


def tokens_refused(around: Surroundings) -> None:
    """The exchange does not know the token of one account for a while."""
    around.simulator.set_faults(refuse_tokens="hedge")
    time.sleep(15)
    around.simulator.set_faults()


def postgres_restarted(around: Surroundings) -> None:
    """Postgres is away for a while."""
    around.postgres.stop()
    time.sleep(12)
    around.postgres.start()


def postgres_killed(around: Surroundings) -> None:
    """Postgres is killed, and recovers."""
    around.postgres.kill()
    time.sleep(3)
    around.postgres.start()


def connections_cut(around: Surroundings) -> None:
    """Every connection to Postgres is cut, again and again."""
    for _ in range(5):
        with psycopg.connect(around.postgres.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        time.sleep(3)


def read_only(around: Surroundings) -> None:
    """Postgres accepts no writes for a while, as a standby before it is promoted."""
    with psycopg.connect(around.postgres.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        connection.execute("SELECT pg_reload_conf()")
        time.sleep(10)
        connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
        connection.execute("SELECT pg_reload_conf()")


def leader_suspended(around: Surroundings) -> None:
    """The holder of the leases stands still for longer than they last."""
    leader = around.leader()
    leader.process.send_signal(signal.SIGSTOP)
    time.sleep(40)
    leader.process.send_signal(signal.SIGCONT)


INCIDENTS: tuple[Callable[[Surroundings], None], ...] = (
    quiet,
    flaky,
    odd_pages,
    bad_records,
    clock_ahead,
    instrument_refused,
    postgres_restarted,
    rate_limited,
    connections_cut,
    tokens_refused,
    postgres_killed,
    read_only,
    leader_suspended,
)
"""In this order, and again from the start."""
