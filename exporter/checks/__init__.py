"""Check that everything the service needs is there: one result for each subject, with the remedy.

`machine` asks nobody, `stored` asks Postgres, `exchange` the exchange; `hints` knows what to do. It
is over within ten seconds where nobody answers: Postgres is asked meanwhile, and an exchange that
did not answer once is not asked again.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from exporter.api.retry import Policy
from exporter.app import App, Runtime, enabled
from exporter.checks import exchange, machine, stored
from exporter.checks.result import CheckResult
from exporter.settings import Settings

__all__ = ["CheckResult", "run"]

_PATIENCE = Policy(connect_s=3.0, read_s=3.0, attempt_s=4.0)


def run(settings: Settings) -> Iterator[CheckResult]:
    """Check everything; a failure of one subject does not keep others from being checked."""
    with ThreadPoolExecutor(1, thread_name_prefix="check") as pool:
        asked = pool.submit(stored.look, settings)
        yield from machine.look(settings)
        app = App(settings, enabled(settings), runtime=Runtime(retry=_PATIENCE))
        try:
            yield from exchange.look(app, asked.result)
        finally:
            app.close()
        yield asked.result().result
