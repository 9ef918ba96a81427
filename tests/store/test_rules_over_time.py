"""What held when: fee tiers, the tiers of accounts, funding settings, rules of instruments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.simulator import Simulator
from exporter.store import migrate
from tests.support.clocks import START
from tests.support.raw_responses import Scripted, scripted
from tests.support.stored_snapshots import ask, exporter, poll
from tests.support.world import World, world

TIERS = (
    "SELECT name, fee_group, min_volume, maker_ratio, taker_ratio,"
    " extract(epoch FROM valid_from - %s)::float, extract(epoch FROM valid_to - %s)::float"
    " FROM onetrading.account_fee_tiers JOIN onetrading.accounts USING (account_id)"
    " ORDER BY name, fee_group, valid_from"
)


@pytest.fixture
def scenario(database_url: str, tmp_path: Path) -> Iterator[Scripted]:
    with scripted(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def two(database_url: str, tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, database_url, accounts=("main", "hedge")) as live:
        yield live


def tiers_of(url: str, group: str = "SPOT") -> dict[str, list[tuple[Any, ...]]]:
    """By account: lower bound, maker and taker fee, from when to when, of one group."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for name, fee_group, *rest in ask(url, TIERS, START, START):
        if fee_group == group:
            found.setdefault(name, []).append(tuple(rest))
    return found


def test_the_tier_of_one_account_says_nothing_of_another(two: World, database_url: str) -> None:
    """Both are in one table: a change of one neither ends nor outdates the other's."""
    second = (Decimal(10_000), Decimal("0.0004"), Decimal("0.0008"))
    third = (Decimal(100_000), Decimal("0.0002"), Decimal("0.0006"))
    two.tick(10)
    assert two.poll("main", "account_fees") == "ok"
    two.tick(10)
    assert two.poll("hedge", "account_fees") == "ok"
    two.simulator.override_fee_tier("main", 2)
    two.tick(10)
    assert two.poll("main", "account_fees") == "ok"
    two.tick(10)
    assert two.poll("hedge", "account_fees") == "ok"
    assert tiers_of(database_url) == {
        "main": [(*second, 10, 30), (*third, 30, None)],
        "hedge": [(*second, 20, None)],
    }
    shown = two.domain("account_fees")
    assert shown['onetrading_fee_tier_maker_ratio{account="main",fee_group="SPOT"}'] == "0.0002"
    assert shown['onetrading_fee_tier_taker_ratio{account="hedge",fee_group="SPOT"}'] == "0.0008"
    assert ask(
        database_url,
        "SELECT DISTINCT account, taker_ratio FROM reporting.account_fee_tiers"
        " WHERE valid_to IS NULL ORDER BY account",
    ) == [("hedge", Decimal("0.0008")), ("main", Decimal("0.0006"))]


def test_a_response_from_before_another_accounts_change_is_stored(
    two: World, database_url: str
) -> None:
    """The order in which lists were observed counts within an account only."""
    two.tick(10)
    assert two.poll("hedge", "account_fees") == "ok"
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE onetrading.account_fee_tiers SET valid_from = %s",
            [START + timedelta(seconds=19.5)],
        )
    two.tick(5)
    assert two.poll("main", "account_fees") == "ok"
    assert [start for *_, start, _ in tiers_of(database_url)["main"]] == [15]


def test_a_version_from_the_future_is_mended_for_its_own_account(
    two: World, database_url: str
) -> None:
    """A wrong clock dated one account's tier ahead: the other's instants stay."""
    for account in ("main", "hedge"):
        two.tick(10)
        assert two.poll(account, "account_fees") == "ok"
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE onetrading.account_fee_tiers SET valid_from = %s",
            [START + timedelta(days=3)],
        )
    two.tick(10)
    assert two.poll("main", "account_fees") == "ok"
    found = tiers_of(database_url)
    assert [start < 30 for *_, start, _ in found["main"]] == [True]
    assert [start for *_, start, _ in found["hedge"]] == [3 * 86_400]


