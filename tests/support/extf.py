"""A reader of DATEV's EXTF files, written from the description of the format, not from our writer.

Source: developer.datev.de, DATEV-Format: technical structure, header, Buchungsstapel. The patterns
are the expressions given there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

HEADER = {
    1: r'"EXTF"',
    2: "700",
    3: "21",
    4: '"Buchungsstapel"',
    5: "13",
    6: r"20\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d[0-5]\d\d{3}",
    7: "",
    8: r'"\w{0,2}"',
    9: r'"[^"]{0,25}"',
    10: r'"[^"]{0,25}"',
    11: r"\d{4,7}",
    12: r"\d{1,5}",
    13: r"\d{8}",
    14: "[4-8]",
    15: r"\d{8}",
    16: r"\d{8}",
    17: r'"[\w.\-/ ]{0,30}"',
    18: r'"([A-Z]{2}){0,2}"',
    19: "[12]?",
    20: "(0|30|40|50|64)?",
    21: "[01]",
    22: '"[A-Z]{3}"',
    27: r'"(\d{2}){0,2}"',
    31: r'"[^"]{0,16}"',
}
"""Field to its expression; the others are empty, with or without quotes."""
RECORD = {
    1: r"\d{1,10},\d{2}",
    2: '"[SH]"',
    3: '"[A-Z]{3}"',
    4: r"([1-9]\d{0,3},\d{2,6})?",
    5: r"(\d{1,10},\d{2})?",
    6: '"([A-Z]{3})?"',
    7: r"\d{1,9}",
    8: r"\d{1,9}",
    9: r'"(\d{4})?"',
    10: r"(0[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])",
    11: r'"[\w$%\-/]{0,36}"',
    12: r'"[\w$%\-/]{0,12}"',
    13: r"([1-9]\d{0,7},\d{2})?",
    14: r'"([^"]|""){0,60}"',
    114: "[01]?",
}
KIND, CONTENT = r'"([^"]|""){0,20}"', r'"([^"]|""){0,210}"'


class Record(NamedTuple):
    """A booking of a batch."""

    amount: Decimal
    """Positive: debit of `account`."""
    currency: str
    rate: Decimal | None
    base_amount: Decimal | None
    account: str
    counter: str
    day: date
    document: str
    text: str
    more: Mapping[str, str]


class Batch(NamedTuple):
    """A file."""

    header: list[str]
    names: list[str]
    records: list[Record]


def split(line: str) -> list[str]:
    """The fields as written, quotes included."""
    fields = re.findall(r'(?:^|;)((?:"(?:[^"]|"")*")?|[^";]*)(?=;|$)', line)
    assert ";".join(fields) == line
    return list(fields)


def read(content: bytes) -> Batch:
    """Read a batch; fails where it is not as described."""
    text = content.decode("cp1252")
    assert text.endswith("\r\n")
    lines = text.removesuffix("\r\n").split("\r\n")
    assert not [line for line in lines if "\n" in line or "\r" in line or not line.isprintable()]
    header, names = split(lines[0]), lines[1].split(";")
    assert len(header) == 31
    for number, field in enumerate(header, start=1):
        assert re.fullmatch(HEADER.get(number, '(?:"")?'), field), (number, field)
    assert 1001 <= int(header[10]) <= 9_999_999
    begins, first, last = (date.fromisoformat(header[i]) for i in (12, 14, 15))
    assert begins <= first <= last
    assert last < begins.replace(year=begins.year + 1)
    assert len(names) == 125
    return Batch(header, names, [_record(line, first, last, header) for line in lines[2:]])


def _record(line: str, first: date, last: date, header: list[str]) -> Record:
    fields = split(line)
    assert len(fields) == 125
    for number, field in enumerate(fields, start=1):
        if 48 <= number <= 87:
            pattern = KIND if number % 2 == 0 else CONTENT
        else:
            pattern = RECORD.get(number, '(?:"")?')
        assert re.fullmatch(pattern, field), (number, field, line)
    for account in fields[6:8]:
        assert len(account) <= int(header[13])
    amount, rate, base = (_number(fields[i]) for i in (0, 3, 4))
    assert amount
    currency = fields[2].strip('"')
    foreign = currency != header[21].strip('"')
    assert (rate is not None, base is not None, fields[5] != '""') == (foreign,) * 3
    if rate and base:
        assert abs(amount / rate - base) <= Decimal("0.005")
    day, month = int(fields[9][:2]), int(fields[9][2:])
    candidates = [
        date(year, month, day) for year in {first.year, last.year} if day < 29 or month != 2
    ]
    (booked,) = [each for each in candidates if first <= each <= last]
    told = [field[1:-1].replace('""', '"') for field in fields[47:87]]
    return Record(
        amount if fields[1] == '"S"' else -amount,
        currency,
        rate,
        base,
        fields[6],
        fields[7],
        booked,
        fields[10].strip('"'),
        fields[13][1:-1].replace('""', '"'),
        dict(zip(told[::2], told[1::2], strict=True)),
    )


def _number(field: str) -> Decimal | None:
    return Decimal(field.replace(",", ".")) if field else None
