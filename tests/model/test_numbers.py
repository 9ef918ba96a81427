"""Numbers and instants: those of JSON and no others, and never another exception."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.model.errors import BadRecord
from exporter.model.fields import instant, integer, maybe_money, money
from exporter.model.window import EPOCH

written = st.text("0123456789.+-eE_ \u0661xnaNif", max_size=12) | st.decimals(
    allow_nan=False, allow_infinity=False
).map(str)


def is_json(text: str) -> bool:
    """Whether JSON has this number, by the parser of the standard library."""
    try:
        value = json.loads(text, parse_float=Decimal, parse_constant=lambda _name: None)
    except ValueError:
        return False
    return isinstance(value, int | Decimal) and not isinstance(value, bool) and text == text.strip()


@given(written)
@example("1_000")
@example("+5")
@example(" 5 ")
@example("-0")
@example("1e-400")
@example("0" * 400)
@example("1.")
@example("")
def test_a_number_is_what_json_says_it_is(text: str) -> None:
    if is_json(text) and abs(Decimal(text).adjusted()) <= 300:
        assert money(text, "price").as_tuple() == Decimal(text).as_tuple()
    else:
        with pytest.raises(BadRecord, match="price"):
            money(text, "price")


@given(st.integers(-(10**30), 10**30), st.booleans())
def test_a_whole_number_is_exact_in_every_notation(number: int, as_text: bool) -> None:
    assert integer(str(number) if as_text else number, "sequence") == number
    assert integer(f"{number}.0", "sequence") == number
    with pytest.raises(BadRecord):
        integer(f"{number}.5", "sequence")


@pytest.mark.parametrize("text", ["NaN", "nan", "sNaN", "-Infinity", "inf", None])
def test_what_is_not_finite_is_absent_where_that_is_allowed(text: str | None) -> None:
    assert maybe_money(text, "account_ratio") is None


@given(
    st.integers()
    | st.text("0123456789-:TZ+.W, ", max_size=40)
    | st.from_regex(r"\d{4}-\d\d-\d\d[Tt x]\d\d:\d\d:\d\d(\.\d{1,12})?(Z|[+-]\d\d:\d\d)?")
)
@example("0001-01-01T00:00:00+14:00")
@example("9999-12-31T23:59:59.999999999-14:00")
@example("2026-12-31T23:59:60Z")
@example("2026-12-31T24:00:00Z")
@example(10**4_000)
@example(-(10**4_000))
def test_an_instant_is_in_utc_or_a_bad_record(value: str | int) -> None:
    with suppress(BadRecord):
        at, nanos = instant(value)
        assert at.tzinfo is UTC
        assert EPOCH + timedelta(microseconds=nanos // 1_000) == at