def test_the_running_volume_is_shown_and_begins_no_version(two: World, database_url: str) -> None:
    name = 'onetrading_fee_running_volume{account="main",fee_group="SPOT"}'
    seen = set()
    for _ in range(3):
        two.tick(3_600)
        assert two.poll("main", "account_fees") == "ok"
        seen.add(two.domain("account_fees")[name])
    assert len(seen) == 3
    assert len(tiers_of(database_url)["main"]) == 1


def test_a_running_volume_that_is_none_is_malformed(scenario: Scripted) -> None:
    body = (
        '{"active_fee_tiers":[{"fee_group_id":"SPOT","volume":0,"maker_fee":"0.1","taker_fee":'
        '"0.2"}],"running_volumes":[%s]}'
    )
    good = '{"fee_group_id":"SPOT","volume":349.68,"currency":"EUR"}'
    assert scenario.poll("account_fees", body % "") == "ok"
    assert scenario.poll("account_fees", body % good) == "ok"
    for bad in (good.replace("349.68", '"abc"'), "5", f"{good},{good}", '{"volume":1}'):
        assert scenario.poll("account_fees", body % bad) == "failed"
        shown = scenario.shown("onetrading_sync_errors_total", "account_fees", reason="payload")
        assert shown > 0


def schedule(*tiers: str) -> str:
    """The fee schedule of one group."""
    return (
        '[{"fee_group_id":"SPOT","display_text":"x","volume_currency":"EUR","fee_tiers":'
        f"[{','.join(tiers)}]}}]"
    )


def tier(volume: str, taker: str = "0.2", more: str = "") -> str:
    """A tier as sent; ``volume`` is JSON."""
    return (
        f'{{"volume":{volume},"fee_group_id":"SPOT","maker_fee":"0.1","taker_fee":"{taker}"{more}}}'
    )


SCHEDULE = (
    "SELECT min_volume::text, taker_ratio::text, valid_to IS NULL FROM onetrading.fee_tiers"
    " ORDER BY min_volume, valid_from"
)


def test_a_tier_that_changed_or_went_is_still_known(scenario: Scripted) -> None:
    assert scenario.poll("fees", schedule(tier("0"), tier("1000"), tier("5000"))) == "ok"
    assert scenario.poll("fees", schedule(tier("0"), tier("1000", "0.15"))) == "ok"
    assert scenario.rows(SCHEDULE) == [
        ("0", "0.002", True),
        ("1000", "0.002", False),
        ("1000", "0.0015", True),
        ("5000", "0.002", False),
    ]
    assert scenario.rows("SELECT DISTINCT volume_currency FROM onetrading.fee_tiers") == [("EUR",)]


def test_a_tier_that_cannot_be_read_costs_no_other_and_stays(scenario: Scripted) -> None:
    """Its key can be read, also a bound of 0, also in another notation."""
    assert scenario.poll("fees", schedule(tier("0"), tier("1000"), tier("5000"))) == "ok"
    for bad in (tier("0", "abc"), tier("1000.0", "abc"), tier('"1e3"', "abc")):
        others = [tier(bound) for bound in ("0", "1000") if not bad.startswith(tier(bound)[:12])]
        assert scenario.poll("fees", schedule(bad, *others)) == "ok"
    assert scenario.rows(SCHEDULE) == [
        ("0", "0.002", True),
        ("1000", "0.002", True),
        ("5000", "0.002", False),
    ]
    assert len(scenario.rows("SELECT FROM reporting.open_rejects")) == 1


def test_one_bound_in_two_notations_is_one_tier(scenario: Scripted) -> None:
    assert scenario.poll("fees", schedule(tier("1000"))) == "ok"
    assert scenario.poll("fees", schedule(tier("1000"), tier("1000.0"))) == "failed"
    assert scenario.rows(SCHEDULE) == [("1000", "0.002", True)]
    ((key,),) = scenario.rows("SELECT key FROM onetrading_sync.rejects")
    assert key == {"fee_group": "SPOT", "min_volume": "1000"}


