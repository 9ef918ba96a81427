"""The exchange's clock: carried by a steady clock, moved only by what most responses confirm."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.clock import AGAINST_ONE_S, AGAINST_TWO_S, ExchangeClock, Witness, http_date
from exporter.api.clock_votes import BODY, TOLERANCE

START = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
NONE = timedelta(0)
ENDPOINTS = ("account/balances", "account/trades", "market-ticker", "funding-rate", "instruments")

offsets = st.timedeltas(timedelta(days=-400), timedelta(days=400))
delays = st.timedeltas(timedelta(0), timedelta(seconds=5))
exchanges = st.lists(st.tuples(delays, delays, delays, st.booleans()), min_size=1, max_size=20)


@dataclass
class World:
    """Our clocks, and an exchange whose responses may lie. ``wall_off``: how wrong ours is."""

    wall_off: timedelta = NONE
    at: float = 1_000.0
    clock: ExchangeClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = ExchangeClock(wall=lambda: self.truth + self.wall_off, steady=lambda: self.at)

    @property
    def truth(self) -> datetime:
        return START + timedelta(seconds=self.at - 1_000)

    @property
    def error(self) -> timedelta:
        return abs(self.clock.now() - self.truth)

    def knows(self) -> bool:
        """Whether the exchange's time is known."""
        return self.clock.known

    def hear(
        self, endpoint: str = ENDPOINTS[0], lie: timedelta = NONE, after: float = 0.0, age: str = ""
    ) -> None:
        """A response of an endpoint; ``time`` states its time in the body as well."""
        self.at += after
        stated, witness = self.truth + lie, Witness("main", endpoint)
        self.clock.observe_date(header(stated), self.at, self.at + 0.05, witness, age)
        self.at += 0.05
        if endpoint == "time":
            self.clock.observe_instant(stated, self.at - 0.05, self.at, witness)

    def hear_all(self, lie: timedelta = NONE, *, lasts: float = 0.0, every: float = 1.0) -> None:
        """All endpoints again and again, ``time`` included."""
        until = self.at + lasts
        while True:
            for endpoint in (*ENDPOINTS, "time"):
                self.hear(endpoint, lie)
            if self.at >= until:
                return
            self.at += every


def header(server: datetime) -> str:
    return format_datetime(server, usegmt=True)


def known(wall_off: timedelta = NONE) -> World:
    """A world whose clock is known, and right."""
    world = World(wall_off)
    world.hear_all(lasts=2 * AGAINST_ONE_S)
    assert world.knows()
    assert world.error <= SECOND
    return world


