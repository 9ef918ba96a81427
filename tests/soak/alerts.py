"""Put the exporter into one state of the world after the other, and write down which alerts fire.

    python -m tests.soak.alerts [STATE]...

Everything is real: the service, the simulated exchange, Postgres, Prometheus with our rules and
Alertmanager with the stack's inhibitions; each state has its own. Time is scaled: a minute of a
rule and of an interval lasts four seconds, so that 25 minutes pass in 100 seconds. What history may
be behind is not scaled, since its settle times are the code's: OnetradingCoverageLag and
OnetradingCoverageGap are out of reach. Prints a table in Markdown; outside the gate, about 45
minutes for all states. Needs Debian's prometheus and prometheus-alertmanager.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import urlsplit

import yaml

from exporter.simulator import Simulator
from exporter.streams import STREAMS
from tests.support.alerts import FILES, FOLDER
from tests.support.config_file import ConfigFile
from tests.support.postgres import PostgresServer, open_directory
from tests.support.process import ROOT, Run, running
from tests.support.prometheus import Alertmanager, alertmanager, prometheus

SCALE = 15
"""How much faster time passes for rules and intervals."""
_LONGEST_FOR_S = 40
"""A day, scaled, is longer than a state lasts: what is asked of days is asked of less."""
_CALM_S = 25.0
_STATE_S = 100.0
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SHOWN = 50
ACCOUNTS = ("main", "hedge")
_PRIVATE = tuple(
    f"/{stream.path}" for stream in STREAMS if not stream.public and "{" not in stream.path
)


@dataclass
class World:
    """What a state can do something to."""

    exchange: Simulator
    postgres: PostgresServer
    run: Run | None
    """None before it was started."""
    config: ConfigFile


class State(NamedTuple):
    """A state of the world: what it is called, and what brings it about."""

    title: str
    cause: Callable[[World], None]
    thresholds: tuple[tuple[str, float], ...] = ()
    """Thresholds that are lower than usual, for what would take days."""
    from_the_start: bool = False
    """It is so before the service starts: a clock that jumps meanwhile is not believed."""


def faults(**which: object) -> Callable[[World], None]:
    """The exchange misbehaves from now on."""
    return lambda world: world.exchange.set_faults(**which)


def everywhere(status: int) -> dict[str, int]:
    """All that an account's token reads is answered with this."""
    return dict.fromkeys(_PRIVATE, status)


def break_config(world: World) -> None:
    """Somebody saves half a configuration file."""
    world.config.path.write_text("[[accounts\n")


def kill(world: World) -> None:
    """The process is gone at once."""
    assert world.run is not None
    world.run.process.kill()
    world.run.process.wait()


STATES = {
    "well": State("well, 25 minutes", lambda _: None),
    "dropped": State(
        "the exchange drops every connection", lambda w: w.exchange.set_faults(drop_rate=1.0)
    ),
    "errors": State(
        "the exchange answers 503 to everything", lambda w: w.exchange.set_faults(error_rate=1.0)
    ),
    "revoked": State(
        "the token of one account is revoked (403 Forbidden)", faults(refuse_tokens=("hedge",))
    ),
    "unauthorised": State(
        "one account gets 401 everywhere", faults(fail_paths=everywhere(401), account="hedge")
    ),
    "refused": State(
        "one account gets 403 everywhere (IP list, scope)", faults(forbid=_PRIVATE, account="hedge")
    ),
    "limited": State("the exchange allows 20 requests a minute (429)", faults(budget=20 * SCALE)),
    "stale": State(
        "one stream of one account fails",
        faults(fail_paths={"/account/balances": 503}, account="hedge"),
    ),
    "hanging": State("one account's requests hang", faults(latency_ms=20_000, account="hedge")),
    "database": State("Postgres is away", lambda w: w.postgres.stop()),
    "spool": State(
        "Postgres is away, the spool fills",
        lambda w: w.postgres.stop(),
        (("spool_snapshots:maximum", 20),),
    ),
    "volume": State(
        "the volume of Postgres fills",
        lambda _: None,
        (("database_size:maximum_bytes", 1_000_000),),
    ),
    "killed": State("the process is killed", kill),
    "skewed": State("the clock is 30 s off", faults(clock_offset=30), from_the_start=True),
    "config": State("the configuration file is broken", break_config),
    "rejects": State("records cannot be read", faults(bad_record_rate=0.5, account="hedge")),
    "drift": State("fields are new", faults(unknown_fields=True, account="hedge")),
    "margin": State(
        "a margin is low", lambda w: w.exchange.override_position("main", account_ratio="1.25")
    ),
    "liquidation": State(
        "a margin is critical", lambda w: w.exchange.override_position("main", account_ratio="0.95")
    ),
}


class Seen(NamedTuple):
    """What alerts did in one state: name to accounts and streams."""

    sent: dict[str, set[str]]
    muted: dict[str, set[str]]


