"""`export VIEW`: a view as a file, whole, exact, with what is to be known of it beside."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

from exporter import __version__
from exporter.cli import cli
from exporter.model.errors import ExporterError, SettingsError
from tests.support.bookings import HEDGE, put_accounts, put_trades, trade
from tests.support.stored_snapshots import ask

MEGABYTE = 1024 * 1024


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    """The signals that a command handles are as before after a test."""
    caught = [signal.SIGTERM, signal.SIGINT]
    before = {number: signal.getsignal(number) for number in caught}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def url(database_url: str) -> str:
    with psycopg.connect(database_url) as connection:
        put_accounts(connection)
        put_trades(
            connection,
            [
                trade(1, price="0.000000000000000001", amount="3.10", fee=("-0.1", "EUR")),
                trade(2, side="SELL", price="12345678901234567890", amount="1"),
                trade(3, account=HEDGE),
                trade(800, price="7", amount="2"),
            ],
        )
    return database_url


class Exporter:
    """`export` into a directory."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.env = {"DATABASE_URL": url, "ONETRADING_DATA_DIR": str(folder / "data")}

    def __call__(self, view: str, *options: str, out: str = "out") -> Result:
        words = ["export", view, "--out", str(self.folder / out), *options]
        return CliRunner().invoke(cli, words, env=self.env)

    def content(self, view: str, *options: str) -> bytes:
        done = self(view, *options)
        assert done.exit_code == 0, (done.output, done.exception)
        return (self.folder / "out").read_bytes()

    def csv(self, view: str, *options: str) -> list[dict[str, str]]:
        text = self.content(view, "--format", "csv", *options).decode()
        return list(csv.DictReader(io.StringIO(text, newline="")))

    @property
    def meta(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "out.meta.json").read_bytes())
        return found

    def faults(self, view: str, *options: str) -> tuple[str, ...]:
        failed = self(view, *options)
        assert isinstance(failed.exception, SettingsError), failed.output
        assert not (self.folder / "out").exists()
        return failed.exception.faults


@pytest.fixture
def exporter(tmp_path: Path, url: str) -> Exporter:
    return Exporter(tmp_path, url)


def test_a_view_is_exported_as_postgres_prints_it(exporter: Exporter, url: str) -> None:
    found = exporter.csv("trades")
    stored = ask(
        url,
        "SELECT trade_id::text, price::text, amount::text, quote_amount::text,"
        " coalesce(fee_amount::text, ''), account FROM reporting.trades ORDER BY traded_at",
    )
    columns = ("trade_id", "price", "amount", "quote_amount", "fee_amount", "account")
    assert [tuple(row[name] for name in columns) for row in found] == stored
    assert found[0]["price"] == "0.000000000000000001"
    assert found[0]["traded_at"] == "2026-03-01T01:00:00.000000Z"
    assert found[0]["traded_on"] == "2026-03-01"
    content = (exporter.folder / "out").read_bytes()
    meta = exporter.meta
    assert meta["sha256"] == hashlib.sha256(content).hexdigest()
    assert (meta["bytes"], meta["rows"], meta["version"]) == (len(content), 4, __version__)
    assert (meta["view"], meta["format"], meta["filters"]["from"]) == ("trades", "csv", None)
    assert meta["columns"]["price"] == "numeric"
    assert sorted(path.name for path in exporter.folder.iterdir()) == ["out", "out.meta.json"]
    password = urlsplit(url).password
    assert password
    assert password not in json.dumps(meta)


