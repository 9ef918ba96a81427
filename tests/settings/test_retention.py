"""How long observed state is kept: the notation, and what is wrong with one."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.retention import DEFAULT, FOREVER, RESOLUTIONS, Retention, Tier
from exporter.settings.retention import retention, retention_text


def test_the_default_can_be_typed() -> None:
    assert retention("market=7d/minute:35d/hour:400d/day,account=35d/hour") == DEFAULT
    assert retention(retention_text(DEFAULT)) == DEFAULT


def test_a_group_that_is_not_named_is_kept_as_by_default() -> None:
    found = retention("account=90d/day")
    assert found == {**DEFAULT, "account": (Tier(timedelta(days=90), "day"),)}
    assert retention("market=forever") == {**DEFAULT, "market": ()}
    assert retention(" forever ") == FOREVER == retention("market=forever, account=forever")


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    chosen = sorted(draw(st.sets(st.integers(0, 2))))
    ages = sorted(draw(st.sets(st.integers(1, 99_999), min_size=3, max_size=3)))
    return tuple(
        Tier(timedelta(days=age), RESOLUTIONS[place])
        for age, place in zip(ages, chosen, strict=False)
    )


@given(st.fixed_dictionaries({"market": tiers(), "account": tiers()}))
def test_what_is_written_is_read_back(value: Retention) -> None:
    assert retention(retention_text(value)) == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "names nothing; write `forever`, or groups such as market="),
        ("35d/hour", "item 1 is not GROUP=TIERS; write `forever`"),
        ("markets=forever", "item 1 names no group; did you mean market?"),
        ("x=forever", "item 1 names no group; write one of: account, market"),
        ("market=forever,market=7d/day", "item 2 names market again"),
        ("account=35/hour", "item 1 has a tier that is not DAYSd/RESOLUTION"),
        ("account=0d/hour", "item 1 has a tier that is not DAYSd/RESOLUTION"),
        ("account=35d/week", "with one of: minute, hour, day"),
        ("market=35d/hour:7d/minute", "item 1 is not in order; write tiers from young to old"),
        ("market=7d/hour:35d/hour", "item 1 is not in order"),
        ("market=7d/hour:7d/day", "item 1 is not in order"),
        ("x=1,account", "item 1 names no group"),
        ("x=1,account", "item 2 is not GROUP=TIERS"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_write(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        retention(text)
