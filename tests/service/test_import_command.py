"""`import movements|rates|lots`: all of a file or nothing, once, beside a running service."""

from __future__ import annotations

import csv
import io
import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.cli import cli
from exporter.cli.imports import _load
from exporter.importer import LAYOUTS
from exporter.model.errors import DatabaseError, FileFaults
from tests.support.process import command
from tests.support.reporting import MAIN, facts, put
from tests.support.stored_snapshots import ask

HEDGE = UUID(int=2)
MOVEMENTS = "account,reference,moved_at,currency_code,amount,kind,note\n"
FILE = (
    MOVEMENTS + "main,D-1,2026-03-01,EUR,1000.10,deposit,first\n"
    "hedge,D-1,2026-03-02T10:00:00+01:00,EUR,7,deposit,\n"
    "main,W-1,2026-03-03T00:00:00Z,BTC,-0.000000000000000001,withdrawal,\n"
)
STATE = (
    "SELECT movements.xmin::text, movements.ctid::text, name, reference, moved_at, currency_code,"
    " amount, kind, note, movements.first_seen_at FROM onetrading.external_movements AS movements"
    " JOIN onetrading.accounts USING (account_id) ORDER BY moved_at"
)
ISSUES = (
    "SELECT account_id, stream, kind, key, old_record, new_record, happened_at"
    " FROM onetrading_sync.issues ORDER BY issue_id"
)


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    """The signals that a command handles are as before after a test."""
    caught = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1]
    before = {number: signal.getsignal(number) for number in caught}
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def url(database_url: str) -> str:
    with psycopg.connect(database_url) as connection:
        accounts = [(MAIN, "main"), (HEDGE, "hedge")]
        put(connection, "onetrading.accounts (account_id, name)", accounts)
    return database_url


