"""The exchange's clock: never further from the truth than before, whatever arrives."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.clock import ExchangeClock, http_date

START = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
SECOND = timedelta(seconds=1)

offsets = st.timedeltas(timedelta(days=-400), timedelta(days=400))
delays = st.timedeltas(timedelta(0), timedelta(seconds=5))
exchanges = st.lists(st.tuples(delays, delays, delays, st.booleans()), min_size=1, max_size=20)


@dataclass
class Wall:
    """A clock that stands still until a test moves it."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at


def header(server: datetime) -> str:
    return format_datetime(server, usegmt=True)


@given(offsets, exchanges)
def test_each_response_brings_the_clock_nearer_or_leaves_it(
    true_offset: timedelta, talks: list[tuple[timedelta, timedelta, timedelta, bool]]
) -> None:
    wall = Wall()
    clock = ExchangeClock(wall=wall)
    truth = true_offset.total_seconds()
    for idle, there, back, precise in talks:
        before = abs(clock.skew_s - truth)
        sent = wall.at + idle
        server = sent + there + true_offset
        wall.at = received = sent + there + back
        if precise:
            clock.observe_instant(
                server.replace(microsecond=server.microsecond // 1000 * 1000), sent, received
            )
        else:
            clock.observe_date(header(server), sent, received)
        error = abs(clock.skew_s - truth)
        resolution_s = 0.001 if precise else 1.0
        assert error <= before + 1e-6
        assert error <= (there + back).total_seconds() + resolution_s + 1e-6
        assert abs(clock.now() - (wall.at + true_offset)).total_seconds() <= error + 1e-6


def test_a_good_clock_is_left_alone() -> None:
    clock = ExchangeClock(wall=Wall())
    for millis in range(0, 3_000, 70):
        sent = START + timedelta(milliseconds=millis)
        received = sent + timedelta(milliseconds=50)
        clock.observe_date(header(sent + timedelta(milliseconds=20)), sent, received)
        assert clock.skew_s == 0


def test_the_offset_moves_to_the_nearest_bound() -> None:
    clock = ExchangeClock(wall=Wall())
    received = START + SECOND / 2
    server = (START + timedelta(seconds=10)).replace(microsecond=0)
    clock.observe_date(header(server), START, received)
    assert clock.skew_s == (server - received).total_seconds()
    server -= timedelta(seconds=100)
    clock.observe_date(header(server), START, received)
    assert clock.skew_s == (server + SECOND - START).total_seconds()


@given(st.lists(st.timedeltas(timedelta(hours=-2), timedelta(hours=2)), min_size=1))
def test_the_time_never_goes_back_when_our_clock_does(steps: list[timedelta]) -> None:
    wall = Wall()
    clock = ExchangeClock(wall=wall)
    latest = clock.now()
    for step in steps:
        wall.at += step
        now = clock.now()
        assert now >= latest
        latest = now


def test_a_response_corrects_a_clock_that_was_far_ahead() -> None:
    wall = Wall(START + timedelta(days=365))
    clock = ExchangeClock(wall=wall)
    assert clock.now().year == 2027
    clock.observe_date(header(START), wall.at, wall.at)
    assert abs(clock.now() - START) <= SECOND


def test_a_response_received_before_its_request_was_sent_is_ignored() -> None:
    clock = ExchangeClock(wall=Wall())
    clock.observe_date(header(START + timedelta(hours=1)), START, START - SECOND)
    assert clock.skew_s == 0


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
    clock = ExchangeClock(wall=Wall())
    clock.observe_date(garbage, START, START)
    assert clock.skew_s == 0


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