@given(st.timedeltas(-TOLERANCE, TOLERANCE), exchanges)
def test_each_response_brings_the_clock_nearer_or_leaves_it(
    true_offset: timedelta, talks: list[tuple[timedelta, timedelta, timedelta, bool]]
) -> None:
    world = World(-true_offset)
    witness, clock = Witness("main", "time"), world.clock
    for idle, there, back, precise in talks:
        before = world.error if clock.known else timedelta(days=800)
        world.at += idle.total_seconds()
        sent = world.at
        world.at += there.total_seconds()
        server = world.truth
        world.at += back.total_seconds()
        if precise:
            whole = server.replace(microsecond=server.microsecond // 1000 * 1000)
            clock.observe_instant(whole, sent, world.at, witness)
        else:
            clock.observe_date(header(server), sent, world.at, witness)
        assert world.error <= before + timedelta(microseconds=5)
        assert world.error <= there + back + SECOND + TOLERANCE


def test_a_good_clock_is_left_alone() -> None:
    world = known()
    for _ in range(50):
        world.hear(after=0.07)
        assert world.error < timedelta(milliseconds=60)


lies = st.timedeltas(timedelta(days=-800), timedelta(days=800))


@given(
    wall_off=st.sampled_from([NONE, -HOUR, HOUR, timedelta(days=200)]),
    talks=st.lists(
        st.tuples(st.sampled_from([*ENDPOINTS, "time"]), lies | st.just(NONE), st.floats(0, 20)),
        max_size=60,
    ),
    liars=st.sets(st.sampled_from([*ENDPOINTS, "time"]), max_size=2),
)
def test_endpoints_that_lie_for_ever_move_nothing_while_most_do_not(
    wall_off: timedelta, talks: list[tuple[str, timedelta, float]], liars: set[str]
) -> None:
    """Whatever they state, and when; at any distance from the truth, in steps of any size."""
    world = known(wall_off)
    for endpoint, lie, after in talks:
        world.hear(endpoint, lie if endpoint in liars else NONE, after)
        for honest in set(ENDPOINTS) - liars:
            world.hear(honest)
        assert world.error <= TOLERANCE + SECOND
    world.hear_all()
    assert world.error <= 2 * SECOND


@given(lie=lies, lasts=st.floats(0, AGAINST_TWO_S - 3), wall_off=st.sampled_from([NONE, -HOUR]))
def test_a_jump_of_all_for_some_seconds_moves_nothing(
    lie: timedelta, lasts: float, wall_off: timedelta
) -> None:
    world = known(wall_off)
    if abs(lie + -wall_off) <= TOLERANCE or abs(lie) <= TOLERANCE:
        return
    world.hear_all(lie, lasts=lasts)
    assert world.error <= SECOND
    world.hear_all(lasts=10)
    assert world.error <= SECOND


@given(small=st.timedeltas(-TOLERANCE, TOLERANCE))
def test_many_small_lies_of_the_only_endpoint_are_not_a_large_one(
    small: timedelta,
) -> None:
    world = World()
    world.hear()
    drift = NONE
    for _ in range(30):
        drift += small
        world.hear(lie=drift, after=0.1)
        assert world.error <= TOLERANCE + SECOND


@pytest.mark.parametrize("jump", [HOUR, -HOUR, timedelta(days=30), timedelta(seconds=8)])
def test_a_jump_that_stays_is_followed(jump: timedelta) -> None:
    world = known()
    world.hear_all(jump, lasts=AGAINST_TWO_S + 5)
    assert abs(world.clock.now() - world.truth - jump) <= SECOND
    assert abs(world.clock.skew_s - jump.total_seconds()) <= 1


def test_a_jump_that_our_clock_confirms_is_followed_soon() -> None:
    """The machine was paused without its steady clock noticing, and its time was set since."""
    world = known()
    world.wall_off = HOUR
    world.hear_all(HOUR, lasts=AGAINST_ONE_S + 3)
    assert abs(world.clock.now() - world.truth - HOUR) <= SECOND


@pytest.mark.parametrize("lie", [HOUR, -HOUR])
@pytest.mark.parametrize("endpoint", ["time", *ENDPOINTS[:2]])
def test_one_endpoint_alone_confirms_nothing(endpoint: str, lie: timedelta) -> None:
    world = known()
    for _ in range(200):
        world.hear(endpoint, lie, after=1)
        world.hear("account/orders" if endpoint == "time" else "time", after=1)
    assert world.error <= SECOND
    assert world.clock.disputed


def test_no_date_outvotes_the_body_of_time() -> None:
    """The exchange writes that one itself; a gateway with a wrong clock writes all the dates."""
    world = known()
    for _ in range(60):
        for endpoint in (*ENDPOINTS, "time"):
            world.clock.observe_date(
                header(world.truth + HOUR), world.at, world.at, Witness("main", endpoint)
            )
        world.clock.observe_instant(world.truth, world.at, world.at, Witness("main", "time"))
        world.at += 1
    assert world.error <= SECOND


@given(st.lists(st.timedeltas(timedelta(hours=-2), timedelta(hours=2)), min_size=1))
def test_our_clock_may_be_set_at_any_moment(steps: list[timedelta]) -> None:
    world = known()
    for step in steps:
        world.wall_off += step
        world.hear(after=15)
        assert world.error <= SECOND
        assert abs(world.clock.skew_s + world.wall_off.total_seconds()) <= 1


@pytest.mark.parametrize("wall_off", [HOUR, timedelta(days=250)])
def test_at_the_start_an_exchange_behind_us_is_believed_once_confirmed(wall_off: timedelta) -> None:
    world = World(wall_off)
    known_after = []
    for endpoint in ENDPOINTS[:3]:
        world.hear(endpoint)
        assert world.clock.now() <= world.truth + SECOND
        known_after.append(world.clock.known)
    assert known_after == [False, False, True]


def test_at_the_start_an_exchange_ahead_of_us_has_to_insist() -> None:
    world = World(-HOUR)
    world.hear_all(lasts=AGAINST_ONE_S - 1)
    assert not world.knows()
    assert world.clock.now() <= world.truth - HOUR
    world.hear_all(lasts=3)
    assert world.knows()
    assert world.error <= SECOND


def test_at_the_start_a_lie_of_some_seconds_is_not_believed() -> None:
    world = World()
    world.hear_all(HOUR, lasts=5)
    assert world.clock.now() <= world.truth
    world.hear_all()
    assert world.knows()
    assert world.error <= SECOND


def test_time_alone_may_tell_the_time() -> None:
    """An exchange that sends no ``Date``: three responses, and nobody who says otherwise."""
    world = World(timedelta(days=100))
    known_after = []
    for _ in range(3):
        world.at += 0.1
        world.clock.observe_instant(world.truth, world.at, world.at, Witness("public", "time"))
        known_after.append(world.clock.known)
    assert known_after == [False, False, True]
    assert world.error <= SECOND


def test_what_a_response_behind_tells_limits_what_was_read_with_it() -> None:
    """And nothing that another endpoint or account read, or an earlier walk."""
    world = known()
    began = world.at
    mine, other = Witness("main", "account/trades"), Witness("desk", "account/trades")
    assert world.clock.stated(mine, began) is None
    world.hear("account/trades", -HOUR, after=1)
    stated = world.clock.stated(mine, began)
    assert stated is not None
    assert abs(stated - (world.truth - HOUR)) <= SECOND
    assert world.clock.stated(other, began) is None
    assert world.clock.stated(mine, world.at + 1) is None
    world.hear("account/trades", HOUR, after=1)
    assert world.clock.stated(mine, began) == stated


def test_a_cached_response_tells_how_old_it_is_and_no_time() -> None:
    world = known()
    began = world.at
    for _ in range(100):
        for endpoint in ENDPOINTS:
            world.hear(endpoint, -HOUR, after=1, age="3600")
    assert world.error <= SECOND
    assert not world.clock.disputed
    assert world.clock.stated(Witness("main", ENDPOINTS[0]), began) is not None


def test_a_dispute_asks_for_the_time_less_and_less_often() -> None:
    world = known()
    assert not world.clock.probe_due()
    asked = 0
    for _ in range(600):
        world.hear(ENDPOINTS[0], HOUR, after=0.5)
        world.hear(ENDPOINTS[1], after=0.5)
        asked += world.clock.probe_due()
    assert 3 <= asked <= 10


def test_the_lower_of_all_clocks_counts_until_the_time_is_known() -> None:
    world = World()
    assert world.clock.now() == world.truth
    world.hear(ENDPOINTS[0], HOUR)
    assert abs(world.clock.now() - world.truth) <= SECOND
    world.hear(ENDPOINTS[1], -HOUR)
    assert abs(world.clock.now() - (world.truth - HOUR)) <= 2 * SECOND
    assert not world.knows()
    world.clock.use_wall()
    assert world.clock.now() == world.truth


def test_a_response_received_before_its_request_was_sent_is_ignored() -> None:
    world = World()
    world.clock.observe_date(header(START), 1.0, 0.0, Witness("main", "time"))
    assert not world.clock.heard


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "yesterday",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 99999 23:59:59 GMT",
        "Mon, 32 Jan 2026 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 01 Jan 2026 00:00:00 +99999999999",
    ],
)
def test_a_header_that_is_not_a_credible_date_is_ignored(garbage: str) -> None:
    world = World()
    world.clock.observe_date(garbage, 0.0, 0.0, Witness("main", BODY))
    assert not world.clock.heard


ascii_text = st.text(st.characters(codec="ascii"))


@given(st.text() | st.builds("Mon, {} Jan {} {} {}".format, *[ascii_text | st.integers()] * 4))
def test_no_text_breaks_the_reading_of_a_date(text: str) -> None:
    parsed = http_date(text)
    assert parsed is None or parsed.utcoffset() == timedelta(0)


@given(st.datetimes(datetime(1900, 1, 1), datetime(9999, 12, 30)))  # noqa: DTZ001 - made aware below
def test_every_http_date_is_read_exactly(at: datetime) -> None:
    whole = at.replace(microsecond=0, tzinfo=UTC)
    assert http_date(header(whole)) == whole


def test_the_obsolete_notations_of_rfc_9110_are_read() -> None:
    expected = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)
    assert http_date("Sunday, 06-Nov-94 08:49:37 GMT") == expected
    assert http_date("Sun Nov  6 08:49:37 1994") == expected
