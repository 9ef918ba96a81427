"""The ledger accounts and numbers of a DATEV export, and what is said of those that are wrong."""

from __future__ import annotations

import pytest

from exporter.model.errors import SettingsError
from tests.support.configuration import settings_from

BASE = {"DATABASE_URL": "none", "ONETRADING_DATA_DIR": "/nowhere"}


def test_the_most_specific_ledger_account_is_used() -> None:
    accounts = "EUR=1800, hedge/EUR=1801,fees=6855,1INCH=1520"
    datev = settings_from(BASE | {"ONETRADING_DATEV_ACCOUNTS": accounts}).datev
    assert datev.ledger_account("main", "EUR") == "1800"
    assert datev.ledger_account("hedge", "EUR") == "1801"
    assert datev.ledger_account("hedge", "fees") == "6855"
    assert datev.ledger_account("main", "1INCH") == "1520"
    assert datev.ledger_account("main", "BTC") is None
    assert (datev.consultant, datev.fiscal_year_start, datev.account_length) == (None, (1, 1), 4)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("CONSULTANT", "1000", "is not a number from 1001 to 9999999"),
        ("CLIENT", "0", "is not a number from 1 to 99999"),
        ("ACCOUNT_LENGTH", "9", "is not a number from 4 to 8"),
        ("FISCAL_YEAR_START", "02-29", "is not a day as MM-DD up to the 28th"),
        ("ACCOUNTS", "EUR=1800,fee=6855", "item 2 is of no asset and not one of trading, fees"),
        ("ACCOUNTS", "EUR=18000", "item 1 is no account of at most 4 digits"),
        ("ACCOUNTS", "EUR=0", "item 1 is no account"),
        ("ACCOUNTS", "EUR=1800,EUR=1801", "item 2 is there twice"),
        ("ACCOUNTS", "EUR", "item 1 is no account"),
    ],
)
def test_what_is_wrong_is_told(name: str, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        settings_from(BASE | {f"ONETRADING_DATEV_{name}": text})
    (fault,) = raised.value.faults
    assert fault.startswith(f"ONETRADING_DATEV_{name}=")
    assert said in fault
