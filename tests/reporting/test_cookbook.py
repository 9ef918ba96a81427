"""The cookbook's queries give what stands below them, asked by somebody who may only read reports.

`WRITE_GOLDEN=1` writes what they give now into the document.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from exporter.simulator.endpoints.truth import truth
from exporter.store import closes
from tests.support.process import ROOT
from tests.support.reporting import Connection
from tests.support.simulated_year import Year, bring, load

COOKBOOK = ROOT / "docs" / "cookbook.md"
LOCKED = (date(2025, 1, 1), date(2025, 2, 1))
LATE = """\
account,reference,moved_at,currency_code,amount,kind,note
spot,goodwill-17,2025-02-20,EUR,25.00,other,told by the exchange in May
"""
DIGEST = re.compile(r"\b[0-9a-f]{16}\b")
"""The checksums of locks are of rows with all their columns: each new column changes them."""
_SECTION = re.compile(
    r"^## (?P<question>\d+\. .*\?)\n\n(?P<why>(?:[^\n`#].*\n)+)\n"
    r"```sql\n(?P<query>(?:.*\n)+?)```\n\n```text\n(?P<result>(?:.*\n)*?)```\n",
    re.MULTILINE,
)


class Recipe(NamedTuple):
    """A question of the document."""

    question: str
    query: str
    result: str


RECIPES = [
    Recipe(found["question"], found["query"], found["result"])
    for found in _SECTION.finditer(COOKBOOK.read_text("utf-8"))
]


@pytest.fixture(scope="module")
def reader(year: Year) -> Iterator[Connection]:
    """The year, two months of it locked, and what became known afterwards; asked by a reader."""
    name, password = f"analyst_{uuid4().hex}", uuid4().hex
    role = sql.Identifier(name)
    with year.copy() as url, psycopg.connect(url) as owner:
        lock_two_months(owner, year)
        create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, password)
        owner.execute(create)
        owner.execute(sql.SQL("GRANT onetrading_reader TO {}").format(role))
        owner.commit()
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        theirs = parts._replace(netloc=f"{name}:{password}@{host}").geturl()
        try:
            with psycopg.connect(theirs, autocommit=True) as connection:
                connection.execute("SET jit = off; SET timezone = 'UTC'")
                yield connection
        finally:
            owner.execute(sql.SQL("DROP ROLE {}").format(role))
            owner.commit()


def lock_two_months(connection: Connection, year: Year) -> None:
    """Lock January and February; then the exchange halves a fee, and tells of a payment."""
    for month in LOCKED:
        closes.close(connection, month, "UTC", version="1.2.3", acknowledged={})
        connection.commit()
    record = next(
        row
        for row in truth(year.market, "trades", "spot")
        if row["trade"]["time"].startswith("2025-02-1") and Decimal(row["fee"]["fee_amount"]) > 0
    )
    fee = Decimal(record["fee"]["fee_amount"])
    record["fee"]["fee_amount"] = f"{fee / 2:f}"
    load(connection, year.market, year.market.accounts["spot"], "trades", [record])
    bring(connection, "movements", LATE)
    connection.commit()


def shown(connection: Connection, query: str) -> str:
    """The result as a table of text."""
    cursor = connection.execute(query.encode())
    names = [column.name for column in cursor.description or ()]
    rows = cursor.fetchall()
    lines = [names, *([text(value) for value in row] for row in rows)]
    numbers = [
        all(isinstance(row[at], Decimal | int | None) for row in rows) for at in range(len(names))
    ]
    widths = [max(len(line[at]) for line in lines) for at in range(len(names))]
    table = [
        " | ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numbers, strict=True)
        ).rstrip()
        for line in lines
    ]
    table.insert(1, "-+-".join("-" * width for width in widths))
    return "".join(f"{line}\n" for line in table)


def text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def test_the_cookbook_has_twenty_questions() -> None:
    document = COOKBOOK.read_text("utf-8")
    assert [recipe.question.partition(".")[0] for recipe in RECIPES] == [
        str(number) for number in range(1, 21)
    ]
    assert document.count("\n## ") == document.count("```sql\n") == len(RECIPES)


@pytest.mark.parametrize("number", range(len(RECIPES)), ids=lambda number: f"question-{number + 1}")
def test_a_question_has_the_answer_that_is_shown(number: int, reader: Connection) -> None:
    recipe = RECIPES[number]
    result = shown(reader, recipe.query)
    if os.environ.get("WRITE_GOLDEN"):
        document = COOKBOOK.read_text("utf-8")
        before, after = (
            f"```sql\n{recipe.query}```\n\n```text\n{table}```\n"
            for table in (recipe.result, result)
        )
        COOKBOOK.write_text(document.replace(before, after), "utf-8")
        return
    assert DIGEST.sub("...", result) == DIGEST.sub("...", recipe.result)
    assert result.count("\n") > 2, "an empty answer shows nothing"


def test_the_checksums_are_those_of_the_locks(reader: Connection) -> None:
    listed = reader.execute("SELECT left(checksum, 16) FROM reporting.closes ORDER BY month")
    result = shown(reader, RECIPES[-1].query)
    assert DIGEST.findall(result) == [digest for (digest,) in listed]
    assert len(DIGEST.findall(RECIPES[-1].result)) == len(LOCKED)


def test_the_reader_may_not_read_more(reader: Connection) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute("SELECT FROM onetrading.trades")
