"""The business time zone and the fees of trading by API: what is read, and what is refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import SettingsError
from exporter.settings import Settings, finance, load


def loaded(**environ: str) -> Settings:
    return load({"DATABASE_URL": "none", **environ}, stream_names=["trades"])


def test_nothing_is_set_by_default() -> None:
    assert dict(loaded().of_reports) == {}
    assert loaded().redacted()["ONETRADING_BUSINESS_ZONE"] == "as in the database"


@pytest.mark.parametrize("text", ["Europe/Vienna", "europe/vienna", "EUROPE/VIENNA"])
def test_a_time_zone_is_written_as_the_iana_does(text: str) -> None:
    assert loaded(ONETRADING_BUSINESS_ZONE=text).of_reports == {"business_zone": "Europe/Vienna"}


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("Europe/Viena", "did you mean Europe/Vienna?"),
        ("+02:00", "write for example Europe/Vienna or UTC"),
        ("Vienna'; --", "write for example Europe/Vienna or UTC"),
    ],
)
def test_an_unknown_zone_is_refused_with_advice(text: str, advice: str) -> None:
    with pytest.raises(SettingsError) as error:
        loaded(ONETRADING_BUSINESS_ZONE=text)
    (fault,) = error.value.faults
    assert fault.startswith("ONETRADING_BUSINESS_ZONE") and fault.endswith(advice)


ratios = st.decimals("-0.0999", "0.0999", places=6)


@given(st.dictionaries(st.sampled_from(["SPOT", "FUTURES"]), st.tuples(ratios, ratios), min_size=1))
def test_fees_are_read_as_written(fees: dict[str, tuple[Decimal, Decimal]]) -> None:
    text = ", ".join(f"{group}={maker:f}/{taker:f}" for group, (maker, taker) in fees.items())
    read = finance.api_fees(text)
    assert read == {
        f"api_{side}_ratio_{group.lower()}": ratio
        for group, both in fees.items()
        for side, ratio in zip(("maker", "taker"), both, strict=True)
    }
    assert finance.api_fees(finance.api_fees_text(read)) == read


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["names nothing"]),
        ("SPOT=0.1", ["item 1 is not GROUP=MAKER/TAKER"]),
        ("SPOT=0.25/0.3, BOND=0/0", ["item 1 has a fee of 10 % or more", "item 2 is not GROUP"]),
        ("SPOT=0/0,SPOT=0/0.1", ["item 2"]),
        ("SPOT=0.001/0.002,SPOT=0.001/0.002", ["item 2 names SPOT again"]),
    ],
)
def test_every_fault_of_the_fees_is_told(text: str, words: list[str]) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        finance.api_fees(text)
    assert all(word in str(error.value) for word in words)
