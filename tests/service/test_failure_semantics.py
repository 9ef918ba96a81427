"""What a failed poll does: the contract's five rules, from the exchange's socket to `/metrics`.

Real passes over real HTTP against the simulated exchange, on a clock that the test moves; without
a database, and with Postgres.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from exporter.model.errors import REASONS
from exporter.service import Service
from exporter.store.database import Connection
from tests.support.configuration import NAMES
from tests.support.service import get, serving
from tests.support.waiting import wait_until
from tests.support.world import ACCOUNTS, BY_NAME, World, exchange, world

Pairs = tuple[tuple[str, str], ...]
"""Account and stream."""

EPSILON = 0.125
"""Seconds; exact in binary, so that ages are exact, too."""

SNAPSHOTS: Pairs = (
    ("main", "balances"),
    ("main", "positions"),
    ("main", "portfolio"),
    ("public", "funding_rates"),
    ("public", "tickers"),
    ("public", "instruments"),
)
COUNTERS: Pairs = (("main", "trades"), ("main", "funding_payments"))


class Breakage(NamedTuple):
    """A way to fail, and the reason that it must be counted under."""

    faults: dict[str, Any]
    reason: str


BREAKAGES = {
    "500s": Breakage({"error_rate": 1}, "server"),
    "timeout": Breakage({"latency_ms": 900}, "timeout"),
    "truncated body": Breakage({"truncate_rate": 1}, "connection"),
    "bomb": Breakage({"bomb_rate": 1}, "payload"),
    "dropped connection": Breakage({"drop_rate": 1}, "connection"),
    "garbage HTML": Breakage({"garbage_rate": 1}, "payload"),
    "malformed record": Breakage({"bad_record_rate": 1}, "payload"),
    "429": Breakage({"budget": 1, "retry_after": 100}, "rate_limited"),
}
REFUSALS = {
    "403 message": Breakage({"refuse_tokens": ACCOUNTS}, "auth"),
    "403 error": Breakage(
        {"forbid": [f"/{stream.path}" for stream in BY_NAME.values()]}, "permission"
    ),
}


@pytest.fixture
def live(tmp_path: Path) -> Iterator[World]:
    """One account, metrics only."""
    with world(tmp_path) as found:
        yield found


@pytest.fixture
def three(tmp_path: Path) -> Iterator[World]:
    """Three accounts, metrics only."""
    with world(tmp_path, accounts=ACCOUNTS) as found:
        yield found


@pytest.fixture
def kept(tmp_path: Path, database_url: str) -> Iterator[World]:
    """One account with Postgres, and all history read."""
    with world(tmp_path, database_url) as found:
        assert found.poll("public", "instruments") == "ok"
        for account, stream in COUNTERS:
            assert found.fill(account, stream)
        yield found


def interval_s(live: World, stream: str) -> float:
    """How often a stream is polled."""
    return next(
        sync.interval.total_seconds() for sync in live.app.syncs if sync.stream.name == stream
    )


def hold_s(live: World, stream: str) -> float:
    """How long values are held after the last good response."""
    return max(3 * interval_s(live, stream), 60)


def domains(live: World, pairs: Pairs) -> dict[tuple[str, str], dict[str, str]]:
    """The domain series of each of these streams, of one scrape."""
    shown = live.shown()
    return {(account, stream): live.domain(stream, account, shown) for account, stream in pairs}


def break_it(live: World, breakage: Breakage) -> None:
    """Let every request fail so."""
    live.simulator.set_faults(**breakage.faults)
    if "bad_record_rate" in breakage.faults:  # its one record is not a list's
        live.simulator.override_position("main", equity="abc")


def mend(live: World) -> None:
    """Let every request succeed again, and pass the longest pause that a failure brings."""
    live.simulator.set_faults()
    live.simulator.override_position("main")
    live.tick(700)


@pytest.mark.parametrize("breakage", BREAKAGES.values(), ids=BREAKAGES)
@pytest.mark.parametrize(("account", "stream"), SNAPSHOTS)
def test_a_failed_poll_holds_the_values_then_withdraws_them(
    live: World, account: str, stream: str, breakage: Breakage
) -> None:
    assert live.poll(account, stream) == "ok"
    good = live.domain(stream, account)
    assert good
    assert live.sync("success", account, stream) == "1"
    assert live.errors(account, stream) == {}

    break_it(live, breakage)
    live.tick(interval_s(live, stream))
    assert live.poll(account, stream) == "failed"
    assert live.domain(stream, account) == good
    assert live.sync("success", account, stream) == "0"
    assert live.sync("held", account, stream) == "1"
    assert live.sync("permitted", account, stream) == "1"
    assert live.errors(account, stream) == {breakage.reason: "1"}

    live.tick(hold_s(live, stream) - interval_s(live, stream))
    assert live.domain(stream, account) == good
    live.tick(EPSILON)
    assert live.domain(stream, account) == {}
    assert live.sync("held", account, stream) == "0"
    assert live.sync("success", account, stream) == "0"

    mend(live)
    assert live.poll(account, stream) == "ok"
    again = live.domain(stream, account)
    assert again.keys() == good.keys()
    assert (again == good) == (stream == "instruments")  # that the others moved proves new values
    assert live.sync("success", account, stream) == "1"
    assert live.errors(account, stream) == {breakage.reason: "1"}


@pytest.mark.parametrize("interval", [5, 20, 21, 120])
def test_values_are_held_for_three_intervals_but_a_minute_at_least(
    tmp_path: Path, interval: int
) -> None:
    with world(tmp_path, ONETRADING_INTERVAL_BALANCES=f"{interval}s") as live:
        live.poll("main", "balances")
        good = live.domain("balances", "main")
        live.tick(max(3 * interval, 60))
        assert live.domain("balances", "main") == good != {}
        live.tick(EPSILON)
        assert live.domain("balances", "main") == {}


def test_a_thread_that_died_withdraws_its_values_too(live: World) -> None:
    """Nobody polls any more, nothing fails: the values must not stay for ever."""
    live.poll_all()
    live.tick(4 * 3600)
    domain = {metric.name for stream in live.app.streams for metric in stream.metrics}
    assert not [name for name in live.shown() if name.partition("{")[0] in domain]


def test_with_postgres_every_breakage_is_held_withdrawn_and_overcome(kept: World) -> None:
    counted: Counter[tuple[str, str, str]] = Counter()
    for name, breakage in BREAKAGES.items():
        assert set(kept.poll_all("main", "public").values()) == {"ok"}
        # In history one bad record is rejected, and the others are loaded.
        pairs = SNAPSHOTS if name == "malformed record" else (*SNAPSHOTS, *COUNTERS)
        good = domains(kept, pairs)
        assert all(good.values())
        break_it(kept, breakage)
        for account, stream in pairs:
            assert kept.poll(account, stream) == "failed"
            counted[account, stream, breakage.reason] += 1
            assert not kept.state(account, stream).success
            errors = kept.errors(account, stream)
            assert errors == {r: str(counted[account, stream, r]) for r in errors}
            assert breakage.reason in errors
        assert domains(kept, pairs) == good
        for account, stream in sorted(pairs, key=lambda pair: hold_s(kept, pair[1])):
            kept.tick(hold_s(kept, stream) - (kept.state(account, stream).age_seconds or 0.0))
            assert kept.domain(stream, account) == good[account, stream]
        kept.tick(EPSILON)
        assert not any(domains(kept, pairs).values())
        mend(kept)


def test_one_malformed_record_spoils_its_whole_answer(live: World) -> None:
    """Half a response would look like sold coins and closed positions."""
    live.poll_all("main")
    balances, positions = live.domain("balances", "main"), live.domain("positions", "main")
    live.simulator.override_balance("main", "EUR", available="abc")
    live.simulator.override_balance("main", "BTC", available="7")
    assert live.poll("main", "balances") == "failed"
    assert live.domain("balances", "main") == balances
    assert live.errors("main", "balances") == {"payload": "1"}
    assert live.poll("main", "positions") == "ok"
    assert live.domain("positions", "main") == positions


def test_a_malformed_record_is_kept_aside_in_postgres(kept: World) -> None:
    kept.poll("main", "balances")
    kept.simulator.override_balance("main", "EUR", available="abc")
    assert kept.poll("main", "balances") == "failed"
    assert kept.poll("main", "balances") == "failed"
    ((stream, record),) = open_rejects(kept)
    assert stream == "balances"
    assert json.loads(record)["available"] == "abc"


def test_a_good_answer_resolves_what_was_malformed_before(kept: World) -> None:
    """It holds the whole state. The same record is open again when it comes again."""
    for _ in range(2):
        kept.simulator.override_balance("main", "EUR", available="abc")
        assert kept.poll("main", "balances") == "failed"
        assert [stream for stream, _ in open_rejects(kept)] == ["balances"]
        kept.simulator.override_balance("main", "EUR", available="1.5")
        kept.tick(15)
        assert kept.poll("main", "positions") == "ok"
        assert [stream for stream, _ in open_rejects(kept)] == ["balances"]
        assert kept.poll("main", "balances") == "ok"
        assert open_rejects(kept) == []


def open_rejects(world: World) -> list[tuple[str, str]]:
    """Stream and record of the open rejects."""
    assert world.database is not None
    return world.database.run(
        lambda connection: [
            (stream, record)
            for stream, record in connection.execute(
                "SELECT stream, record FROM reporting.open_rejects"
            )
        ]
    )


def test_what_is_not_listed_any_more_disappears_at_the_next_good_answer(live: World) -> None:
    live.poll("main", "balances")
    live.poll("main", "positions")
    positions = live.simulator.truth("positions", "main")
    assert len(positions) > 1
    closed, left = positions[0]["instrument_code"], positions[1:]
    live.simulator.override_position("main", positions=left)
    live.simulator.override_balance("main", "BTC", remove=True)

    live.simulator.set_faults(error_rate=1)
    live.poll_all("main")
    assert [name for name in live.domain("balances", "main") if '"BTC"' in name]
    assert [name for name in live.domain("positions", "main") if f'"{closed}"' in name]

    live.simulator.set_faults()
    live.poll_all("main")
    assert not [name for name in live.domain("balances", "main") if '"BTC"' in name]
    assert not [name for name in live.domain("positions", "main") if f'"{closed}"' in name]
    assert live.shown()['onetrading_positions_open{account="main"}'] == str(len(left))


def test_flat_is_0_open_positions_and_no_position(live: World) -> None:
    live.poll_all("main")
    live.simulator.override_position("main", positions=[], account_ratio=None)
    live.poll_all("main")
    assert live.domain("positions", "main") == {'onetrading_positions_open{account="main"}': "0"}
    ratio = 'onetrading_futures_account_ratio{account="main"}'
    assert ratio not in live.domain("portfolio", "main")
    assert len(live.domain("portfolio", "main")) == 4


def test_a_zero_balance_is_0(live: World) -> None:
    live.simulator.override_balance("main", "BTC", available="0E-18", locked="0.000")
    live.poll("main", "balances")
    labels = '{account="main",currency="BTC"}'
    assert live.shown()[f"onetrading_balance_available{labels}"] == "0"
    assert live.shown()[f"onetrading_balance_locked{labels}"] == "0"


@pytest.mark.parametrize("side", ["highest_bid", "lowest_ask"])
@pytest.mark.parametrize("nothing", ["0.00", "0", None])
def test_an_empty_side_of_the_book_is_absent(
    tmp_path: Path, side: str, nothing: str | None
) -> None:
    ticker = {"instrument_code": "BTC_EUR", "highest_bid": "9", "lowest_ask": "11", side: nothing}
    page = json.dumps([ticker | {"last_price": "0", "state": "ACTIVE"}]).encode()
    with world(tmp_path, pages={"/market-ticker": page}) as live:
        assert live.poll("public", "tickers") == "ok"
        there, gone = ("ask", "bid") if side == "highest_bid" else ("bid", "ask")
        shown = live.domain("tickers")
        assert f'onetrading_{there}_price{{instrument="BTC_EUR"}}' in shown
        assert f'onetrading_{gone}_price{{instrument="BTC_EUR"}}' not in shown
        assert shown['onetrading_last_price{instrument="BTC_EUR"}'] == "0"


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_refused_stream_is_asked_with_growing_pauses_and_comes_back(
    tmp_path: Path, refusal: Breakage
) -> None:
    with world(tmp_path, ONETRADING_STREAMS="balances") as live:
        refuse_and_grant(live, refusal)


def refuse_and_grant(live: World, refusal: Breakage) -> None:
    """An hour of refusals, then none, then one again."""
    assert live.poll("main", "balances") == "ok"
    good = live.domain("balances", "main")
    live.simulator.set_faults(**refusal.faults)
    live.simulator.requests.clear()
    asked_at = []
    for _ in range(240):  # an hour, a poll every interval
        live.tick(15)
        live.poll("main", "balances")
        if live.simulator.requests:
            asked_at.append(live.clock.at)
            live.simulator.requests.clear()
        assert live.sync("permitted", "main", "balances") == "0"
        assert live.sync("success", "main", "balances") == "0"
        assert live.domain("balances", "main") == (good if live.clock.at <= 60 else {})
    pauses = [later - earlier for earlier, later in pairwise(asked_at)]
    assert pauses == [30, 60, 120, 240, 480, 600, 600, 600, 600]
    assert live.errors("main", "balances") == {refusal.reason: str(len(asked_at))}

    live.simulator.set_faults()
    waited = 0
    while live.poll("main", "balances") != "ok":
        live.tick(15)
        waited += 15
    assert waited <= 600
    assert live.sync("permitted", "main", "balances") == "1"
    assert live.sync("success", "main", "balances") == "1"
    assert live.domain("balances", "main").keys() == good.keys()

    live.simulator.set_faults(**refusal.faults)  # the pauses begin anew
    live.poll("main", "balances")
    live.tick(30)
    live.simulator.set_faults()
    assert live.poll("main", "balances") == "ok"


def test_a_refusal_of_one_stream_is_only_its_own(live: World) -> None:
    live.poll_all("main")
    live.simulator.set_faults(forbid=["/account/futures/positions"])
    live.tick(15)
    outcomes = live.poll_all("main")
    assert outcomes.pop(("main", "positions")) == "not permitted"
    assert set(outcomes.values()) == {"ok"}
    assert live.sync("permitted", "main", "positions") == "0"
    assert live.sync("permitted", "main", "balances") == "1"
    assert live.shown()['onetrading_token_scope{account="main",scope="read"}'] == "1"


def test_a_refused_token_is_not_tried_by_the_backfill_either(three: World) -> None:
    def refused(account: str, stream: str) -> bool:
        return three.app.refusals.keep_backfill_away(account, stream)

    three.poll_all()
    three.simulator.set_faults(refuse_tokens=["main"])
    three.tick(15)
    assert three.poll("main", "balances") == "failed"
    assert refused("main", "trades")  # though trades has not had its turn
    assert not refused("spot", "trades")
    three.simulator.set_faults()
    assert three.poll("main", "positions") == "ok"
    assert not refused("main", "trades")
    assert refused("main", "balances")


def test_a_token_that_is_replaced_in_its_file_is_used_at_once(live: World, tmp_path: Path) -> None:
    (tmp_path / "main").write_text("an.expired.token")
    for _ in range(8):  # the pause is at its longest
        live.tick(700)
        assert live.poll("main", "balances") == "failed"
    assert live.errors("main", "balances") == {"auth": "8"}
    assert live.sync("permitted", "main", "balances") == "0"
    assert live.shown()['onetrading_token_scope{account="main",scope="read"}'] == "0"
    assert live.poll("main", "balances") == "skipped"

    (tmp_path / "main").write_text(live.simulator.tokens["main"])
    assert live.poll("main", "balances") == "ok"
    assert live.sync("permitted", "main", "balances") == "1"
    assert live.shown()['onetrading_token_scope{account="main",scope="read"}'] == "1"
    assert live.domain("balances", "main")


def test_a_token_file_that_is_gone_or_empty_leaves_the_token_in_force(
    live: World, tmp_path: Path
) -> None:
    (tmp_path / "main").write_text("")
    assert live.poll("main", "balances") == "ok"
    (tmp_path / "main").unlink()
    assert live.poll("main", "balances") == "ok"


def others(live: World, account: str) -> list[str]:
    """The lines of a scrape that are not about an account or about one endpoint's durations."""
    endpoints = "onetrading_api_request_duration_seconds"  # of all accounts together
    process = ("process_", "python_")
    return [
        line
        for line in live.text().splitlines()
        if f'account="{account}"' not in line and not line.startswith((endpoints, *process))
    ]