class Importer:
    """`import` with files in a directory."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.env = {"DATABASE_URL": url, "ONETRADING_DATA_DIR": str(folder / "data")}

    def file(self, text: str) -> str:
        path = self.folder / "file.csv"
        path.write_bytes(text.encode())
        return str(path)

    def __call__(self, name: str, text: str, *options: str) -> Result:
        words = ["import", name, self.file(text), *options]
        return CliRunner().invoke(cli, words, env=self.env)

    def faults(self, name: str, text: str, *options: str) -> tuple[str, ...]:
        """What is said to be wrong, without the name of the file."""
        failed = self(name, text, *options)
        assert isinstance(failed.exception, FileFaults), failed.output
        assert failed.stdout == ""
        return tuple(fault.partition("file.csv: ")[2] for fault in failed.exception.faults)


@pytest.fixture
def importer(tmp_path: Path, url: str) -> Importer:
    return Importer(tmp_path, url)


def test_a_file_is_imported_once_and_again_without_a_change(importer: Importer, url: str) -> None:
    done = importer("movements", FILE)
    assert (done.exit_code, done.stdout) == (
        0,
        "movements: 3 inserted, 0 unchanged, 0 replaced\n",
    ), done.output
    first = ask(url, STATE)
    assert [row[2:6] for row in first] == [
        ("main", "D-1", datetime(2026, 3, 1, tzinfo=UTC), "EUR"),
        ("hedge", "D-1", datetime(2026, 3, 2, 9, tzinfo=UTC), "EUR"),
        ("main", "W-1", datetime(2026, 3, 3, tzinfo=UTC), "BTC"),
    ]
    assert [row[6:9] for row in first] == [
        (Decimal("1000.10"), "deposit", "first"),
        (Decimal(7), "deposit", None),
        (Decimal("-1E-18"), "withdrawal", None),
    ]
    # The same content in other words.
    same = FILE.replace("1000.10", "+1000.100").replace("2026-03-01,", "2026-03-01T01:00+01,")
    again = importer("movements", same, "--replace")
    assert again.stdout == "movements: 0 inserted, 3 unchanged, 0 replaced\n"
    assert importer("movements", FILE).stdout == again.stdout
    assert ask(url, STATE) == first, "a row was written again"
    assert ask(url, ISSUES) == []


def test_other_content_is_a_fault_or_replaces_what_is_known(importer: Importer, url: str) -> None:
    assert importer("movements", FILE).exit_code == 0
    before = ask(url, STATE)
    changed = FILE.replace("first", "").replace("1000.10", "999") + "main,N,2026-03-04,EUR,1,other,"
    assert importer.faults("movements", changed) == (
        "line 2: D-1 is known with other content: amount is 1000.10 and not 999, note is first and"
        " not empty; correct the file, or take what it says with --replace",
    )
    assert ask(url, STATE) == before
    done = importer("movements", changed, "--replace")
    assert done.stdout == "movements: 1 inserted, 2 unchanged, 1 replaced\n"
    after = ask(url, STATE)
    assert after[1:3] == before[1:]
    assert after[0][6:] == (Decimal(999), "deposit", None, before[0][9]), "first_seen_at is kept"
    old = {"moved_at": "2026-03-01T00:00:00+00:00", "currency_code": "EUR", "amount": "1000.10"}
    old |= {"reference": "D-1", "kind": "deposit", "note": "first"}
    at = datetime(2026, 3, 1, tzinfo=UTC)
    new = old | {"amount": "999", "note": None}
    issue = (MAIN, "movements", "changed", {"reference": "D-1"}, old, new, at)
    assert ask(url, ISSUES) == [issue]
    ((late, key),) = ask(url, "SELECT stream, key FROM reporting.late_facts")
    assert (late, key) == ("movements", {"reference": "D-1"})


def test_rates_and_lots_are_imported_and_replaced_as_well(importer: Importer, url: str) -> None:
    ecb = "Date,USD,JPY,\n2026-03-02,1.08,161,\n2026-03-03,1.09,N/A,\n"
    assert importer("rates", ecb).stdout == "rates: 3 inserted, 0 unchanged, 0 replaced\n"
    # The next day's file has the whole history again.
    more = ecb + "2026-03-04,1.1,160,\n"
    assert importer("rates", more).stdout == "rates: 2 inserted, 3 unchanged, 0 replaced\n"
    own = "source,rate,quote,base,day\nECB,1.07,USD,EUR,2026-03-02\n"
    assert len(importer.faults("rates", own)) == 1
    assert importer("rates", own, "--replace").stdout.endswith(
        "0 inserted, 0 unchanged, 1 replaced\n"
    )
    ((account, stream, kind, key, *records, at),) = ask(url, ISSUES)
    assert (account, stream, kind, at.isoformat()) == (
        *(UUID(int=0), "rates", "changed"),
        "2026-03-02T00:00:00+00:00",
    )
    assert key == {"day": "2026-03-02", "base_code": "EUR", "quote_code": "USD", "source": "ECB"}
    assert [record["rate"] for record in records] == ["1.08", "1.07"]
    rates = "SELECT day, rate FROM onetrading.exchange_rates WHERE quote_code = 'USD' ORDER BY day"
    assert ask(url, rates)[0] == (date(2026, 3, 2), Decimal("1.07"))

    lots = "account,reference,base_code,quote_code,acquired_at,quantity,cost\n"
    one = lots + "main,L-1,BTC,EUR,2020-01-01,2,\nhedge,L-1,BTC,EUR,2020-01-01,2,15000.5\n"
    assert importer("lots", one).stdout == "lots: 2 inserted, 0 unchanged, 0 replaced\n"
    known = one.replace("2,\n", "2,14000\n")
    assert importer.faults("lots", known) == (
        "line 2: L-1 is known with other content: cost is empty and not 14000; correct the file,"
        " or take what it says with --replace",
    )
    assert importer("lots", known, "--replace").stdout.endswith("1 unchanged, 1 replaced\n")


def test_everything_wrong_is_told_at_once_and_nothing_is_imported(
    importer: Importer, url: str
) -> None:
    assert importer("movements", FILE).exit_code == 0
    before = ask(url, STATE)
    wrong = (
        FILE.replace("1000.10", "5")  # line 2: other content
        + "main,N-1,2026-03-04,EUR,1,deposit,\n"  # line 5
        "main,N-2,2026-03-04,EUR,-1,deposit,\n"  # line 6: sign
        "man,N-3,2026-03-04,EUR,1;5,deposit,\n"  # line 7: account and number
        "main,N-1,2026-03-04,EUR,1,deposit,\n"  # line 8: twice, though the same
    )
    faults = importer.faults("movements", wrong)
    places = [fault.partition(": ")[0] for fault in faults]
    assert places == ["line 2", "line 5", "line 6, amount", "line 7, account", "line 7, amount"]
    assert "write one of: hedge, main" in faults[3]
    assert faults[1] == "line 5: N-1 stands in line 8 as well; remove all but one"
    assert ask(url, STATE) == before


def test_the_command_ends_with_2_and_says_where(importer: Importer, tmp_path: Path) -> None:
    path = importer.file(MOVEMENTS + "main,,2026-03-01,EUR,1,deposit,\nmain,R,now,EUR,x,gift,\n")
    ended = command("import", "movements", path, env=importer.env)
    assert (ended.returncode, ended.stdout) == (2, "")
    said = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert [line.removeprefix(f"error: {path}: ").partition(";")[0] for line in said] == [
        "line 2, reference: is empty",
        "line 3, moved_at: 'now' is not an ISO 8601 time",
        "line 3, amount: 'x' is not a number",
        "line 3, kind: 'gift' is unknown",
    ]
    runner, words = CliRunner(), ["import", "movements"]
    missing = runner.invoke(cli, [*words, str(tmp_path / "none.csv")], env=importer.env)
    assert (missing.exit_code, "none.csv" in missing.stderr) == (2, True)
    nothing = {"DATABASE_URL": "embedded", "ONETRADING_DATA_DIR": str(tmp_path / "nothing")}
    looked = runner.invoke(cli, [*words, path], env=nothing)
    assert isinstance(looked.exception, DatabaseError)
    assert not (tmp_path / "nothing").exists()


def test_a_large_file_is_compared_in_the_database(importer: Importer, url: str) -> None:
    lines = [f"main,R{n},2026-03-01T00:00:{n % 60:02}Z,EUR,{n}.5,deposit,\n" for n in range(5_000)]
    text = MOVEMENTS + "".join(lines)
    assert importer("movements", text).stdout.startswith("movements: 5000 inserted")
    lines[4_999] = lines[4_999].replace(".5", ".50")
    lines[7] = lines[7].replace(".5", ".51")
    changed = importer("movements", MOVEMENTS + "".join(lines), "--replace")
    assert changed.stdout == "movements: 0 inserted, 4999 unchanged, 1 replaced\n"
    assert len(ask(url, ISSUES)) == 1


amounts = st.decimals(min_value=Decimal("1e-20"), max_value=10**20, places=20).filter(bool)
rows = st.lists(
    st.tuples(
        st.sampled_from(["main", "hedge"]),
        st.from_regex(r"[A-Za-z0-9#/-]{1,9}", fullmatch=True),
        st.datetimes(timezones=st.just(UTC)).filter(lambda at: 1 < at.year < 9999),
        st.sampled_from(["EUR", "BTC"]),
        amounts,
        st.sampled_from(["deposit", "transfer", "other"]),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    ),
    max_size=6,
    unique_by=lambda row: row[:2],
)


def written(table: list[tuple[Any, ...]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(MOVEMENTS.strip().split(","))
    for account, reference, at, code, amount, kind, note in table:
        writer.writerow([account, reference, at.isoformat(), code, f"{amount:f}", kind, note])
    return out.getvalue().encode()


def test_any_table_survives_being_written_and_imported_twice(tmp_path: Path, url: str) -> None:
    path = tmp_path / "table.csv"
    layout = LAYOUTS["movements"]
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM onetrading.accounts WHERE name = 'main'")
        connection.commit()

        @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
        @given(rows)
        def survives(table: list[tuple[Any, ...]]) -> None:
            path.write_bytes(written(table))
            with facts(connection, "Asia/Tokyo"):
                assert _load(connection, layout, path, replace=False) == (len(table), 0, 0)
                assert _load(connection, layout, path, replace=True) == (0, len(table), 0)
                found = connection.execute(
                    "SELECT name, reference, moved_at, currency_code, amount, kind, note"
                    " FROM onetrading.external_movements"
                    " JOIN onetrading.accounts USING (account_id)"
                ).fetchall()
            assert set(found) == {(*row[:6], row[6] or None) for row in table}

        survives()
