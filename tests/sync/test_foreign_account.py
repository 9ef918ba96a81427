"""An answer of another account: nothing of it is stored or shown under ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.world import World, world

TABLES = {"funding_payments": "onetrading.funding_payments", "trades": "onetrading.trades"}


@pytest.fixture
def two(tmp_path: Path, database_url: str) -> Iterator[World]:
    """Two accounts, both known."""
    with world(tmp_path, database_url, accounts=("main", "hedge")) as found:
        for account in ("main", "hedge"):
            assert found.poll(account, "balances") == "ok"
        yield found


def rows(database_url: str, stream: str) -> dict[str, int]:
    """How many rows of each account there are."""
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            f"SELECT account_id::text, count(*) FROM {TABLES[stream]} GROUP BY 1"  # noqa: S608
        )
        return dict(found.fetchall())


def proven(database_url: str) -> list[tuple[Any, ...]]:
    """All that is claimed of any account."""
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT account_id::text, stream, range::text FROM onetrading_sync.coverage"
        )
        return sorted(found.fetchall())


@pytest.mark.parametrize("known", [True, False], ids=["after its own rows", "at first"])
@pytest.mark.parametrize("stream", TABLES)
def test_a_page_of_another_account_is_not_loaded(
    stream: str, known: bool, two: World, tmp_path: Path, database_url: str
) -> None:
    if known:
        assert two.poll("hedge", stream) == "ok"
    before, claims = rows(database_url, stream), proven(database_url)
    domain = two.domain(stream, "hedge")
    (tmp_path / "hedge").write_text(two.simulator.tokens["main"])
    two.tick(4 * 3_600)  # both accounts have traded, and been paid, since
    assert two.poll("hedge", stream) == "failed"
    assert two.errors("hedge", stream) == {"payload": "1"}
    assert (rows(database_url, stream), proven(database_url)) == (before, claims)
    assert not two.fill("hedge", stream)
    assert rows(database_url, stream) == before
    assert two.domain(stream, "hedge") == domain


def test_a_token_that_may_read_nothing_but_trades_reads_them(
    tmp_path: Path, database_url: str
) -> None:
    """No answer names its account beforehand; the rows may then say whose they are."""
    paths = ["/account/balances", "/account/futures/summary", "/account/fees"]
    with world(tmp_path, database_url, accounts=("spot",)) as live:
        live.simulator.set_faults(forbid=paths)
        assert live.poll("spot", "trades") == "ok"
        assert live.fill("spot", "trades")
        spot = live.simulator.account_ids["spot"]
    assert spot in rows(database_url, "trades")


@pytest.mark.parametrize("fault", [400, 404])
def test_no_id_is_made_up_for_a_passing_fault(
    fault: int, tmp_path: Path, database_url: str
) -> None:
    paths = ["/account/balances", "/account/futures/summary", "/account/fees"]
    with world(tmp_path, database_url, accounts=("spot",)) as live:
        live.simulator.set_faults(fail_paths=dict.fromkeys(paths, fault))
        assert live.poll("spot", "trades") == "failed"
        live.simulator.set_faults()
        assert live.poll("spot", "trades") == "ok"
        assert live.poll("spot", "balances") == "ok"
        assert live.fill("spot", "trades")
        spot = live.simulator.account_ids["spot"]
    assert set(rows(database_url, "trades")) == {spot}


def test_futures_that_are_refused_with_a_401_do_not_hide_the_account(
    tmp_path: Path, database_url: str
) -> None:
    """No response but that to balances names the account here, and balances are forbidden."""
    with world(tmp_path, database_url, accounts=("spot",)) as live:
        live.simulator.set_faults(no_futures="401", forbid=["/account/balances"])
        assert live.poll("spot", "trades") == "ok"


def test_an_empty_page_of_another_account_proves_nothing(tmp_path: Path, database_url: str) -> None:
    body = b'{"account_id":"a0000000-0000-4000-8000-00000000000f","funding_payments":{}}'
    pages = {"/account/futures/funding-payments": body}
    with world(tmp_path, database_url, pages=pages) as live:
        assert live.poll("main", "balances") == "ok"
        assert live.poll("main", "funding_payments") == "failed"
        assert live.errors("main", "funding_payments") == {"payload": "1"}
        assert not live.fill("main", "funding_payments")
    assert proven(database_url) == []
