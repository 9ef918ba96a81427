"""`/metrics` as clients read it: valid in both formats, complete, no series twice, as agreed.

The files in `golden` hold what a frozen simulated exchange shows. After an intended change:
`WRITE_GOLDEN=1 pytest tests/metrics/test_exposition.py`, and read the difference.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from exporter.metrics.families import SYNC_FAMILIES
from exporter.simulator import Simulator
from tests.support.expositions import lint, openmetrics_families, samples, text_families
from tests.support.loopback import reply, serving
from tests.support.process import Run, running
from tests.support.world import World, environment, exchange

GOLDEN = Path(__file__).parents[1] / "golden"
UPDATE = bool(os.environ.get("WRITE_GOLDEN"))
ACCOUNTS = ("main", "spot")
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
HISTORIES = (
    ("main", "trades"),
    ("main", "funding_payments"),
    ("main", "closed_positions"),
    ("spot", "trades"),
)


def normal(live: World) -> None:
    """All polled, all history read."""
    live.poll_all("public")
    if live.database is not None:
        for account, stream in HISTORIES:
            assert live.fill(account, stream)
    live.poll_all()


def polled(live: World) -> None:
    """All polled, no history read but the newest."""
    live.poll_all()


def flat(live: World) -> None:
    """An account that holds nothing: no position, no currency, no ratio."""
    live.simulator.override_position("main", positions=[], account_ratio=None)
    for currency in ("USD", "USDC", "BTC", "ETH", "EUR"):
        live.simulator.override_balance("main", currency, remove=True)
    normal(live)


def refused(live: World) -> None:
    """The exchange refuses one token, after it was good."""
    normal(live)
    live.simulator.set_faults(refuse_tokens=["main"])
    live.tick(30)
    live.poll_all()


def held(live: World) -> None:
    """Nothing succeeds any more, and the values are not too old yet."""
    normal(live)
    live.simulator.set_faults(error_rate=1)
    live.tick(45)
    live.poll_all()


def withdrawn(live: World) -> None:
    """Nothing has succeeded for hours."""
    held(live)
    live.tick(4 * 3600)
    live.poll_all()


def untried(_live: World) -> None:
    """The first scrape comes before the first poll."""


SCENARIOS: dict[str, Callable[[World], None]] = {
    scenario.__name__: scenario for scenario in (normal, flat, refused, held, withdrawn, untried)
}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


def show(
    simulator: Simulator,
    folder: Path,
    scenario: Callable[[World], None],
    accounts: tuple[str, ...] = ACCOUNTS,
    database_url: str | None = None,
) -> tuple[str, str, str]:
    """What a scenario shows: as text, in OpenMetrics, and the part that is the same each time."""
    live = World(simulator, folder, accounts=accounts, database_url=database_url)
    try:
        scenario(live)
        text = live.text()
        openmetrics, _ = live.metrics.render(OPENMETRICS, "")
        return text, openmetrics.decode(), repeatable(live, text)
    finally:
        live.close()


def repeatable(live: World, text: str) -> str:
    """The families that depend on the exchange and the clock alone."""
    domain = {metric.name for stream in live.app.streams for metric in stream.metrics}
    names = domain | {metric.name for metric in SYNC_FAMILIES}
    kept = [
        line
        for line in text.splitlines(keepends=True)
        if (line.split()[2] if line.startswith("#") else line.partition("{")[0]) in names
    ]
    return "".join(kept)


def judge(text: str, openmetrics: str) -> None:
    """Both formats are valid and agree, no series is there twice, promtool accepts it."""
    as_text = samples(text_families(text))
    as_openmetrics = samples(openmetrics_families(openmetrics))
    assert as_text.keys() == as_openmetrics.keys()
    moving = ("process_", "python_")
    assert [
        series
        for series, value in as_text.items()
        if value != as_openmetrics[series] and not series[0].startswith(moving)
    ] == []
    lint(text)


def compare(name: str, shown: str) -> None:
    """Hold what is shown against a golden file."""
    file = GOLDEN / f"{name}.prom"
    if UPDATE:
        file.parent.mkdir(exist_ok=True)
        file.write_text(shown)
    assert shown == file.read_text()


@pytest.mark.parametrize("name", SCENARIOS)
def test_metrics_only(simulator: Simulator, tmp_path: Path, name: str) -> None:
    text, openmetrics, _ = show(simulator, tmp_path, SCENARIOS[name])
    judge(text, openmetrics)


@pytest.mark.parametrize("name", ["normal", "flat"])
def test_with_postgres(simulator: Simulator, tmp_path: Path, database_url: str, name: str) -> None:
    text, openmetrics, shown = show(simulator, tmp_path, SCENARIOS[name], database_url=database_url)
    judge(text, openmetrics)
    compare(name, shown)


@pytest.mark.parametrize("name", ["refused", "held", "withdrawn", "untried"])
def test_with_postgres_and_failures(
    simulator: Simulator, tmp_path: Path, database_url: str, name: str
) -> None:
    """What fails shows the last good values, to the letter, or none."""
    text, openmetrics, shown = show(simulator, tmp_path, SCENARIOS[name], database_url=database_url)
    judge(text, openmetrics)
    good = domain((GOLDEN / "normal.prom").read_text())
    assert good
    if name == "held":
        assert domain(shown) == good
    elif name == "refused":
        main = 'account="main"'
        assert [line for line in domain(shown) if main in line] == [
            line for line in good if main in line
        ]
        assert domain(shown) != good
    else:
        assert domain(shown) == []


def domain(exposition: str) -> list[str]:
    """The sample lines of the domain: all but those about the sync."""
    own = {metric.name for metric in SYNC_FAMILIES}
    return [
        line
        for line in exposition.splitlines()
        if not line.startswith("#") and line.partition("{")[0] not in own
    ]


def test_public_streams_only(simulator: Simulator, tmp_path: Path) -> None:
    text, openmetrics, shown = show(simulator, tmp_path, normal, accounts=())
    judge(text, openmetrics)
    compare("public", shown)
    assert 'account="main"' not in text


def test_a_restart_shows_the_same_counters(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    """They are what Postgres holds: nothing is counted twice, nothing starts at 0."""
    _, _, before = show(simulator, tmp_path, normal, database_url=database_url)
    text, openmetrics, after = show(simulator, tmp_path, polled, database_url=database_url)
    judge(text, openmetrics)
    assert after == before
    assert 'onetrading_trades_total{account="main"' in after


PER_STREAM = ("account", "stream")
POSITION = ("account", "instrument", "direction")
TRADED = ("account", "instrument", "side", "liquidity")
FEE = ("account", "instrument", "currency")
CONTRACT: dict[str, tuple[str, tuple[str, ...]]] = {
    "balance_available": ("gauge", ("account", "currency")),
    "balance_locked": ("gauge", ("account", "currency")),
    "balance_changed_timestamp_seconds": ("gauge", ("account", "currency")),
    "account_equity": ("gauge", ("account",)),
    "account_margin_available": ("gauge", ("account",)),
    "account_margin_used": ("gauge", ("account",)),
    "futures_equity": ("gauge", ("account",)),
    "futures_margin_used": ("gauge", ("account",)),
    "futures_margin_available": ("gauge", ("account",)),
    "futures_maintenance_margin": ("gauge", ("account",)),
    "futures_account_ratio": ("gauge", ("account",)),
    "positions_open": ("gauge", ("account",)),
    "position_open_volume": ("gauge", POSITION),
    "position_open_notional": ("gauge", POSITION),
    "position_maintenance_margin": ("gauge", POSITION),
    "position_last_settlement": ("gauge", POSITION),
    "position_mark_price": ("gauge", POSITION),
    "position_net_volume": ("gauge", ("account", "instrument")),
    "funding_rate": ("gauge", ("instrument",)),
    "mark_price": ("gauge", ("instrument",)),
    "funding_rate_timestamp_seconds": ("gauge", ("instrument",)),
    "next_funding_timestamp_seconds": ("gauge", ("instrument",)),
    "last_price": ("gauge", ("instrument",)),
    "bid_price": ("gauge", ("instrument",)),
    "ask_price": ("gauge", ("instrument",)),
    "volume_24h_base": ("gauge", ("instrument",)),
    "volume_24h_quote": ("gauge", ("instrument",)),
    "instrument_info": ("gauge", ("instrument", "base", "quote", "kind")),
    "instrument_active": ("gauge", ("instrument",)),
    "trades_total": ("counter", TRADED),
    "traded_base_total": ("counter", TRADED),
    "traded_quote_total": ("counter", TRADED),
    "trade_fees_paid_total": ("counter", FEE),
    "trade_rebates_received_total": ("counter", FEE),
    "last_trade_timestamp_seconds": ("gauge", ("account", "instrument")),
    "funding_paid_total": ("counter", ("account", "instrument")),
    "funding_received_total": ("counter", ("account", "instrument")),
    "sync_success": ("gauge", PER_STREAM),
    "sync_last_success_timestamp_seconds": ("gauge", PER_STREAM),
    "sync_interval_seconds": ("gauge", PER_STREAM),
    "sync_permitted": ("gauge", PER_STREAM),
    "sync_duration_seconds": ("histogram", PER_STREAM),
    "sync_errors_total": ("counter", (*PER_STREAM, "reason")),
    "rows_written_total": ("counter", (*PER_STREAM, "operation")),
    "rows_rejected_total": ("counter", PER_STREAM),
    "coverage_lag_seconds": ("gauge", PER_STREAM),
    "coverage_gap_seconds": ("gauge", PER_STREAM),
    "backfill_progress_ratio": ("gauge", PER_STREAM),
    "api_requests_total": ("counter", ("account", "endpoint", "code")),
    "api_request_duration_seconds": ("histogram", ("endpoint",)),
    "api_wait_seconds_total": ("counter", ("account",)),
    "api_budget_remaining": ("gauge", ("account",)),
    "database_up": ("gauge", ()),
    "exporter_leader": ("gauge", ("account",)),
    "exporter_build_info": ("gauge", ("version", "revision", "python")),
    "token_scope": ("gauge", ("account", "scope")),
}
"""Name (without `onetrading_`) to type and labels, of all that the streams of today can show."""


def both_formats(run: Run) -> tuple[str, str]:
    """Text and OpenMetrics of one state: no series came or went between the two scrapes."""
    found = ["", ""]

    def undisturbed() -> bool:
        before = run.get("/metrics").text
        found[:] = before, run.get("/metrics", Accept=OPENMETRICS).text
        after = run.get("/metrics").text
        return samples(text_families(before)).keys() == samples(text_families(after)).keys()

    run.wait_until(undisturbed)
    return found[0], found[1]


def test_the_service_shows_every_metric_of_the_contract(tmp_path: Path, database_url: str) -> None:
    with Simulator(history_days=2) as simulator:
        start = (simulator.now - timedelta(days=1)).isoformat()
        more = {
            "DATABASE_URL": database_url,
            "ONETRADING_HISTORY_START": start,
            "ONETRADING_INTERVAL_TRADES": "500ms",
            "ONETRADING_INTERVAL_FUNDING_PAYMENTS": "500ms",
            # Polls this frequent would leave nothing of the usual budget to the backfill.
            "ONETRADING_REQUESTS_PER_MINUTE": "100000",
        }
        with running(environment(simulator, tmp_path, more=more), tmp_path / "log") as run:
            wanted = ("onetrading_trades_total", "onetrading_funding_paid_total")
            run.wait_until(lambda: all(name in run.get("/metrics").text for name in wanted))
            run.wait_until_ready()
            text, openmetrics = both_formats(run)
            run.check_log()
    one, other = (
        samples(text_families(text)).keys(),
        samples(openmetrics_families(openmetrics)).keys(),
    )
    # Months may be judged for the first time between the two scrapes.
    assert [name for name, _ in one ^ other if "reconciliation" not in name] == []
    lint(text)
    shown = {
        family.name + ("_total" if family.type == "counter" else ""): (
            family.type,
            [set(sample.labels) - {"le"} for sample in family.samples],
        )
        for family in text_families(text)
    }
    for name, (kind, labels) in CONTRACT.items():
        found, of_samples = shown[f"onetrading_{name}"]
        assert found == kind, name
        assert of_samples, name
        assert [names for names in of_samples if names != set(labels)] == [], name
    ids = [*simulator.account_ids.values(), *simulator.tokens.values()]
    assert [secret for secret in ids if secret in text] == []


def test_a_scrape_between_two_responses_shows_one_of_them_complete(tmp_path: Path) -> None:
    """Two responses that share half of their currencies alternate, as fast as they are polled."""
    first = balances([f"C{n:02d}" for n in range(60)], "1")
    second = balances([f"C{n:02d}" for n in range(30, 90)], "2")
    turns = [reply(200, first), reply(200, second)] * 20_000
    seen: Counter[str] = Counter()
    changes = 0
    with serving(*turns) as bank:
        (tmp_path / "main").write_text("a.good.token")
        env = {
            "ONETRADING_BASE_URL": bank.base_url,
            "ONETRADING_API_TOKEN_FILE": str(tmp_path / "main"),
            "ONETRADING_STREAMS": "balances",
            "ONETRADING_INTERVAL_BALANCES": "10ms",
            "ONETRADING_REQUESTS_PER_MINUTE": "1000000",
            "ONETRADING_DATA_DIR": str(tmp_path),
            "ONETRADING_LISTEN": "127.0.0.1:0",
            "DATABASE_URL": "none",
        }
        with running(env, tmp_path / "log") as run:
            run.wait_until_ready()
            address = urlsplit(run.base)
            connection = http.client.HTTPConnection(
                f"{address.hostname}:{address.port}", timeout=30
            )
            before = ""
            until = time.monotonic() + 4
            while time.monotonic() < until:
                connection.request("GET", "/metrics")
                shown = balances_of(connection.getresponse().read().decode())
                assert shown in (expected_of(first), expected_of(second))
                value = shown["onetrading_account_equity"]
                seen[value] += 1
                changes += value != before
                before = value
            connection.close()
    assert seen.keys() == {"1", "2"}
    assert sum(seen.values()) > 100
    assert changes > 20


def balances(currencies: list[str], amount: str) -> str:
    """A good response in which every number is ``amount``."""
    rows = [{"currency_code": c, "available": amount, "locked": amount} for c in currencies]
    return json.dumps({"account_equity": amount, "balances": rows})


def expected_of(response: str) -> dict[str, str]:
    """The samples that the response must become."""
    body = json.loads(response)
    shown = {"onetrading_account_equity": body["account_equity"]}
    for row in body["balances"]:
        for member in ("available", "locked"):
            shown[f"onetrading_balance_{member} {row['currency_code']}"] = row[member]
    return shown


_BALANCE = re.compile(
    r'^(onetrading_balance_\w+|onetrading_account_equity)\{account="main"(?:,currency="(\w+)")?\} '
    r"(\S+)$",
    re.MULTILINE,
)


def balances_of(exposition: str) -> dict[str, str]:
    """The same samples of a scrape."""
    found = _BALANCE.findall(exposition)
    return {f"{name} {currency}".strip(): value for name, currency, value in found}