def test_funding_settings_of_last_friday_are_known(database_url: str, tmp_path: Path) -> None:
    """The simulated clamp is wider from Friday 20:00 to Monday 00:00 UTC."""
    friday = datetime(2026, 3, 27, 19, 30, tzinfo=UTC)
    with Simulator(now=friday, speed=0, history_days=1) as simulator:
        live = World(simulator, tmp_path, database_url=database_url, accounts=())
        try:
            for hours in (0, 1, 1, 51, 1):
                live.tick(hours * 3_600)
                assert live.poll("public", "funding_settings") == "ok"
        finally:
            live.close()
    rows = ask(
        database_url,
        "SELECT clamp_threshold, market_offset, period_minutes FROM reporting.funding_settings"
        " WHERE instrument_code = 'ETH_USD_P' ORDER BY valid_from",
    )
    assert rows == [(Decimal(clamp), 1, 240) for clamp in ("0.0005", "0.015", "0.0005")]


MARKET = {
    "id": "BTC_USD_P",
    "base": {"code": "BTC", "precision": 8},
    "quote": {"code": "USD", "precision": 2},
    "amount_precision": 4,
    "market_precision": 1,
    "min_size": "10",
    "min_price": "0.10",
    "max_price": "1e6",
    "type": "DATED_FUTURE",
    "state": "ACTIVE",
    "contract_expiry_date": "2031-04-20",
    "contract_duration": "5Y",
    "funding_schedule": {"type": "FIXED_INTERVAL", "period_minutes": 240, "share": 0.10},
    "funding_period": 240,
    "market_offset": 3,
    "price_collar_percentage": 10,
}
CHANGES: dict[str, Any] = {
    "market_precision": 2,
    "min_size": "1",
    "min_price": "0.2",
    "max_price": "2e6",
    "contract_expiry_date": "2032-04-20",
    "contract_duration": "6Y",
    "funding_schedule": {"type": "SESSION"},
    "funding_period": 195,
    "market_offset": 4,
    "price_collar_percentage": "5",
}
COLUMN = {"funding_period": "funding_period_minutes"}


@pytest.mark.parametrize("name", CHANGES)
def test_a_rule_of_an_instrument_that_changed_is_still_known(name: str, scenario: Scripted) -> None:
    assert scenario.poll("instruments", json.dumps([MARKET])) == "ok"
    for _ in range(2):
        assert scenario.poll("instruments", json.dumps([MARKET | {name: CHANGES[name]}])) == "ok"
    before, now = scenario.rows(
        f"SELECT {COLUMN.get(name, name)}, valid_to IS NULL FROM onetrading.instruments"  # noqa: S608
        " ORDER BY valid_from"
    )
    assert before[0] != now[0]
    assert (before[1], now[1]) == (False, True)


def test_the_upgrade_fills_the_columns_and_begins_no_version(
    empty_database_url: str, tmp_path: Path
) -> None:
    """What an earlier version kept in raw alone is the same to the next list."""
    migrations = migrate.load(migrate.migrations_dir())
    odd = MARKET | {"id": "ETH_USD_P", "min_price": "NaN", "max_price": None, "market_offset": "7"}
    odd |= {"contract_duration": "", "funding_schedule": None, "funding_period": 240.0}
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        migrate.apply(connection, [m for m in migrations if m.number <= 8])
        for market in (MARKET, odd):
            connection.execute(
                "INSERT INTO onetrading.instruments (instrument_code, base_code, quote_code, kind,"
                " state, amount_precision, market_precision, min_size, raw, valid_from)"
                " VALUES (%s, 'BTC', 'USD', 'DATED_FUTURE', 'ACTIVE', 4, 1, 10, %s, %s)",
                [market["id"], json.dumps(market), START - timedelta(days=1)],
            )
    body = json.dumps([MARKET, odd]).encode()
    with exporter(tmp_path, empty_database_url, instruments=body) as live:
        poll(live, "public", "instruments", 10)
    rows = ask(
        empty_database_url,
        "SELECT min_price, max_price, price_collar_percentage, contract_expiry_date,"
        " contract_duration, funding_schedule IS NULL, funding_period_minutes, market_offset"
        " FROM onetrading.instruments ORDER BY instrument_code",
    )
    assert rows == [
        (Decimal("0.1"), 1_000_000, 10, "2031-04-20", "5Y", False, 240, 3),
        (None, None, 10, "2031-04-20", None, True, 240, 7),
    ]
