"""Check that everything the service needs is there: one result for each subject, with the remedy.

`machine` asks nobody, `stored` asks Postgres, `exchange` the exchange; `hints` knows what to do. It
is over within ten seconds where nobody answers: Postgres is asked meanwhile and not waited for any
longer, and an exchange that did not answer once is not asked again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from exporter.api.retry import Policy
from exporter.app import App, Runtime, enabled
from exporter.checks import exchange, machine, stored
from exporter.checks.result import CheckResult
from exporter.checks.stored import Stored
from exporter.settings import Settings

__all__ = ["DATABASE_S", "EXCHANGE_S", "CheckResult", "run"]

_PATIENCE = Policy(connect_s=3.0, read_s=3.0, attempt_s=4.0)
EXCHANGE_S = exchange.RETRY_FOR_S + _PATIENCE.attempt_s
"""The longest wait for an exchange that does not answer: an attempt that begins at the last moment
for one. It includes the resolution of its name, however long the resolver takes."""
DATABASE_S = 7.0
"""The longest wait for Postgres, from the start. libpq waits its time for each address of a host,
and for a resolver without any limit."""


def run(settings: Settings, *, database_s: float = DATABASE_S) -> Iterator[CheckResult]:
    """Check everything; a failure of one subject does not keep others from being checked."""
    asked = _Asked(settings, database_s)
    yield from machine.look(settings)
    app = App(settings, enabled(settings), runtime=Runtime(retry=_PATIENCE))
    try:
        yield from exchange.look(app, asked.answer)
    finally:
        app.close()
    yield asked.answer().result


class _Asked:
    """Postgres, in a thread that may go on waiting when nobody waits for it any more."""

    def __init__(self, settings: Settings, within_s: float) -> None:
        self._settings = settings
        self._within_s = within_s
        self._latest = time.monotonic() + within_s
        self._found: list[Stored] = []
        self._failure: list[BaseException] = []
        self._thread = threading.Thread(target=self._look, name="check", daemon=True)
        self._thread.start()

    def answer(self) -> Stored:
        """What is known, or that it did not say so in time."""
        self._thread.join(max(self._latest - time.monotonic(), 0))
        if self._failure:
            raise self._failure[0]
        if self._found:
            return self._found[0]
        finding = (
            f"no answer within {self._within_s:g} s: see the host and port of DATABASE_URL, its DNS"
            " and the firewall, and whether it has connections left"
        )
        return Stored(CheckResult("database", False, finding))

    def _look(self) -> None:
        try:
            self._found.append(stored.look(self._settings))
        except BaseException as error:  # noqa: BLE001  raised where it is waited for
            self._failure.append(error)