def test_a_period_and_an_account_are_selected(exporter: Exporter) -> None:
    def ids(*options: str) -> list[int]:
        return [int(row["trade_id"][-4:], 16) for row in exporter.csv("trades", *options)]

    assert ids("--account", "main") == [1, 2, 800]
    assert ids("--account", "hedge") == [3]
    assert ids("--from", "2026-03-01T02:00:00Z", "--to", "2026-03-01T03:00:00Z") == [2]
    assert ids("--from", "2026-03-01", "--to", "2026-04-01", "--account", "main") == [1, 2]
    meta = exporter.meta
    period = {"from": "2026-03-01T00:00:00+00:00", "to": "2026-04-01T00:00:00+00:00"}
    assert meta["filters"] == period | {
        "time_column": "traded_at",
        "account": "main",
        "zone": None,
    }
    # A month counts by its first day, whenever in it the period begins.
    months = [row["month"] for row in exporter.csv("monthly_turnover", "--account", "main")]
    assert months == ["2026-03-01", "2026-03-01", "2026-04-01"][-len(months) :]
    for start, expected in (("2026-03-01", 2), ("2026-03-01T00:00:01Z", 1), ("2026-04-02", 0)):
        rows = exporter.csv("monthly_turnover", "--account", "main", "--from", start)
        assert len({row["month"] for row in rows}) == expected
    zoned = exporter.csv("months", "--zone", "asia/tokyo")
    assert {row["zone"] for row in zoned} == {"Asia/Tokyo"}


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("America/New_York", "2026-04-01T00:00-04:00", "2026-05-01T00:00-04:00"),
        ("Europe/Vienna", "2026-04-01T00:00+02:00", "2026-05-01T00:00+02:00"),
        ("America/New_York", "2026-04-01", "2026-05-01"),
        ("Europe/Vienna", "2026-04-01", "2026-05-01"),
        ("Pacific/Kiritimati", "2026-04-01", "2026-05-01"),
    ],
)
def test_a_month_of_a_zone_is_asked_for_by_its_instants_or_dates(
    url: str, tmp_path: Path, zone: str, start: str, end: str
) -> None:
    exporter = Exporter(tmp_path, url)
    period = ("--from", start, "--to", end)
    assert [row["month"] for row in exporter.csv("months", "--zone", zone, *period)] == [
        "2026-04-01"
    ]
    told = json.loads((tmp_path / "out.meta.json").read_text())["period"]["months"]
    assert set(told) <= {"2026-04-01"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tradez"], "there is no view 'tradez' in reporting; write one of: account_fee_tiers"),
        (['trades"; DROP TABLE x'], "there is no view"),
        (["months_by_zone"], "months_by_zone has the rows of every time zone"),
        (["current_balances", "--from", "2026-01-01"], "--from, --to: current_balances has no"),
        (["fee_tiers", "--account", "main"], "--account: fee_tiers is of no account"),
        (["trades", "--account", "man"], "--account man is not known; write one of: hedge, main"),
        (["trades", "--zone", "UTC"], "--zone: trades is the same in every time zone"),
        (["months", "--zone", "Vienna"], "--zone Vienna is not known"),
        (["trades", "--from", "2026-03-02", "--to", "2026-03-02"], "--from is not before --to"),
    ],
)
def test_bad_usage_is_told_and_writes_nothing(
    exporter: Exporter, words: list[str], said: str
) -> None:
    (fault,) = exporter.faults(*words, "--format", "csv")
    assert fault.startswith(said)
    assert list(exporter.folder.iterdir()) == []


def test_every_view_can_be_exported(exporter: Exporter, url: str) -> None:
    names = [
        name for (name,) in ask(url, "SELECT viewname FROM pg_views WHERE schemaname = 'reporting'")
    ]
    for name in names:
        if not name.endswith("_by_zone"):
            exporter.csv(name)
            assert exporter(name, "--format", "parquet").exit_code == 0


def test_the_metadata_say_what_is_not_complete(exporter: Exporter, url: str) -> None:
    exporter.csv("trades", "--from", "2025-03-02", "--to", "2025-04-01")
    assert exporter.meta["period"]["complete"] is None  # nothing is known of that month
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO onetrading_sync.rejects (account_id, stream, scope, record, record_hash,"
            " reason, happened_at, first_seen_at)"
            " SELECT account_id, 'trades', '', '{}', 1, 'odd', '2026-03-05Z', '2026-03-05Z'"
            " FROM onetrading.accounts WHERE name = 'main'"
        )
    expected = ask(
        url,
        "SELECT check_name, state FROM reporting.month_close WHERE account = 'main'"
        " AND month = '2026-03-01' AND state NOT IN ('ok', 'not_applicable')",
    )
    assert expected
    exporter.csv("trades", "--account", "main", "--from", "2026-03-02", "--to", "2026-03-04")
    period = exporter.meta["period"]
    assert (period["complete"], period["months"]) == (False, ["2026-03-01"])
    told = [(each["check"], each["state"]) for each in period["not_complete"]]
    assert sorted(told) == sorted(expected)
    exporter.csv("trades", "--account", "hedge")
    assert exporter.meta["period"]["complete"] is not False


