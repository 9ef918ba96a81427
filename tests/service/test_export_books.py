"""`export ledger --format datev|beancount`: bookings, as the programs they are for read them."""

from __future__ import annotations

import json
import random
import signal
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import psycopg
import pytest
from beancount import loader
from beancount.core import data
from click.testing import CliRunner, Result

from exporter.cli import cli
from exporter.model.errors import SettingsError
from tests.support import extf
from tests.support.bookings import HEDGE, MARCH, put_accounts, put_trades, trade
from tests.support.process import finished
from tests.support.reporting import MAIN, put

CENT = Decimal("0.01")
PERIOD = ("--from", "2026-03-01", "--to", "2026-04-01")
DATEV = {
    "ONETRADING_DATEV_CONSULTANT": "29098",
    "ONETRADING_DATEV_CLIENT": "55003",
    "ONETRADING_DATEV_ACCOUNTS": "EUR=1800,USD=1810,USDC=1820,BTC=1510,trading=1590,fees=6855,"
    "funding=7110,external=1460,hedge/EUR=1801",
}
OPENING = timedelta(days=-20)


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    """The signals that a command handles are as before after a test."""
    caught = [signal.SIGTERM, signal.SIGINT]
    before = {number: signal.getsignal(number) for number in caught}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def put_history(connection: Any) -> None:
    """Two months of everything that can be booked, at random."""
    draw = random.Random(7)  # noqa: S311 -- a history to test with
    put_accounts(connection)
    trades = []
    for number in range(1, 151):
        code = draw.choice(["BTC_EUR", "BTC_EUR", "BTC_USDC", "BTC_USD_P"])
        quote = code.split("_")[1]
        currency = draw.choice([quote, "BTC"] if code != "BTC_USD_P" else [quote])
        size = 6 if currency == "BTC" else 3
        fee = f"{draw.randint(-9, 99) * Decimal(10) ** -size:f}"
        trades.append(
            trade(
                number,
                code=code,
                side=draw.choice(["BUY", "SELL"]),
                price=f"{draw.randint(1, 10**7) / Decimal(100):f}",
                amount=f"{draw.randint(1, 10**8) / Decimal(10**7):f}",
                fee=draw.choice([None, (fee, currency)]),
                at=MARCH + OPENING + timedelta(minutes=draw.randint(0, 70_000)),
                account=draw.choice([MAIN, MAIN, HEDGE]),
            )
        )
    digits = "12345678.123456789012345678"
    at = MARCH + timedelta(days=2)
    trades.append(trade(151, side="SELL", price=digits, amount="0.123456789012345678", at=at))
    put_trades(connection, trades)
    put(
        connection,
        "onetrading.funding_payments (account_id, instrument_code, booked_at, funding_time, amount,"
        " cash_balance, raw, row_hash)",
        [
            (
                MAIN,
                "BTC_USD_P",
                at,
                at,
                f"{draw.randint(-99, 99) / Decimal(10**4):f}",
                None,
                "{}",
                0,
            )
            for n in range(200)
            for at in [MARCH + OPENING + n * timedelta(hours=4)]
        ],
    )
    put(
        connection,
        "onetrading.external_movements (account_id, reference, moved_at, currency_code, amount,"
        " kind, note)",
        [
            (
                MAIN,
                "SEPA 1/ä\u2603",
                MARCH + timedelta(hours=1),
                "EUR",
                "1000.105",
                "deposit",
                'a "b"',
            ),
            (MAIN, "W" * 50, MARCH + timedelta(days=5), "EUR", "-7", "withdrawal", "a\nb\\"),
            (HEDGE, "F", MARCH + timedelta(days=6), "USD", "-0.5", "fee", None),
            (HEDGE, "B", MARCH + timedelta(days=7), "BTC", "2", "other", None),
        ],
    )
    days = [date(2026, 2, 1) + timedelta(days=n) for n in range(60)]
    put(
        connection,
        "onetrading.exchange_rates (day, base_code, quote_code, rate, source)",
        [
            *((day, "EUR", "USD", f"1.0{day.day:02}5", "ECB") for day in days if day.weekday() < 5),
            *((day, "USDC", "EUR", "0.9123456789", "house") for day in days),
            *((day, "BTC", "EUR", "50000", "house") for day in days),
        ],
    )


@pytest.fixture
def url(database_url: str) -> str:
    with psycopg.connect(database_url) as connection:
        put_history(connection)
    return database_url


class Books:
    """`export ledger` into a directory."""

    def __init__(self, folder: Path, url: str) -> None:
        self.out = folder / "EXTF_out.csv"
        self.url = url
        self.env = {"DATABASE_URL": url, "ONETRADING_DATA_DIR": str(folder / "data")}

    def __call__(
        self, *options: str, env: Mapping[str, str] = DATEV, view: str = "ledger"
    ) -> Result:
        words = ["export", view, "--out", str(self.out), *options]
        return CliRunner().invoke(cli, words, env=self.env | dict(env))

    def datev(self, *options: str) -> extf.Batch:
        done = self("--format", "datev", *options)
        assert done.exit_code == 0, (done.output, done.exception)
        return extf.read(self.out.read_bytes())

    def faults(self, *options: str, **more: Any) -> tuple[str, ...]:
        failed = self(*options, **more)
        assert isinstance(failed.exception, SettingsError), (failed.output, failed.exception)
        assert not self.out.exists()
        return failed.exception.faults

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture
def books(tmp_path: Path, url: str) -> Books:
    return Books(tmp_path, url)