@pytest.mark.parametrize("breakage", (BREAKAGES | REFUSALS).values(), ids=BREAKAGES | REFUSALS)
def test_one_account_of_three_that_breaks_changes_only_its_own_series(
    three: World, tmp_path: Path, breakage: Breakage
) -> None:
    """Its failure changes no line of the others, and their next polls are as good as ever."""
    with world(tmp_path, accounts=ACCOUNTS) as healthy:
        for both in (three, healthy):
            both.poll_all()
            both.tick(15)
        before = others(three, "hedge")
        three.simulator.set_faults(**breakage.faults, account="hedge")
        three.simulator.override_position("hedge", equity="abc")
        for _ in range(3):
            assert "ok" not in three.poll_all("hedge").values()
        assert others(three, "hedge") == before

        three.poll_all("main", "spot", "public")
        healthy.poll_all("main", "spot", "public")
        quick = [line for line in others(three, "hedge") if "duration_seconds" not in line]
        assert quick == [
            line for line in others(healthy, "hedge") if "duration_seconds" not in line
        ]
        assert quick != before
        three.tick(60)
        assert three.domain("balances", "hedge") == {}
        assert three.domain("balances", "main")


def test_an_account_whose_token_now_reads_another_account_fails_alone(
    three: World, tmp_path: Path
) -> None:
    """The values of two accounts must never stand under one name."""
    three.poll_all()
    good = three.domain("balances", "hedge")
    before = others(three, "hedge")
    (tmp_path / "hedge").write_text(three.simulator.tokens["spot"])
    assert three.poll("hedge", "balances") == "failed"
    assert three.errors("hedge", "balances") == {"payload": "1"}
    assert three.domain("balances", "hedge") == good
    assert others(three, "hedge") == before