def test_parquet_is_equal_decimal_for_decimal(exporter: Exporter, url: str) -> None:
    content = exporter.content("trades", "--format", "parquet")
    table = pyarrow.parquet.read_table(io.BytesIO(content))
    said = pyarrow.parquet.read_metadata(io.BytesIO(content)).metadata
    stored = ask(
        url,
        "SELECT trade_id::text, price, amount, quote_amount, fee_amount, sequence, traded_at"
        " FROM reporting.trades ORDER BY traded_at",
    )
    names = ("trade_id", "price", "amount", "quote_amount", "fee_amount", "sequence", "traded_at")
    found = list(zip(*(table.column(name).to_pylist() for name in names), strict=True))
    # quote_amount has 20 digits before the point and 19 behind: text.
    assert [(*row[:3], Decimal(row[3]), *row[4:]) for row in found] == stored
    assert [type(value) for value in found[0][1:5]] == [Decimal, Decimal, str, Decimal]
    plain = hashlib.sha256(exporter.content("trades", "--format", "csv")).hexdigest()
    told = json.loads(said[b"onetrading.content"])
    assert told == {"rows": 4, "sha256_as_csv": plain}
    meta = json.loads(said[b"onetrading"])
    assert (meta["view"], meta["filters"]["account"]) == ("trades", None)


def test_nothing_is_left_of_an_export_that_fails(exporter: Exporter, url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE VIEW reporting.broken AS"
            " SELECT n, 1 / (4000 - n) AS inverse FROM generate_series(1, 5000) AS n"
        )
    (exporter.folder / "out").write_text("what was there before")
    failed = exporter("broken", "--format", "csv")
    assert isinstance(failed.exception, ExporterError)
    assert "division by zero" in str(failed.exception)
    assert [path.name for path in exporter.folder.iterdir()] == ["out"]
    assert (exporter.folder / "out").read_text() == "what was there before"
    missing = exporter("trades", "--format", "csv", out="none/out")
    assert isinstance(missing.exception, SettingsError)


def test_standard_output_gets_the_rows_and_standard_error_the_metadata(
    exporter: Exporter,
) -> None:
    words = ["export", "trades", "--format", "csv", "--out", "-", "--account", "hedge"]
    done = CliRunner().invoke(cli, words, env=exporter.env)
    assert done.exit_code == 0
    assert len(done.stdout_bytes.splitlines()) == 2
    told = json.loads(done.stderr[done.stderr.index("{\n") :])
    assert told["sha256"] == hashlib.sha256(done.stdout_bytes).hexdigest()
    sheet = exporter.content("trades", "--format", "csv", "--spreadsheet")
    assert sheet.startswith(b"\xef\xbb\xbf")
    assert b",'12345678901234567890," in sheet
    assert b",12345678901234567890," in exporter.content("trades", "--format", "csv", "--bom")


def test_without_pyarrow_the_remedy_is_told(exporter: Exporter) -> None:
    program = (
        "import sys; sys.modules['pyarrow'] = None; import exporter.cli;"
        " sys.argv[1:] = ['export', 'trades', '--format', 'parquet', '--out', 'x.parquet'];"
        " exporter.cli.main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=exporter.env,
        capture_output=True,
        text=True,
        check=False,
        cwd=exporter.folder,
    )
    assert ended.returncode == 2
    assert "pip install 'onetrading-exporter[parquet]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def peak() -> int:
    """The most memory that this process has used since `forget_peak`, in bytes."""
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) * 1024


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_memory_stays_flat_however_many_rows(exporter: Exporter, url: str, name: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE VIEW reporting.many AS SELECT '2026-03-01Z'::timestamptz + n * interval '1 s'"
            " AS booked_at, n::numeric / 7 AS amount, repeat('x', 300) AS note"
            " FROM generate_series(1, 300000) AS n"
        )
    assert exporter("many", "--format", name, "--to", "2026-03-01T01:00Z").exit_code == 0
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    assert exporter("many", "--format", name).exit_code == 0
    assert exporter.meta["rows"] == 300_000
    # All rows together take more than 150 MB in this process.
    assert peak() - before < 64 * MEGABYTE
