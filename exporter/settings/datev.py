"""What a DATEV export needs to know of the books it is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from exporter.settings.raw import RawSettings, Setting

COUNTERS = ("trading", "fees", "funding", "external", "position")

_CONSULTANT = Setting(
    name="ONETRADING_DATEV_CONSULTANT",
    group="datev",
    help="consultant number (Beraternummer) of `export --format datev`",
    metavar="NUMBER",
)
_CLIENT = Setting(
    name="ONETRADING_DATEV_CLIENT",
    group="datev",
    help="client number (Mandantennummer) of `export --format datev`",
    metavar="NUMBER",
)
_YEAR = Setting(
    name="ONETRADING_DATEV_FISCAL_YEAR_START",
    group="datev",
    metavar="MM-DD",
    help="day on which the fiscal year of `export --format datev` begins, as `MM-DD`",
    default="01-01",
)
_LENGTH = Setting(
    name="ONETRADING_DATEV_ACCOUNT_LENGTH",
    group="datev",
    metavar="NUMBER",
    help="digits of the ledger accounts of `export --format datev`, 4 to 8",
    default="4",
)
_ACCOUNTS = Setting(
    name="ONETRADING_DATEV_ACCOUNTS",
    group="datev",
    metavar="LIST",
    help="ledger accounts of `export --format datev`: of each asset, and of `trading`, `fees`,"
    " `funding` and `external`, for example `EUR=1800,BTC=1510,trading=1590,fees=6855`;"
    " `hedge/EUR=1801` for one account only",
)
DATEV = (_CONSULTANT, _CLIENT, _YEAR, _LENGTH, _ACCOUNTS)

_KEY = re.compile(r"(?:[A-Za-z0-9_.-]{1,64}/)?(?P<name>[A-Z0-9]{1,20}|[a-z]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatevSettings:
    """The numbers of a DATEV export."""

    consultant: int | None
    client: int | None
    fiscal_year_start: tuple[int, int]
    """Month and day."""
    account_length: int
    accounts: Mapping[str, str]
    """Ledger account by asset or counter, or by ``ACCOUNT/`` and one of them."""

    def ledger_account(self, account: str, name: str) -> str | None:
        """The ledger account of an asset or counter, of an account."""
        return self.accounts.get(f"{account}/{name}", self.accounts.get(name))


def read_datev(raw: RawSettings) -> DatevSettings:
    """The settings as written; what is wrong goes to ``raw.faults``."""
    length = raw.read(_LENGTH.name, lambda given: _number(given.text, 4, 8)) or 4
    return DatevSettings(
        consultant=raw.read(_CONSULTANT.name, lambda given: _number(given.text, 1001, 9_999_999)),
        client=raw.read(_CLIENT.name, lambda given: _number(given.text, 1, 99_999)),
        fiscal_year_start=raw.read(_YEAR.name, lambda given: _month_and_day(given.text)) or (1, 1),
        account_length=length,
        accounts=raw.read(_ACCOUNTS.name, lambda given: _accounts(given.text, length))
        or MappingProxyType({}),
    )


def redacted_datev(settings: DatevSettings) -> Mapping[str, str]:
    """By environment variable, as text that may be logged."""
    month, day = settings.fiscal_year_start
    return {
        _CONSULTANT.name: str(settings.consultant or "none"),
        _CLIENT.name: str(settings.client or "none"),
        _YEAR.name: f"{month:02}-{day:02}",
        _LENGTH.name: str(settings.account_length),
        _ACCOUNTS.name: ",".join(f"{n}={a}" for n, a in settings.accounts.items()) or "none",
    }


def _number(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise ValueError(f"is not a number from {least} to {most}; write digits only")
    return int(text)


def _month_and_day(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])", text)
    if match is None:
        raise ValueError("is not a day as MM-DD up to the 28th; write for example 01-01")
    return int(match[1]), int(match[2])


def _accounts(text: str, length: int) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for number, item in enumerate(text.split(","), start=1):
        key, _, account = (part.strip() for part in item.partition("="))
        match = _KEY.fullmatch(key)
        if match is None or (match["name"].islower() and match["name"] not in COUNTERS):
            raise ValueError(
                f"item {number} is of no asset and not one of {', '.join(COUNTERS)}; write for"
                " example EUR=1800 or fees=6855"
            )
        if not re.fullmatch(rf"[0-9]{{1,{length}}}", account) or not int(account):
            raise ValueError(f"item {number} is no account of at most {length} digits; correct it")
        if key in found:
            raise ValueError(f"item {number} is there twice; remove one of them")
        found[key] = account
    return MappingProxyType(found)
