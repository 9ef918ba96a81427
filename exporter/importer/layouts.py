"""The layouts of the files that `import` takes, and the tables that they fill."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from exporter.importer import values

KINDS = ("deposit", "withdrawal", "transfer", "fee", "other")
_SIGNS: Mapping[str, int] = {"deposit": 1, "withdrawal": -1, "fee": -1}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file."""

    name: str
    """In the header of the file."""
    target: str
    """The column of the table that it fills."""
    parse: Callable[[str], Any]
    may_be_empty: bool = False
    """An empty cell is null."""
    may_be_missing: bool = False
    """The header need not name it: null everywhere."""
    verbatim: bool = False
    """Spaces around the text belong to it."""


@dataclass(frozen=True, slots=True)
class Target:
    """The table that a file fills, in the schema `onetrading`."""

    stream: str
    """What its issues are noted under."""
    table: str
    columns: tuple[str, ...]
    """In the order of the values of a row."""
    key: tuple[str, ...]
    happened_at: str
    """The column that says when it happened, an instant or a date."""
    has_account: bool
    """Whether a row is of one account, by ``account_id``; else it is nobody's."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file contains."""

    target: Target
    columns: tuple[Column, ...]
    check: Callable[[Mapping[str, Any]], Sequence[tuple[str, str]]]
    """What is wrong with a row whose cells are right one by one: columns and texts."""


def _nothing(_: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    return ()


def _kind(text: str) -> str:
    if text not in KINDS:
        raise ValueError(f"is unknown; write one of: {', '.join(KINDS)}")
    return text


def _check_sign(row: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    kind, amount = row["kind"], row["amount"]
    sign = _SIGNS.get(kind, 0)
    if sign * amount >= 0:
        return ()
    side = "came in: write it positive" if sign > 0 else "went out: write it negative"
    return (("amount", f"{amount:f} has the wrong sign: a {kind} {side}"),)


def _check_pair(row: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    if row["base"] == row["quote"]:
        return (("quote", f"{row['quote']} is the base as well; correct one of them"),)
    return ()


_account = Column("account", "account_id", values.short_text)
_reference = Column("reference", "reference", values.short_text)


def _layout(
    target: Callable[[tuple[str, ...]], Target],
    columns: tuple[Column, ...],
    check: Callable[[Mapping[str, Any]], Sequence[tuple[str, str]]] = _nothing,
) -> Layout:
    return Layout(target(tuple(column.target for column in columns)), columns, check)


MOVEMENTS = _layout(
    lambda columns: Target(
        "movements",
        "external_movements",
        columns,
        ("account_id", "reference"),
        "moved_at",
        has_account=True,
    ),
    (
        _account,
        _reference,
        Column("moved_at", "moved_at", values.instant),
        Column("currency_code", "currency_code", values.code),
        Column("amount", "amount", values.not_zero),
        Column("kind", "kind", _kind),
        Column(
            "note",
            "note",
            values.long_text,
            may_be_empty=True,
            may_be_missing=True,
            verbatim=True,
        ),
    ),
    _check_sign,
)
RATES = _layout(
    lambda columns: Target(
        "rates",
        "exchange_rates",
        columns,
        ("base_code", "quote_code", "day", "source"),
        "day",
        has_account=False,
    ),
    (
        Column("day", "day", values.day),
        Column("base", "base_code", values.code),
        Column("quote", "quote_code", values.code),
        Column("rate", "rate", values.positive),
        Column("source", "source", values.short_text),
    ),
    _check_pair,
)
LOTS = _layout(
    lambda columns: Target(
        "lots",
        "external_lots",
        columns,
        ("account_id", "reference"),
        "acquired_at",
        has_account=True,
    ),
    (
        _account,
        _reference,
        Column("base_code", "base_code", values.code),
        Column("quote_code", "quote_code", values.code),
        Column("acquired_at", "acquired_at", values.instant),
        Column("quantity", "quantity", values.positive),
        Column("cost", "cost", values.not_negative, may_be_empty=True),
    ),
)

LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {layout.target.stream: layout for layout in (MOVEMENTS, RATES, LOTS)}
)

ECB_BASE, ECB_SOURCE = "EUR", "ECB"


def is_ecb(layout: Layout, header: Sequence[str]) -> bool:
    """Whether a header is that of the ECB's ``eurofxref-hist.csv``: Date, then codes."""
    codes = [name for name in header[1:] if name]
    return (
        layout is RATES
        and header[:1] == ["Date"]
        and bool(codes)
        and ECB_BASE not in codes
        and all(len(name) == 3 and name.isalpha() and name.isupper() for name in codes)
    )


def with_accounts(layout: Layout, accounts: Mapping[str, Any]) -> tuple[Column, ...]:
    """The columns, with the names of accounts read as their ids; ``accounts``: id by name."""
    return tuple(
        Column(column.name, column.target, partial(_account_id, accounts))
        if column is _account
        else column
        for column in layout.columns
    )


def _account_id(accounts: Mapping[str, Any], text: str) -> Any:
    if text not in accounts:
        known = ", ".join(sorted(accounts))
        raise ValueError(
            f"is not an account that is known; write one of: {known}"
            if known
            else "is not known: no account is; run `sync` once with its token"
        )
    return accounts[text]
