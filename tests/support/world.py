"""An exporter and a simulated exchange on one clock, which only the test moves.

HTTP and passes are real. Time stands still until `World.tick`, a failed request is not retried, and
only the test starts a pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from exporter.api.retry import Policy
from exporter.app import App, Runtime, enabled
from exporter.metrics import StreamSummary
from exporter.model.stream import PUBLIC_ACCOUNT, Stream
from exporter.settings import Settings
from exporter.simulator import Simulator
from exporter.streams import STREAMS
from exporter.sync.runner import Outcome
from tests.support.clocks import START, Clock
from tests.support.configuration import environment_of, settings_from
from tests.support.expositions import series
from tests.support.waiting import wait_until

ACCOUNTS = ("main", "hedge", "spot")
BY_NAME: Mapping[str, Stream] = {stream.name: stream for stream in STREAMS}

# The back-off before a second attempt is longer than any pass may take: one pass, one request.
ONE_ATTEMPT = Policy(base_s=1e6, cap_s=1e6, read_s=0.6)


def settings_of(
    simulator: Simulator,
    folder: Path,
    accounts: tuple[str, ...] = ACCOUNTS,
    more: Mapping[str, str] | None = None,
) -> Settings:
    """Settings for accounts of the simulator; their tokens are written to files in ``folder``."""
    return settings_from(environment(simulator, folder, accounts, more))


def environment(
    simulator: Simulator,
    folder: Path,
    accounts: tuple[str, ...] = ACCOUNTS,
    more: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The environment that ``settings_of`` reads; it stores nothing unless ``more`` says so."""
    tokens = {name: simulator.tokens[name] for name in accounts}
    return environment_of(simulator.base_url, folder, tokens, **(more or {}))


class World:
    """One exporter and one exchange. Without ``database_url`` the exporter serves metrics only.

    ``holder``: the name under which it takes the leases of its accounts, once; nobody renews them.
    """

    def __init__(
        self,
        simulator: Simulator,
        folder: Path,
        *,
        database_url: str | None = None,
        accounts: tuple[str, ...] = ACCOUNTS,
        holder: str | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.simulator = simulator
        self.clock = Clock()
        given = {
            "ONETRADING_REQUESTS_PER_MINUTE": "1000000",
            **(more or {}),
            "DATABASE_URL": database_url or "none",
        }
        settings = settings_of(simulator, folder, accounts, given)
        runtime = Runtime(
            wall=self.clock.wall,
            monotonic=self.clock.monotonic,
            boottime=self.clock.monotonic,
            steady=self.clock.monotonic,
            random=lambda: 0.999,
            retry=ONE_ATTEMPT,
        )
        self.app = App(settings, enabled(settings), holder=holder, runtime=runtime)
        self.metrics = self.app.metrics
        self.accounts = self.app.accounts
        self.database = self.app.database
        self.syncs = {sync.key: sync for sync in self.app.syncs}
        self.app.open_database()
        self.renew_leases()

    def renew_leases(self) -> None:
        """Ask once for every lease, as the thread of a service does at intervals."""
        if self.app.leases is not None:
            self.app.leases.renew()
            # What another process may have spent of the budgets is there again.
            self.tick(max(limiter.full_in_s for limiter in self.app.rate_limiters.values()))

    def close(self) -> None:
        """Stop the exporter and close its connections."""
        self.app.close()

    def tick(self, seconds: float) -> None:
        """Advance the time of the exporter and the exchange; nothing is polled."""
        self.clock.at += seconds
        self.simulator.advance(seconds)

    def pairs(self) -> list[tuple[str, str]]:
        """Account and stream of everything that can be polled."""
        return list(self.metrics.streams.keys)

    def poll(self, account: str, stream: str) -> Outcome:
        """One pass."""
        return self.app.runner.run(self.syncs[account, stream])

    def poll_all(self, *accounts: str) -> dict[tuple[str, str], Outcome]:
        """One pass of every stream of these accounts (none given: of all)."""
        return {
            (account, stream): self.poll(account, stream)
            for account, stream in self.pairs()
            if not accounts or account in accounts
        }

    def fill(self, account: str, stream: str) -> bool:
        """Read all history that is missing, as the backfill thread does."""
        histories = self.app.histories(account)
        (history,) = (found for found in histories if found.stream.name == stream)
        return self.app.gap_filler().fill(history)

    def state(self, account: str, stream: str) -> StreamSummary:
        """The summary of a stream that the metrics keep."""
        return next(
            s
            for s in self.metrics.streams.summaries()
            if (s.account, s.stream) == (account, stream)
        )

    def text(self) -> str:
        """The body of a scrape."""
        body, _ = self.metrics.render("", "")
        return body.decode()

    def shown(self) -> dict[str, str]:
        """Series to value of a scrape; fails on a duplicate series."""
        return series(self.text())

    def domain(
        self, stream: str, account: str | None = None, shown: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """The domain series that a stream shows (of one account), now or in ``shown``."""
        families = {metric.name for metric in BY_NAME[stream].metrics}
        return {
            name: value
            for name, value in (shown or self.shown()).items()
            if name.partition("{")[0] in families
            and (account in (None, PUBLIC_ACCOUNT) or f'account="{account}"' in name)
        }

    def sync(self, metric: str, account: str, stream: str, **labels: str) -> str | None:
        """A value of the family ``onetrading_sync_<metric>``."""
        more = "".join(f',{name}="{value}"' for name, value in labels.items())
        name = f'onetrading_sync_{metric}{{account="{account}",stream="{stream}"{more}}}'
        return self.shown().get(name)

    def errors(self, account: str, stream: str) -> dict[str, str]:
        """The reasons whose error counter of a stream is not 0, with its value."""
        prefix = f'onetrading_sync_errors_total{{account="{account}",stream="{stream}",reason="'
        return {
            name.removeprefix(prefix).removesuffix('"}'): value
            for name, value in self.shown().items()
            if name.startswith(prefix) and value != "0"
        }


def exchange(pages: Mapping[str, bytes] | None = None) -> Simulator:
    """A simulated exchange whose clock stands still, with two days of history."""
    return Simulator(now=START, speed=0, history_days=2, pages=pages)


def wait_for_requests(simulator: Simulator, count: int) -> None:
    """Wait until the exchange has received ``count`` requests."""
    wait_until(lambda: len(simulator.requests) >= count, f"fewer than {count} requests arrive")


@contextmanager
def world(
    folder: Path,
    database_url: str | None = None,
    *,
    accounts: tuple[str, ...] = ("main",),
    pages: Mapping[str, bytes] | None = None,
    **more: str,
) -> Iterator[World]:
    """An exporter and its exchange, closed at the end in any case."""
    with exchange(pages) as simulator:
        live = World(simulator, folder, database_url=database_url, accounts=accounts, more=more)
        try:
            yield live
        finally:
            live.close()


@contextmanager
def two_writers(folder: Path, database_url: str) -> Iterator[tuple[World, World]]:
    """Two exporters that compete for the leases of the same accounts, and one exchange."""
    with exchange() as simulator, ExitStack() as stack:
        worlds = []
        for holder in ("first", "second"):
            (folder / holder).mkdir()
            one = World(
                simulator,
                folder / holder,
                database_url=database_url,
                accounts=("main",),
                holder=holder,
            )
            stack.callback(one.close)
            worlds.append(one)
        yield worlds[0], worlds[1]
