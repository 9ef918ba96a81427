"""Read the newest part of every scope of a history, and find out which the exchange refuses.

A request that the exchange refuses for one instrument, while it serves others, is the instrument's
fault; refused for all, it is the stream's. Where the reason may be a passing one (403, 5xx, no
response), a scope that is known to be good is read once more before that is believed, unless
another was served after the failure anyway.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Protocol

from exporter.api.client import OnError
from exporter.logs import context
from exporter.model.errors import (
    BadRequest,
    CursorExpired,
    ExchangeError,
    RateLimited,
    Refused,
    RetryLater,
)
from exporter.model.stream import Partition
from exporter.sync.scopes import Scopes, Survey

_log = logging.getLogger(__name__)
_PATIENCE = 3
"""After so many failures in a row that were retried to their deadline, others are tried once."""


class ReadNewest(Protocol):
    """Reads the newest part of a scope; ``retry``: failed requests, up to a deadline.

    Returns whether anything was requested. Raises ExchangeError, DatabaseError, StandingBy, NotYet
    and Stopping.
    """

    def __call__(self, partition: Partition, on_error: OnError, *, retry: bool) -> bool: ...


@dataclass
class Failure:
    """What became of a scope that could not be read."""

    partition: Partition
    error: ExchangeError
    counted: list[ExchangeError]
    """Failed attempts, the error itself included where the client raised it."""
    retried: bool
    """Whether it was given the time to get over a transient failure."""

    @property
    def denied(self) -> bool:
        """Whether it may be a refusal of the scope, if others are served."""
        error = self.error
        if isinstance(error, CursorExpired | RateLimited):
            return False
        # The end of our own patience with a long walk is no attempt that failed.
        attempted = any(failed is error for failed in self.counted)
        return isinstance(error, BadRequest | Refused) or (
            isinstance(error, RetryLater) and self.retried and attempted
        )

    @property
    def passing(self) -> bool:
        """Whether the reason may have been one that concerned any request at that time."""
        return not isinstance(self.error, BadRequest)


@dataclass
class TailPass:
    """One pass over the scopes of a stream. ``on_error`` is told of each attempt that counts."""

    scopes: Scopes
    read: ReadNewest
    on_error: OnError
    served: list[Partition] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    unconfirmed: bool = False
    """Whether no scope was served after the last failure of a passing kind."""
    streak: int = 0
    """Failures in a row that took their whole deadline."""

    def run(self, survey: Survey) -> list[Failure]:
        """Read all scopes that are due; returns the failures that are not refusals of a scope.

        Raises ExchangeError when no scope could be read, or as `ReadNewest`.
        """
        for partition in (*survey.served, *self.scopes.due(survey)):
            self._try(partition)
        refusals = [failure for failure in self.failures if failure.denied]
        if not self.served:
            self._raise_if_all_failed()
            return []
        if refusals and self.unconfirmed:
            self.read(self.served[0], self.on_error, retry=True)
        for failure in refusals:
            self.scopes.refuse(failure.partition, failure.error)
        self.scopes.serve(self.served, survey)
        failures = [failure for failure in self.failures if not failure.denied]
        for failure in failures:
            self._count(failure)
            with context.bind(scope=failure.partition.instrument):
                _log.debug("could not read the newest part of a scope: %s", failure.error)
        return failures

    def _try(self, partition: Partition) -> None:
        retried, counted = self.streak < _PATIENCE, list[ExchangeError]()
        try:
            requested = self.read(partition, counted.append, retry=retried)
        except RateLimited:  # of the token: no other scope would be served either
            self._count_all(counted)
            raise
        except ExchangeError as error:
            failure = Failure(partition, error, counted, retried)
            self.failures.append(failure)
            self.unconfirmed |= failure.passing
            self.streak += isinstance(error, RetryLater)
            return
        self._count_all(counted)
        if requested:
            self.served.append(partition)
            self.unconfirmed, self.streak = False, 0

    def _raise_if_all_failed(self) -> None:
        for failure in self.failures:
            self._count(failure)
        if self.failures:
            raise self.failures[-1].error

    def _count(self, failure: Failure) -> None:
        self._count_all(failure.counted)

    def _count_all(self, errors: list[ExchangeError]) -> None:
        for error in errors:
            self.on_error(error)