def test_postgres_away_changes_no_domain_series(kept: World, tmp_path: Path) -> None:
    """The same polls without a database show the same; what Postgres counts is held."""
    with world(tmp_path) as alone:
        for both in (kept, alone):
            both.poll_all()
        held = domains(kept, COUNTERS)
        assert all(held.values())
        assert kept.database is not None
        kept.database.close()  # from now on it refuses, as when Postgres is away
        # Twice as long as a value is held: the last round is as full as the first.
        for _ in range(12):
            for both in (kept, alone):
                both.tick(50)
                both.poll_all()
            assert domains(kept, SNAPSHOTS) == domains(alone, SNAPSHOTS)
            assert all(domains(kept, SNAPSHOTS).values())
            assert domains(kept, COUNTERS) == held
        for account, stream in SNAPSHOTS:
            assert kept.sync("success", account, stream) == "1"
            assert kept.errors(account, stream) == {}
        for account, stream in COUNTERS:
            assert kept.errors(account, stream) == {"database": "12"}
            assert kept.sync("success", account, stream) == "0"


def test_an_account_that_another_process_writes_holds_up_no_other(
    tmp_path: Path, database_url: str
) -> None:
    """A standby of one account is the writer of another, and stores it."""
    with exchange() as simulator:
        first = World(
            simulator, tmp_path, database_url=database_url, accounts=("main",), holder="first"
        )
        second = World(simulator, tmp_path, database_url=database_url, holder="second")
        try:
            for _ in range(3):
                simulator.advance(15)
                first.clock.at += 15
                first.poll_all()
                asked = len(simulator.requests)
                second.clock.at += 15
                second.renew_leases()
                outcomes = second.poll_all()
                elsewhere = {key for key, how in outcomes.items() if how == "standing by"}
                assert elsewhere == {key for key in outcomes if key[0] in ("main", "public")}
                mine = {request.account for request in list(simulator.requests)[asked:]}
                assert mine <= {"hedge", "spot"}
            assert second.domain("balances", "main") == {} != first.domain("balances", "main")
            assert second.domain("balances", "spot")
            assert {key: second.errors(*key) for key in elsewhere} == {key: {} for key in elsewhere}
            assert len(second.app.spool) == 0
            assert second.database is not None
            assert second.database.run(observed_spans) == dict.fromkeys(ACCOUNTS, 30)
        finally:
            first.close()
            second.close()


