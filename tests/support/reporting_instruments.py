"""Made-up instruments whose assets change around the ends of months, and the expected sums."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import zip_longest
from typing import NamedTuple

from hypothesis import strategies as st

from exporter.model.window import EPOCH
from tests.support.reporting import MICROSECOND, Connection, put


class Version(NamedTuple):
    """A row of onetrading.instruments."""

    code: str
    base: str
    quote: str
    start: datetime


def at_microsecond(nanos: int) -> datetime:
    return EPOCH + nanos // 1000 * MICROSECOND


# Nanoseconds since 1970, crowded around the ends of two months.
edges = st.builds(
    lambda month, shift: int(month.timestamp()) * 10**9 + shift,
    st.sampled_from([datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)]),
    st.sampled_from([-1000, -500, -1, 0, 1, 999]) | st.integers(-(10**15), 10**15),
)
codes = st.sampled_from(["BTC_EUR", "ETH_EUR", "UNKNOWN_P"])


versions = st.lists(
    st.builds(
        Version,
        st.sampled_from(["BTC_EUR", "ETH_EUR"]),
        st.sampled_from(["BTC", "XBT"]),
        st.sampled_from(["EUR", "USD"]),
        edges.map(at_microsecond),
    ),
    max_size=6,
    unique_by=lambda version: (version.code, version.start),
).map(lambda drawn: sorted(drawn, key=lambda version: (version.code, version.start)))


def put_versions(connection: Connection, rows: list[Version]) -> None:
    """Versions of instruments; each but the last of an instrument ends where the next begins."""
    put(
        connection,
        "onetrading.instruments (instrument_code, base_code, quote_code, valid_from, valid_to,"
        " kind, state, raw)",
        [
            (
                *row,
                after.start if after and after.code == row.code else None,
                "PERP",
                "ACTIVE",
                "{}",
            )
            for row, after in zip_longest(rows, rows[1:])
        ],
    )


def pair_at(rows: list[Version], code: str, at: datetime) -> tuple[str | None, str | None]:
    """Base and quote: of the last version that began by then, else of the first, else unknown."""
    known = [row for row in rows if row.code == code]
    begun = [row for row in known if row.start <= at]
    for version in [*begun[-1:], *known[:1]]:
        return version.base, version.quote
    return None, None


def exactly(amounts: Iterable[Decimal]) -> Fraction:
    """A sum without rounding; compares equal to the same number as a Decimal."""
    return sum((Fraction(amount) for amount in amounts), Fraction(0))
