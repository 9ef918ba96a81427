"""What commands show in rows: on a terminal, in a pipe, and where COLUMNS says how wide."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.cli.tables import Room, lines
from exporter.simulator import Simulator
from tests.support.process import command
from tests.support.terminal import Terminal, lines_of
from tests.support.world import environment, exchange

EARLIEST = datetime(2020, 1, 1)  # noqa: DTZ001  hypothesis adds the zone
COLUMNS = ("name", "at", "amount", "flag", "note")
WORDS = st.text("abcdefgh-_", min_size=1, max_size=12)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name": WORDS,
            "at": st.none() | st.datetimes(timezones=st.just(UTC), min_value=EARLIEST),
            "amount": st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=8),
            "flag": st.booleans(),
            "note": st.none() | st.lists(WORDS, max_size=30).map(" ".join),
        }
    ),
    min_size=1,
    max_size=5,
)


def shown(row: dict[str, object]) -> list[str]:
    """The values of a row, spelt without the code under test."""
    texts = []
    for value in (row[name] for name in COLUMNS):
        match value:
            case bool():
                texts.append("yes" if value else "no")
            case datetime():
                texts.append(value.strftime("%Y-%m-%d %H:%M:%SZ"))
            case Decimal():
                whole, _, digits = f"{value:f}".partition(".")
                texts.append(".".join(filter(None, [whole, digits.rstrip("0")])))
            case None | "":
                continue
            case _:
                texts.append(str(value))
    return texts


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@settings(max_examples=40)
@given(ROWS)
def test_in_a_pipe_a_row_is_a_line_with_all_of_it(rows: list[dict[str, object]]) -> None:
    head, *body = lines(rows, COLUMNS, Room(None, False), below=("note",), least=("flag",))
    assert head.split() == list(COLUMNS)
    assert len(body) == len(rows)
    for line, row in zip(body, rows, strict=True):
        place = 0
        for text in shown(row):
            place = line.index(text, place) + len(text)


@settings(max_examples=40)
@given(ROWS, st.integers(40, 130))
def test_a_width_breaks_lines_and_loses_nothing(rows: list[dict[str, object]], width: int) -> None:
    told = list(lines(rows, COLUMNS, Room(width, False), below=("note",), least=("flag",)))
    assert max(map(len, told)) <= width
    together = squeezed("".join(told))
    for row in rows:
        for text in shown(row):
            assert squeezed(text) in together


@settings(max_examples=40)
@given(ROWS, st.integers(40, 130))
def test_a_terminal_is_never_too_narrow(rows: list[dict[str, object]], width: int) -> None:
    told = list(lines(rows, COLUMNS, Room(width, True), below=("note",), least=("flag",)))
    assert max(map(len, told)) <= width
    together = squeezed("".join(told))
    for row in rows:
        assert squeezed(str(row["name"])) in together
        assert squeezed(str(row["note"] or "")) in together
    widest = list(lines(rows, COLUMNS, Room(10_000, True), below=("note",), least=("flag",)))
    assert widest[0].split() == [*COLUMNS[:-1]]


def test_an_instant_keeps_what_does_not_go_without_saying() -> None:
    now = datetime.now(UTC)
    instants = [now, now - timedelta(days=30), now - timedelta(days=400)]
    rows = [{"a": "x" * 28, "at": at, "to": at} for at in instants]
    told = [line.split() for line in lines(rows, ("a", "at", "to"), Room(60, True))][1:]
    formats = ("%H:%M:%SZ", "%m-%d %H:%MZ", "%Y-%m-%d")
    assert [words[1:] for words in told] == [
        2 * at.strftime(form).split() for at, form in zip(instants, formats, strict=True)
    ]


def test_what_came_from_elsewhere_controls_no_terminal() -> None:
    rows = [{"name": "main", "text": "\x1b[2Jgone\nnext"}]
    for room in (Room(None, False), Room(80, True)):
        told = list(lines(rows, ("name", "text"), room, below=("text",)))
        assert "\\x1b[2Jgone\\nnext" in told[-1]


def test_status_on_terminals_and_elsewhere(tmp_path: Path, database_url: str) -> None:
    with exchange() as simulator:
        env = sync(simulator, tmp_path, database_url)
    looked = command("status", env={k: v for k, v in env.items() if k != "ONETRADING_LOG_LEVEL"})
    assert looked.stderr == ""  # what it did to find out is told at debug or info only
    piped = looked.stdout.splitlines()
    (trades,) = (line for line in piped if line.split()[:2] == ["main", "trades"])
    assert len(re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", trades)) == 4
    assert "history" in trades
    found = Terminal("status", env=env)
    assert found.end() == 0
    narrow = lines_of(found.text)
    assert max(map(len, narrow)) <= 80
    (head,) = (line.split() for line in narrow if line.startswith("account  stream"))
    assert head[:7] == ["account", "stream", "success", "lag", "proven", "rows", "due"]
    wide = Terminal("status", "--account", "main", env=env, columns=180)
    assert wide.end() == 0
    assert "required_from" in wide.text
    assert "\npublic" not in wide.text
    columns = command("status", env=env | {"COLUMNS": "80"}).stdout.splitlines()
    assert max(map(len, columns)) <= 80
    assert squeezed(trades.split()[-2]) in squeezed("".join(columns))
    for name in ("status", "gaps"):
        refused = command(name, "--account", "nope", env=env)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "error: --account nope is not known; write one of: main, public" in refused.stderr
    assert "public" not in command("gaps", "--account", "main", env=env).stdout


def sync(simulator: Simulator, folder: Path, database_url: str) -> dict[str, str]:
    """An environment in which everything was read once."""
    env = environment(simulator, folder, ("main",), {"DATABASE_URL": database_url})
    env |= {"ONETRADING_REQUESTS_PER_MINUTE": "100000", "ONETRADING_LOG_LEVEL": "warning"}
    assert command("sync", "--stream", "trades", "--stream", "balances", env=env).returncode == 0
    return env