def observed_spans(connection: Connection) -> dict[str, int]:
    """Seconds from the first to the last observation of each account's balances."""
    rows = connection.execute(
        "SELECT name, extract(epoch FROM max(last_observed_at) - min(first_observed_at))::int"
        " FROM onetrading.accounts JOIN onetrading.snapshots USING (account_id)"
        " WHERE stream = 'balances' GROUP BY name"
    )
    return dict(rows.fetchall())


def test_scrapes_and_probes_never_call_the_exchange(tmp_path: Path) -> None:
    more = {f"ONETRADING_INTERVAL_{stream.upper()}": "1h" for stream in NAMES}
    with exchange() as simulator, serving(simulator, tmp_path, **more) as (service, base):
        everything_tried(service)
        asked = len(simulator.requests)
        assert asked > 5
        for path in ("/metrics", "/-/healthy", "/-/ready", "/", "/api/status"):
            for _ in range(30):
                get(base, path)
        assert [r.path for r in simulator.requests][asked:] == []


def everything_tried(service: Service) -> None:
    """Wait until every stream was polled once and no poll is under way."""
    wait_until(lambda: all(state.tried for state in service.app.metrics.streams.summaries()))
    time.sleep(0.2)


def test_every_reason_of_a_failure_is_of_the_closed_set(live: World) -> None:
    """Each is there from the start, as 0, so that an alert on its increase works at once."""
    live.poll("main", "balances")
    prefix = 'onetrading_sync_errors_total{account="main",stream="balances",reason="'
    shown = [name for name in live.shown() if name.startswith(prefix)]
    assert sorted(shown) == sorted(f'{prefix}{reason}"}}' for reason in REASONS)