IN_MARCH = "traded_at >= '2026-03-01Z' AND traded_at < '2026-04-01Z'"


def test_datev_books_what_moved_and_sums_are_right_to_the_cent(books: Books) -> None:
    batch = books.datev(*PERIOD)
    assert batch.header[10:17] == [
        *("29098", "55003", "20260101", "4", "20260301", "20260331", '"One Trading"')
    ]
    booked: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for record in batch.records:
        booked[record.account, record.counter] += record.amount
    # In EUR: quote side of spot trades in EUR, per account of the exchange.
    for account, ledger_account in (("main", "1800"), ("hedge", "1801")):
        ((quote,),) = books.rows(
            f"SELECT sum(CASE side WHEN 'BUY' THEN -quote_amount ELSE quote_amount END)"  # noqa: S608
            f" FROM reporting.trades WHERE {IN_MARCH} AND account = '{account}'"
            " AND instrument_code = 'BTC_EUR'"
        )
        assert booked[ledger_account, "1590"] == quote.quantize(CENT)
    # Trading is cleared by each trade, whatever it is valued in.
    assert sum(amount for (_, counter), amount in booked.items() if counter == "1590") == 0
    ((funding,),) = books.rows(
        "SELECT sum(amount) FROM reporting.funding_payments"
        " WHERE booked_at >= '2026-03-01Z' AND booked_at < '2026-04-01Z'"
    )
    assert booked["1810", "7110"] == funding.quantize(CENT)
    assert booked["1800", "1460"] == Decimal("993.10")  # 1000.105 - 7, half a cent to even
    assert booked["1510", "1460"] == 100_000  # 2 BTC at the imported rate
    usd = [record for record in batch.records if record.currency == "USD"]
    assert {record.account for record in usd} == {"1810"}
    for record in usd:
        rated = record.day - timedelta(
            days=max(record.day.weekday() - 4, 0)
        )  # Friday's on weekends
        assert record.rate == Decimal(f"1.0{rated.day:02}5")
        assert record.more["Kurs"] == f"1.0{rated.day:02}5, ECB, {rated}"
    # What is no currency of ISO 4217 is in euro, and says at which rate.
    others = [record for record in batch.records if record.account in ("1820", "1510")]
    assert {record.currency for record in others} == {"EUR"}
    meta = json.loads(books.out.with_name("EXTF_out.csv.meta.json").read_text())
    assert meta["rows"] == len(batch.records)
    assert meta["carried"] > 0, "some payments are below a cent"


def test_datev_says_the_exact_amounts_and_references(books: Books) -> None:
    batch = books.datev(*PERIOD, "--account", "main")
    first = next(record for record in batch.records if record.counter == "1460")
    assert (first.document, first.text) == ("SEPA-1/--", 'deposit 1000.105 EUR a "b"')
    assert first.more["Referenz"] == "SEPA 1/ä?"
    assert first.more["Betrag"] == "1000.105 EUR"
    exact = {
        str(identity): (amount, quote)
        for identity, amount, quote in books.rows(
            f"SELECT trade_id, amount, quote_amount FROM reporting.trades WHERE {IN_MARCH}"  # noqa: S608
            " AND account = 'main' AND instrument_code = 'BTC_EUR'"
        )
    }
    seen = set()
    for record in batch.records:
        if record.document in exact and record.counter == "1590" and record.account == "1510":
            amount, quote = exact[record.document]
            assert abs(Fraction(record.more["Betrag"].split()[0])) == Fraction(amount)
            assert abs(Fraction(record.more["Wert"].split()[0])) == Fraction(quote)
            assert abs(abs(record.amount) - quote) < CENT
            seen.add(record.document)
    assert seen == set(exact)


def test_datev_has_days_in_the_zone_that_is_asked_for(books: Books) -> None:
    batch = books.datev(
        *("--from", "2026-03-01T00:00+01:00", "--to", "2026-04-01T00:00+02:00"),
        *("--zone", "Europe/Vienna"),
    )
    assert batch.header[14:16] == ["20260301", "20260331"]
    days = {
        str(identity): day
        for identity, day in books.rows(
            "SELECT trade_id, (traded_at AT TIME ZONE 'Europe/Vienna')::date FROM reporting.trades"
        )
    }
    found = [record for record in batch.records if record.document in days]
    assert found
    assert [record.day for record in found] == [days[record.document] for record in found]


