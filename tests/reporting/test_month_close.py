"""Whether a month is complete: the one rule, against interval arithmetic written in Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.window import Window, subtract
from tests.support.reporting import (
    DAY,
    MAIN,
    MICROSECOND,
    NAMES,
    Connection,
    account_ids,
    example_of,
    examples,
    facts,
    put,
    time_zones,
)

PUBLIC = UUID(int=0)
MARCH, APRIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NORMAL_LAG = 15 * MINUTE
COMPLETE = (
    "SELECT account, bool_and(state IN ('ok', 'not_applicable')) FROM reporting.month_close"
    " WHERE month = '2026-03-01' GROUP BY account"
)


@pytest.fixture
def reporting(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection


class Scope(NamedTuple):
    """A row of progress, and what is proven of it."""

    required: datetime
    proven: list[Window]
    retired: str | None = None
    settle: timedelta = timedelta(0)


Scopes = dict[tuple[UUID, str, str], Scope]


def put_scopes(connection: Connection, scopes: Scopes) -> None:
    put(
        connection,
        "onetrading_sync.progress"
        " (account_id, stream, scope, required_from, retired_because, settle)",
        [(*place, s.required, s.retired, s.settle) for place, s in scopes.items()],
    )
    put(
        connection,
        "onetrading_sync.coverage (account_id, stream, scope, range)",
        [
            (*place, f"[{window.start.isoformat()},{window.end.isoformat()})")
            for place, s in scopes.items()
            for window in s.proven
        ],
    )


def judged(connection: Connection, check: str) -> dict[tuple[str, date], tuple[Any, ...]]:
    """State and difference of a check, by account and month."""
    rows = connection.execute(
        "SELECT account, month, state, difference, failing_since, zone, currency"
        " FROM reporting.month_close WHERE check_name = %s",
        [check],
    ).fetchall()
    found = {
        (account, month): (state, difference) for account, month, state, difference, *_ in rows
    }
    assert len(found) == len(rows)
    for _, _, state, _, since, zone, currency in rows:
        assert (since is not None) == (state == "failing")
        assert (zone, currency) == ("UTC", None)
    return found


def state_in(connection: Connection, check: str, month: date, account: str = "main") -> str:
    return str(judged(connection, check)[account, month][0])


def first_of(at: datetime, months: int = 0) -> datetime:
    """The start of the UTC month of an instant, or of one some months later."""
    number = at.year * 12 + at.month - 1 + months
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


def seconds(spans: list[Window]) -> Decimal:
    return sum((Decimal(s.span // MICROSECOND) for s in spans), Decimal(0)) / 10**6


def expected_of(now: datetime, scopes: Scopes) -> dict[tuple[str, date], tuple[str, Decimal]]:
    """What the check "coverage" should say of each account and month."""
    counted = {place: scope for place, scope in scopes.items() if scope.retired is None}
    starts: dict[tuple[UUID, str], datetime] = {}
    months: dict[UUID, datetime] = {}
    for (account, stream, _), scope in scopes.items():
        place = account, stream
        starts[place] = min(scope.required, starts.get(place, scope.required))
    for (account, _, _), scope in counted.items():
        months[account] = min(first_of(scope.required), months.get(account, now))
    missing: defaultdict[tuple[str, date], Decimal] = defaultdict(Decimal)
    undecided: set[tuple[str, date]] = set()
    for (account, stream, _), scope in counted.items():
        month = months[account]
        while month <= now:
            key, end = (NAMES[account], month.date()), first_of(month, 1)
            due = due_to(now, scope)
            later = scope.required > starts[account, stream] + DAY
            wanted = Window(max(month, scope.required) if later else month, min(end, due))
            missing[key] += 0 if wanted.empty else seconds(subtract(wanted, scope.proven))
            if due < end:
                undecided.add(key)
            month = end
    return {
        key: ("failing" if lacking else "open" if key in undecided else "ok", lacking)
        for key, lacking in missing.items()
    }


def due_to(now: datetime, scope: Scope) -> datetime:
    """Until when it should be proven: a tail of a few minutes is no fault."""
    settled = now - scope.settle
    newest = max((window.end for window in scope.proven), default=None)
    if newest is not None and settled - newest <= NORMAL_LAG:
        return min(newest, settled)
    return settled


def scopes_at(now: datetime) -> st.SearchStrategy[Scopes]:
    """Scopes with cuts around the ends of the last months and around now."""
    edges = [first_of(now, -2), first_of(now, -1), first_of(now), now]
    instants = st.builds(
        lambda edge, shift: min(edge + shift, now),
        st.sampled_from(edges),
        st.sampled_from([-DAY, -NORMAL_LAG, -MINUTE, timedelta(0), MICROSECOND, HOUR, 3 * DAY]),
    )

    def scope(
        required: datetime, cuts: list[datetime], proven: list[bool], retired: bool, settled: bool
    ) -> Scope:
        pieces = zip(cuts, cuts[1:], proven, strict=False)
        windows = [Window(start, end) for start, end, covered in pieces if covered]
        return Scope(
            required, windows, "closed" if retired else None, MINUTE if settled else 0 * DAY
        )

    return st.dictionaries(
        st.tuples(account_ids, st.sampled_from(["rates", "trades"]), st.sampled_from(["", "A"])),
        st.builds(
            scope,
            instants,
            st.lists(instants, unique=True, max_size=6).map(sorted),
            st.lists(st.booleans() | st.just(True), min_size=6, max_size=6),
            st.sampled_from([False, False, False, True]),
            st.booleans(),
        ),
        max_size=4,
    )


@examples
@given(data=st.data(), time_zone=time_zones)
def test_coverage_of_each_month(reporting: Connection, data: st.DataObject, time_zone: str) -> None:
    with facts(reporting, time_zone) as now:
        scopes = data.draw(scopes_at(now.astimezone(UTC)))
        put_scopes(reporting, scopes)
        assert judged(reporting, "coverage") == expected_of(now.astimezone(UTC), scopes)


@pytest.mark.parametrize(
    ("required", "proven", "complete"),
    [
        (MARCH, [(MARCH, APRIL)], True),
        (MARCH - DAY, [(MARCH - DAY, APRIL - DAY), (APRIL - DAY, APRIL + DAY)], True),
        # More was backfilled than is required.
        (MARCH + DAY, [(MARCH, APRIL)], True),
        (MARCH, [(MARCH, APRIL - MICROSECOND)], False),
        (MARCH, [(MARCH, APRIL - DAY), (APRIL - DAY + MICROSECOND, APRIL)], False),
        (MARCH + MICROSECOND, [(MARCH + MICROSECOND, APRIL)], False),
        (MARCH, [], False),
    ],
)
def test_is_march_complete(
    reporting: Connection,
    required: datetime,
    proven: list[tuple[datetime, datetime]],
    complete: bool,
) -> None:
    """True only when all of March is proven."""
    with facts(reporting, "Asia/Tokyo"):
        windows = [Window(*bounds) for bounds in proven]
        put_scopes(reporting, {(MAIN, "trades", ""): Scope(required, windows)})
        assert reporting.execute(COMPLETE).fetchall() == [("main", complete)]


def test_a_spot_account_can_be_complete(reporting: Connection) -> None:
    """What it cannot have proves nothing and lacks nothing."""
    all_of_march = [Window(MARCH, APRIL)]
    with facts(reporting, "UTC"):
        put_scopes(
            reporting,
            {
                (MAIN, "trades", ""): Scope(MARCH, all_of_march),
                (MAIN, "funding_payments", ""): Scope(MARCH, [], "the account has no futures"),
                (PUBLIC, "funding_history", "A_P"): Scope(MARCH, all_of_march),
                (PUBLIC, "funding_history", "B_P"): Scope(MARCH, [], "refused"),
            },
        )
        assert sorted(reporting.execute(COMPLETE)) == [("main", True), ("public", True)]


def test_an_account_without_any_history_has_nothing_to_check(reporting: Connection) -> None:
    with facts(reporting, "UTC") as now:
        put_scopes(reporting, {(MAIN, "funding_payments", ""): Scope(MARCH, [], "no futures")})
        put_trade(reporting, now)
        assert judged(reporting, "coverage") == {
            ("main", first_of(now).date()): ("not_applicable", None)
        }


@pytest.mark.parametrize("retired", [None, "the instrument is closed"])
def test_an_instrument_that_was_listed_later_is_required_from_then_on(
    reporting: Connection, retired: str | None
) -> None:
    """Whatever becomes of those before it."""
    with facts(reporting, "UTC"):
        listed = MARCH + 20 * DAY
        put_scopes(
            reporting,
            {
                (PUBLIC, "funding_history", "A_P"): Scope(MARCH, [Window(MARCH, APRIL)], retired),
                (PUBLIC, "funding_history", "B_P"): Scope(listed, [Window(listed, APRIL)]),
            },
        )
        assert state_in(reporting, "coverage", MARCH.date(), "public") == "ok"


def test_scopes_that_were_found_at_the_start_are_the_first_ones(reporting: Connection) -> None:
    """A retired one among them, some seconds before the others, excuses none."""
    with facts(reporting, "UTC"):
        start, later = MARCH + 20 * DAY, MARCH + 20 * DAY + MINUTE
        put_scopes(
            reporting,
            {
                (PUBLIC, "funding_history", "A_P"): Scope(start, [], "the instrument is closed"),
                (PUBLIC, "funding_history", "B_P"): Scope(later, [Window(later, APRIL)]),
            },
        )
        assert state_in(reporting, "coverage", MARCH.date(), "public") == "failing"


def test_months_with_facts_are_judged_though_not_required(reporting: Connection) -> None:
    """But months without either are not listed."""
    with facts(reporting, "UTC"):
        put_scopes(
            reporting, {(MAIN, "trades", ""): Scope(APRIL, [Window(MARCH - DAY, APRIL + DAY)])}
        )
        put_trade(reporting, MARCH - 50 * DAY)
        put_trade(reporting, MARCH + DAY)
        months = judged(reporting, "coverage")
    assert months["main", date(2026, 1, 1)][0] == "failing"
    assert months["main", MARCH.date()] == ("ok", 0)
    assert ("main", date(2026, 2, 1)) not in months


def put_trade(connection: Connection, at: datetime) -> None:
    put(
        connection,
        "onetrading.trades (trade_id, account_id, instrument_code, side, price, amount,"
        " quote_amount, traded_at, traded_at_nanos, raw, row_hash)",
        [(UUID(int=int(at.timestamp())), MAIN, "BTC_EUR", "BUY", 1, 1, 1, at, 0, "{}", 0)],
    )


def put_reject(
    connection: Connection, number: int, stream: str, seen: datetime, times: str | None
) -> None:
    put(
        connection,
        "onetrading_sync.rejects"
        " (account_id, stream, scope, record, record_hash, reason, first_seen_at, possible_times)",
        [(MAIN, stream, "", "{}", number, "no price", seen, times)],
    )


def test_a_rejected_record_blocks_the_months_that_it_can_be_of(reporting: Connection) -> None:
    with facts(reporting, "UTC") as now:
        this, last, before = (first_of(now, months) for months in (0, -1, -2))
        all_time = [Window(before - DAY, now)]
        put_scopes(reporting, {(MAIN, "trades", ""): Scope(before, all_time)})
        assert {state for state, _ in judged(reporting, "rejects").values()} == {"ok", "open"}
        known = f"{{[{last + DAY},{last + DAY}]}}"
        put_reject(reporting, 1, "trades", now, known)
        assert judged(reporting, "rejects") == {
            ("main", before.date()): ("ok", 0),
            ("main", last.date()): ("failing", 1),
            ("main", this.date()): ("open", 0),
        }
        put_reject(reporting, 2, "trades", now, f"{{[{before + DAY},{last + DAY})}}")
        put_reject(reporting, 3, "balances", now, None)
        assert judged(reporting, "rejects") == {
            ("main", before.date()): ("failing", 1),
            ("main", last.date()): ("failing", 2),
            ("main", this.date()): ("failing", 1),
        }
        # Of any time until it came.
        put_reject(reporting, 4, "trades", last + DAY, None)
        assert judged(reporting, "rejects") == {
            ("main", before.date()): ("failing", 2),
            ("main", last.date()): ("failing", 3),
            ("main", this.date()): ("failing", 1),
        }


def test_a_reject_of_a_month_that_is_not_required_is_not_left_out(reporting: Connection) -> None:
    with facts(reporting, "UTC") as now:
        put_scopes(reporting, {(MAIN, "trades", ""): Scope(now, [])})
        put_reject(reporting, 1, "trades", now, f"{{[{MARCH + DAY},{MARCH + DAY}]}}")
        assert state_in(reporting, "rejects", MARCH.date()) == "failing"


def test_an_account_that_left_is_judged_until_its_last_month(reporting: Connection) -> None:
    with facts(reporting, "UTC") as now:
        put_scopes(reporting, {(MAIN, "trades", ""): Scope(MARCH, [Window(MARCH, APRIL + DAY)])})
        reporting.execute("UPDATE onetrading.accounts SET left_at = %s", [APRIL + DAY])
        months = judged(reporting, "coverage")
        assert now >= APRIL
    assert months.keys() == {("main", MARCH.date()), ("main", APRIL.date())}
    assert months["main", MARCH.date()] == ("ok", 0)
    assert months["main", APRIL.date()][0] == "open"


def test_the_reader_may_run_the_rows_to_look_at(reporting: Connection) -> None:
    """They show what is behind a failing check, also where history is required too late."""
    with facts(reporting, "Asia/Tokyo") as now:
        put_scopes(
            reporting,
            {
                (MAIN, "trades", ""): Scope(MARCH, [Window(MARCH, APRIL - DAY)]),
                (PUBLIC, "funding_history", "A_P"): Scope(MARCH + DAY, [Window(MARCH + DAY, now)]),
            },
        )
        put_reject(reporting, 1, "trades", now, f"{{[{MARCH + DAY},{MARCH + DAY}]}}")
        reporting.execute("SET LOCAL ROLE onetrading_reader")
        assert reporting.execute(example_of(reporting, "month_close")).description
        rows = reporting.execute(
            "SELECT account, check_name, state, detail, rows_to_look_at FROM reporting.month_close"
            " WHERE month = '2026-03-01' ORDER BY account, check_name"
        ).fetchall()
        shown = {
            (account, check): reporting.execute(query.encode()).fetchall()
            for account, check, _, _, query in rows
        }
        assert reporting.execute(
            "SELECT count(*) FROM reporting.month_close WHERE rows_to_look_at IS NULL"
        ).fetchone() == (0,)
    assert [row[:3] for row in rows] == [
        ("main", "coverage", "failing"),
        ("main", "rejects", "failing"),
        ("public", "coverage", "failing"),
        ("public", "rejects", "ok"),
    ]
    assert "trades: not proven complete from 2026-03-31 00:00:00Z" in rows[0][3]
    assert "ONETRADING_HISTORY_START" in rows[2][3]
    [(stream, _, gap_start, *_)] = shown["main", "coverage"]
    assert (stream, gap_start) == ("trades", APRIL - DAY)
    assert [row[1:3] for row in shown["main", "rejects"]] == [("trades", "no price")]
    assert [row[1:3] for row in shown["public", "coverage"]] == [("funding_history", MARCH + DAY)]
    assert shown["public", "rejects"] == []
