"""Files that `import` takes, as they are read: what is right, and what is said of what is not."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.importer import LAYOUTS, FaultList, rows_of
from exporter.importer.layouts import KINDS

ACCOUNTS: Mapping[str, Any] = {"main": 1, "hedge": 2}
MOVEMENTS = "account,reference,moved_at,currency_code,amount,kind,note\n"
GOOD = "main,W-1,2026-03-01T12:00:00Z,EUR,-5.50,withdrawal,\n"


def read(name: str, text: str | bytes) -> tuple[list[tuple[Any, ...]], list[str]]:
    faults = FaultList()
    content = io.BytesIO(text.encode() if isinstance(text, str) else text)
    rows = [row.values for row in rows_of(content, LAYOUTS[name], ACCOUNTS, faults)]
    return rows, faults.all()


def test_a_file_is_read_in_any_order_of_columns_with_quotes_and_empty_lines() -> None:
    text = (
        "\ufeffkind,amount,account,note,reference,currency_code,moved_at\r\n"
        "\r\n"
        'deposit, 1000.000000000000000000001 ,main,"two\r\nlines, ""quoted"" ",'
        "D-1,EUR,2026-03-01\r\n"
        ",,,,,,\r\n"
        "transfer,-1E-08,hedge,,T-1,BTC,2026-03-29T02:30:00.123456+02:00"
    )
    assert read("movements", text) == (
        [
            (
                *(1, "D-1", datetime(2026, 3, 1, tzinfo=UTC), "EUR"),
                *(Decimal("1000.000000000000000000001"), "deposit", 'two\r\nlines, "quoted" '),
            ),
            (
                *(2, "T-1", datetime(2026, 3, 29, 0, 30, 0, 123456, tzinfo=UTC), "BTC"),
                *(Decimal("-0.00000001"), "transfer", None),
            ),
        ],
        [],
    )


def test_the_note_may_be_left_out_and_the_cost_of_a_lot_may_be_unknown() -> None:
    rows, faults = read("movements", MOVEMENTS.replace(",note", "") + GOOD.replace(",\n", "\n"))
    assert (rows[0][-1], faults) == (None, [])
    header = "account,reference,base_code,quote_code,acquired_at,quantity,cost\n"
    rows, faults = read("lots", header + "main,L,BTC,EUR,2020-02-29,0.5,\n")
    assert (rows, faults) == (
        [(1, "L", "BTC", "EUR", datetime(2020, 2, 29, tzinfo=UTC), Decimal("0.5"), None)],
        [],
    )


def test_the_history_of_the_ecb_is_known_by_its_header() -> None:
    text = "Date,USD,JPY,CYP,\n2026-03-02,1.0823,161.5,N/A,\n1999-01-04,1.1789,133.73,0.58231,\n"
    rows, faults = read("rates", text)
    assert faults == []
    assert rows == [
        (date(2026, 3, 2), "EUR", "USD", Decimal("1.0823"), "ECB"),
        (date(2026, 3, 2), "EUR", "JPY", Decimal("161.5"), "ECB"),
        (date(1999, 1, 4), "EUR", "USD", Decimal("1.1789"), "ECB"),
        (date(1999, 1, 4), "EUR", "JPY", Decimal("133.73"), "ECB"),
        (date(1999, 1, 4), "EUR", "CYP", Decimal("0.58231"), "ECB"),
    ]
    wrong = "Date,USD,JPY,\n02.03.2026,1.1,2,\n2026-03-03,1,1\n2026-03-04,-1,x,7\n"
    assert read("rates", wrong)[1] == [
        "line 2, Date: '02.03.2026' is not a date; write it as 2026-01-31",
        "line 3: has 3 cells, the header 4; download it again",
        "line 4, USD: '-1' is not above 0; correct it",
        "line 4, JPY: 'x' is not a number; write digits with a decimal point, such as -1234.5",
        "line 4: '7' stands below no currency; correct it",
    ]


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("1,234.56", "contains a thousands separator"),
        ("1'234.5", "contains a thousands separator"),
        ("1 234", "contains a thousands separator"),
        ("1_000", "contains a thousands separator"),
        ("1.234.567", "contains a thousands separator"),
        ("1,234", "contains a comma"),
        ("12,5", "has a decimal comma"),
        ("1.234,56", "has a decimal comma"),
        ("NaN", "is not a number"),
        ("Infinity", "is not a number"),
        ("0x10", "is not a number"),
        ("\u0661", "is not a number"),
        ("€5", "is not a number"),
        ("1.23457E+11", "has an exponent"),
        ("1E-999999999", "has an exponent"),
        ("0.00", "moves nothing"),
        ("9" * 101, "has more than 100 digits"),
    ],
)
def test_an_amount_that_is_not_exact_is_refused(amount: str, said: str) -> None:
    rows, (fault,) = read("movements", MOVEMENTS + GOOD.replace("-5.50", f'"{amount}"'))
    assert rows == []
    assert fault.startswith("line 2, amount: ")
    assert said in fault


@pytest.mark.parametrize(
    ("given", "instead", "said"),
    [
        ("main", "man", "line 2, account: 'man' is not an account that is known; write one of:"),
        ("main", "public", "line 2, account: 'public' is not an account"),
        ("W-1", "", "line 2, reference: is empty"),
        ("W-1", "W\x07", r"line 2, reference: 'W\x07' contains a line break or a control"),
        ("T12:00:00Z", "T12:00:00", "line 2, moved_at: '2026-03-01T12:00:00' has no time zone"),
        ("03-01T12:00:00Z", "02-30", "line 2, moved_at: '2026-02-30' is a day that does not exist"),
        ("T12:00:00Z", "T25:00:00Z", "is a time that does not exist"),
        ("T12:00:00Z", "T12:00:00.1234567Z", "has more than 6 digits after the second"),
        ("2026-03-01T12:00:00Z", "01.03.2026", "is not an ISO 8601 time"),
        ("EUR", "eur", "line 2, currency_code: 'eur' is not written in capitals; write EUR"),
        ("EUR", "€", "line 2, currency_code: '€' is not the code of a currency"),
        ("withdrawal", "withdraw", "line 2, kind: 'withdraw' is unknown; write one of: deposit"),
        ("-5.50", "5.50", "line 2, amount: 5.50 has the wrong sign: a withdrawal went out"),
        ("-5.50,withdrawal", "-1,deposit", "-1 has the wrong sign: a deposit came in"),
        ("-5.50,withdrawal", "1,fee", "1 has the wrong sign: a fee went out"),
        (",withdrawal,", ",withdrawal", "line 2: has 6 cells, the header 7"),
        ("W-1", '"W', "line 2: is not CSV"),
        ("W-1", "W\0", "line 2: contains a NUL character"),
    ],
)
def test_a_wrong_cell_is_told_with_its_line_and_column(given: str, instead: str, said: str) -> None:
    rows, faults = read("movements", MOVEMENTS + GOOD.replace(given, instead))
    assert rows == []
    assert len(faults) == 1
    assert said in faults[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", ["line 1: there is no header; begin with day,base,quote,rate,source"]),
        (b"\xef\xbb\xbf\n\n", ["line 1: there is no header; begin with day,base"]),
        (b"PK\x03\x04", ["line 1: is a zip archive; unpack it"]),
        ("day,base\n".encode("utf-16"), ["line 1: is not UTF-8"]),
        (b"day;base;quote;rate;source\n", ["line 1: is not separated by commas"]),
        (b"day,base,quote,rate,source\n2026-01-01,EUR,\xdf,1,x\n", ["line 2: is not UTF-8"]),
        (
            b"day,base,quote,rate,day,colour\n2026-01-01,EUR,USD,1,,\n",
            [
                "line 1: the column day is there twice",
                "line 1: the column 'colour' is unknown; the columns are day,base,quote,rate,",
                "line 1: the column source is missing",
            ],
        ),
        (
            b"day,base,quote,rate,source\n2026-01-01,EUR,EUR,0,x\n"
            b"2026-01-01T00:00:00Z,EUR,EUR,1,x\n2026-01-01,EUR,EUR,1,x\n",
            [
                "line 2, rate: '0' is not above 0",
                "line 3, day: '2026-01-01T00:00:00Z' is not a date",
                "line 4, quote: EUR is the base as well",
            ],
        ),
    ],
)
def test_a_wrong_file_is_told(text: bytes, said: list[str]) -> None:
    rows, faults = read("rates", text)
    assert rows == []
    assert [fault[: len(begin)] for fault, begin in zip(faults, said, strict=True)] == said


def test_a_thousand_faults_are_kept_and_the_others_counted() -> None:
    _, faults = read("movements", MOVEMENTS + "x\n" * 1500)
    assert len(faults) == 1001
    assert faults[-1] == "and 500 more; correct these first"


instants = st.datetimes(timezones=st.just(UTC)).filter(lambda at: 1 < at.year < 9999)
numbers = st.decimals(allow_nan=False, allow_infinity=False, places=30).filter(bool)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
references = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)


@st.composite
def movement(draw: st.DrawFn) -> tuple[Any, ...]:
    kind = draw(st.sampled_from(KINDS))
    amount = draw(numbers)
    amount = {"deposit": abs(amount), "withdrawal": -abs(amount), "fee": -abs(amount)}.get(
        kind, amount
    )
    return (
        *(draw(st.sampled_from(sorted(ACCOUNTS))), draw(references), draw(instants)),
        *(draw(st.from_regex(r"[A-Z0-9]{1,20}", fullmatch=True)), amount, kind),
        draw(texts) or None,
    )


@given(
    st.lists(movement(), max_size=8),
    st.permutations(range(7)),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(-timedelta(hours=9))]),
    st.booleans(),
)
def test_whatever_can_be_written_is_read_again(
    rows: list[tuple[Any, ...]], order: list[int], end: str, quoting: Any, zone: Any, bom: bool
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=end, quoting=quoting)
    names = MOVEMENTS.strip().split(",")
    writer.writerow([names[i] for i in order])
    for account, reference, at, code, amount, kind, note in rows:
        told = at.astimezone(zone).isoformat()
        cells = [account, reference, told, code, f"{amount:f}", kind, note or ""]
        writer.writerow([cells[i] for i in order])
    found, faults = read("movements", out.getvalue().encode("utf-8-sig" if bom else "utf-8"))
    assert faults == []
    assert found == [(ACCOUNTS[row[0]], *row[1:]) for row in rows]