def test_datev_lists_what_cannot_be_booked_and_writes_nothing(books: Books) -> None:
    with psycopg.connect(books.url) as connection:
        connection.execute("DELETE FROM onetrading.exchange_rates WHERE base_code <> 'USDC'")
    few = DATEV | {"ONETRADING_DATEV_ACCOUNTS": "EUR=1800,USDC=1820,USD=1810,trading=1590,BTC=1510"}
    faults = books.faults("--format", "datev", *PERIOD, env=few)
    missing = [fault for fault in faults if fault.startswith("there is no ledger account of ")]
    assert {
        fault.removeprefix("there is no ledger account of ").split()[0] for fault in missing
    } == {*("fees", "funding", "external")}
    rates = [fault for fault in faults if fault.startswith("there is no rate of EUR and USD for ")]
    assert len(rates) > 15, "one for each day"
    assert "`import rates` first" in rates[0]
    assert set(faults) == {*missing, *rates, *(f for f in faults if " EUR and BTC for " in f)}

    nothing = books.faults("--format", "datev", env={})
    assert [fault.split()[0] for fault in nothing] == [
        "ONETRADING_DATEV_CONSULTANT",
        "ONETRADING_DATEV_CLIENT",
        "ONETRADING_DATEV_ACCOUNTS",
        "--format",
    ]
    (two_years,) = books.faults(
        "--format", "datev", *PERIOD, env=DATEV | {"ONETRADING_DATEV_FISCAL_YEAR_START": "03-15"}
    )
    assert "end at 2026-03-15" in two_years
    for name in ("datev", "beancount"):
        (view,) = books.faults("--format", name, *PERIOD, view="trades")
        assert view == f"--format {name} exports the view ledger, not trades; write ledger"


@pytest.mark.parametrize("options", [(), PERIOD, ("--account", "main", *PERIOD)])
def test_beancount_accepts_the_ledger_and_comes_to_the_same(
    books: Books, options: tuple[str, ...]
) -> None:
    done = books("--format", "beancount", *options)
    assert done.exit_code == 0, (done.output, done.exception)
    entries, errors, _ = loader.load_file(str(books.out))
    assert errors == []
    sums: defaultdict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for entry in entries:
        if isinstance(entry, data.Transaction):
            for posting in entry.postings:
                assert posting.units is not None
                if posting.account.startswith("Assets:") and "Positions" not in posting.account:
                    key = posting.account.split(":")[2].lower(), posting.units.currency
                    sums[key] += Fraction(str(posting.units.number))
    until = "2026-04-01Z" if options else "infinity"
    expected: defaultdict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for account, asset, amount in books.rows(moved_until(until)):
        if "--account" not in options or account == "main":
            expected[account, asset] += Fraction(amount)
    assert {key: n for key, n in sums.items() if n} == {k: n for k, n in expected.items() if n}
    long = "0.123456789012345678 "
    transactions = [entry for entry in entries if isinstance(entry, data.Transaction)]
    exact = [entry for entry in transactions if long in (entry.narration or "")]
    assert [len(entry.postings) for entry in exact] == [4], "too many digits for a price"
    balances = [entry for entry in entries if isinstance(entry, data.Balance)]
    assert len(balances) >= len(expected)


def moved_until(until: str) -> str:
    """What moved on the balances, by account and asset."""
    return f"""
        SELECT account, asset, amount FROM (
            SELECT account, traded_at AS at, CASE WHEN instrument_code <> 'BTC_USD_P'
                THEN base_code END AS asset,
                CASE side WHEN 'BUY' THEN amount ELSE -amount END AS amount FROM reporting.trades
            UNION ALL SELECT account, traded_at, CASE WHEN instrument_code <> 'BTC_USD_P'
                THEN quote_code END, CASE side WHEN 'BUY' THEN -quote_amount ELSE quote_amount END
                FROM reporting.trades
            UNION ALL SELECT account, traded_at, fee_currency, -fee_amount FROM reporting.trades
            UNION ALL SELECT account, booked_at, quote_code, amount FROM reporting.funding_payments
            UNION ALL SELECT name, moved_at, currency_code, amount
                FROM onetrading.external_movements JOIN onetrading.accounts USING (account_id)
        ) AS moves WHERE asset IS NOT NULL AND amount IS NOT NULL AND at < '{until}'
    """  # noqa: S608


def test_bean_check_itself_accepts_it(books: Books) -> None:
    assert books("--format", "beancount").exit_code == 0
    program = Path(psycopg.__file__).parents[4] / "bin" / "bean-check"
    checked = finished(program, "--no-cache", books.out)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    text = books.out.read_text()
    broken = books.out.with_name("broken.beancount")
    broken.write_text(text.replace("  Expenses:OneTrading:Main:Fees  ", "  ; ", 1))
    assert finished(program, "--no-cache", broken).returncode != 0
    meta = json.loads(books.out.with_name("EXTF_out.csv.meta.json").read_text())
    assert meta["period"]["complete"] is None  # without a period: nothing was judged yet
    assert datetime.fromisoformat(meta["created_at"]).tzinfo == UTC