def hastened(folder: Path, thresholds: Iterable[tuple[str, float]]) -> str:
    """Copies of the rule files in which time passes faster; the pattern that names them."""
    folder.mkdir()
    lower = dict(thresholds)
    for file in FILES:
        text = (FOLDER / f"{file}.yaml").read_text()
        text = re.sub(
            r"^( +(?:for|keep_firing_for)): (\d+)([smhd])$", _wait, text, flags=re.MULTILINE
        )
        text = re.sub(r"(\[|offset )(\d+)([smhd])\b", _span, text)
        text = re.sub(
            r"(onetrading:sync_age:seconds(?:{[^}]*})?\)?) > 60\b", rf"\1 > {60 // SCALE}", text
        )
        rules = yaml.safe_load(text)
        for rule in (rule for group in rules["groups"] for rule in group["rules"]):
            name = rule.get("record", "").removeprefix("onetrading:")
            if name in lower:
                rule["expr"] = f"vector({lower[name]})"
        (folder / f"{file}.yaml").write_text(yaml.safe_dump(rules, width=1000))
    return f"{folder}/*.yaml"


def _wait(found: re.Match[str]) -> str:
    seconds = int(found[2]) * _UNITS[found[3]] // SCALE
    return f"{found[1]}: {max(1, min(_LONGEST_FOR_S, seconds))}s"


def _span(found: re.Match[str]) -> str:
    """At least five scrapes."""
    return f"{found[1]}{max(5, int(found[2]) * _UNITS[found[3]] // SCALE)}s"


def environment(exchange: Simulator, postgres: PostgresServer, folder: Path) -> ConfigFile:
    """A configuration file with both accounts; intervals are scaled, history is short."""
    intervals = {
        f"ONETRADING_INTERVAL_{stream.name.upper()}": (
            f"{max(1.0, stream.interval.total_seconds() / SCALE):.0f}s"
        )
        for stream in STREAMS
    }
    config = ConfigFile(
        folder,
        exchange,
        **intervals,
        DATABASE_URL=postgres.url,
        ONETRADING_HISTORY_START=f"{exchange.now:%Y-%m-%d}",
        ONETRADING_REQUESTS_PER_MINUTE=str(240 * SCALE),
    )
    config.write({name: name for name in ACCOUNTS})
    return config


def watched(state: State) -> Seen:
    """Let all be well for a while, bring the state about, and watch what is sent and muted."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        postgres = PostgresServer(stack.enter_context(open_directory()) / "postgres")
        postgres.start()
        stack.callback(postgres.stop)
        exchange = stack.enter_context(Simulator(history_days=1))
        config = environment(exchange, postgres, folder)
        if state.from_the_start:
            state.cause(World(exchange, postgres, None, config))
        run = stack.enter_context(running(config.environ, folder / "log"))
        run.wait_until_ready()
        routes = yaml.safe_load((ROOT / "grafana/stack/alertmanager.yaml").read_text())
        manager = stack.enter_context(alertmanager(folder / "alertmanager", routes))
        server = stack.enter_context(
            prometheus(folder / "prometheus", _scraping(run, manager, folder, state))
        )
        del server
        time.sleep(_CALM_S)
        if not state.from_the_start:
            state.cause(World(exchange, postgres, run, config))
        return _look(manager, time.monotonic() + _STATE_S)


def _scraping(run: Run, manager: Alertmanager, folder: Path, state: State) -> dict[str, object]:
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [hastened(folder / "rules", state.thresholds)],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [urlsplit(manager.url).netloc]}]}]
        },
        "scrape_configs": [
            {
                "job_name": "onetrading-exporter",
                "static_configs": [{"targets": [urlsplit(run.base).netloc]}],
            }
        ],
    }


def _look(manager: Alertmanager, until: float) -> Seen:
    """Whatever was ever sent or muted; what is muted only after a while counts as sent."""
    sent, muted = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    while time.monotonic() < until:
        for alert in manager.alerts():
            labels = alert["labels"]
            name = labels["alertname"].removeprefix("Onetrading")
            about = " ".join(labels[key] for key in ("account", "stream") if key in labels)
            (muted if alert["status"]["inhibitedBy"] else sent)[name].add(about)
        time.sleep(0.5)
    return Seen(sent, muted)


def row(state: State, seen: Seen) -> str:
    """A line of the table."""
    told = sorted(seen.muted)
    return f"| {state.title} | {_named(seen.sent)} | {_named({n: seen.muted[n] for n in told})} |"


def _named(alerts: dict[str, set[str]]) -> str:
    parts = []
    for name, about in sorted(alerts.items()):
        whom = ", ".join(sorted(filter(None, about)))
        parts.append(f"{name} ({whom if len(whom) < _SHOWN else len(about)})" if whom else name)
    return "; ".join(parts) or "none"


def main() -> None:
    """Print the table, a line as each state is over."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.alerts", description=__doc__)
    parser.add_argument("states", nargs="*", metavar="STATE", help=", ".join(STATES))
    chosen = parser.parse_args().states or list(STATES)
    if unknown := set(chosen) - STATES.keys():
        sys.exit(f"no such state: {', '.join(sorted(unknown))}")
    print("| state of the world | sent | muted |\n| --- | --- | --- |", flush=True)
    for name in chosen:
        print(row(STATES[name], watched(STATES[name])), flush=True)


if __name__ == "__main__":
    main()
