"""How log lines are formatted: one line each whatever is in them, with the context of the work."""

from __future__ import annotations

import json
import logging
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.api.client import Client
from exporter.api.clock import ExchangeClock
from exporter.api.rate_limiter import Priority, RateLimiter
from exporter.api.retry import Policy
from exporter.logs import JsonLines, TextLines, context
from exporter.logs.level import LEVELS, Level
from exporter.metrics import Instrumentation
from exporter.model.errors import DatabaseError, ServerFailed
from exporter.sync.failure_streaks import FailureStreaks
from tests.support.loopback import Reply, reply, serving

TOKEN = "eyJhbGciOiJIUzI1NiJ9.very.secret"


class Unprintable:
    """Its ``str`` and ``repr`` raise."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Malicious(Exception):
    """An exception whose ``str`` raises."""

    def __str__(self) -> str:
        raise ValueError("no text")


def endless() -> list[Any]:
    """A list that contains itself."""
    items: list[Any] = []
    items.append(items)
    return items


# Everything that is a `str` in Python: lone surrogates and control characters, too.
TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    TEXT,
    st.binary(max_size=10),
    st.datetimes(timezones=st.just(UTC)),
    st.builds(Unprintable),
    st.builds(endless),
    st.builds(lambda: 10**5_000),  # Python itself refuses to write it
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(TEXT, st.integers(), st.none()), inner, max_size=3),
        st.tuples(inner, inner),
    ),
    max_leaves=6,
)
ERRORS = st.one_of(
    st.builds(ServerFailed, TEXT),
    st.builds(DatabaseError, TEXT),
    st.builds(ValueError, VALUES),
    st.builds(Malicious, TEXT),
)
# A call's own names, with which it would not even become a record.
NAMES = TEXT.filter(lambda name: name not in vars(logging.makeLogRecord({})))
EXTRA = st.dictionaries(NAMES, VALUES, max_size=4)


def record(
    message: object = "done",
    *args: object,
    error: BaseException | None = None,
    level: int = logging.INFO,
    **extra: object,
) -> logging.LogRecord:
    """A record as a logger makes it."""
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    made = logging.getLogger("exporter.test").makeRecord(
        "exporter.test", level, "", 0, message, args, exc_info, extra=extra
    )
    made.created = datetime(2026, 11, 5, 12, 0, 0, 123456, UTC).timestamp()
    return made


def read(line: str) -> dict[str, Any]:
    """A line as a strict reader parses it."""

    def refused(text: str) -> None:
        raise AssertionError(f"not JSON: {text}")

    members = json.loads(line, parse_constant=refused)
    assert isinstance(members, dict)
    # No lone surrogates: it can be written as UTF-8 again.
    json.dumps(members, ensure_ascii=False).encode()
    return members


@given(
    message=st.one_of(TEXT, VALUES),
    args=st.lists(st.one_of(VALUES, ERRORS), max_size=3),
    extra=EXTRA,
    error=st.one_of(st.none(), ERRORS),
)
@example(message="%d", args=["x"], extra={"level": "none", "error": 1}, error=None)
@example(message="\ud800 \u2028 \x85 \x00", args=[], extra={"\udfff": "\udfff"}, error=None)
def test_whatever_is_logged_is_one_line_of_json(
    message: object, args: list[object], extra: Mapping[str, Any], error: BaseException | None
) -> None:
    made = record(message, *args, error=error)
    vars(made).update(extra)
    line = JsonLines().format(made)
    assert line.isascii()
    assert line.isprintable()
    found = read(line)
    assert found["time"] == "2026-11-05T12:00:00.123456Z"
    assert isinstance(found["message"], str)
    assert {found["level"], found["logger"]} == {"info", "exporter.test"}
    assert (error is not None) <= {"error", "traceback"}.issubset(found)


@given(message=TEXT, extra=EXTRA)
def test_text_is_one_printable_line(message: str, extra: Mapping[str, Any]) -> None:
    made = record(message)
    vars(made).update(extra)
    line = TextLines().format(made)
    assert line.isprintable()
    assert line.startswith("2026-11-05 12:00:00.123Z INFO ")


@given(value=st.floats(), whole=st.integers())
def test_numbers_stay_numbers_where_every_reader_has_them(value: float, whole: int) -> None:
    found = read(JsonLines().format(record(value=value, whole=whole)))
    if abs(value) < float("inf"):
        assert found["value"] == value
    else:
        assert found["value"] == str(value)
    assert found["whole"] == (whole if abs(whole) < 2**53 else str(whole))
    exact = read(JsonLines().format(record(amount=Decimal("1.10"), at=timedelta(seconds=1))))
    assert (exact["amount"], exact["at"]) == ("1.10", "0:00:01")


WORD = st.text("abcXYZ0189._~!$*+-=", min_size=6, max_size=20)


@given(user=WORD, password=WORD, form=st.sampled_from([JsonLines(), TextLines()]))
def test_no_password_leaves_in_a_url_or_a_header(
    user: str, password: str, form: logging.Formatter
) -> None:
    url = f"postgresql://{user}:{password}@db.example.com:5432/onetrading?sslmode=require"
    for text in (url, f"Authorization: Bearer {password}", f"password={password} host=db"):
        marked = f"<{password}>".join(text.rsplit(password, 1))
        error = DatabaseError(f"cannot connect to {marked}")
        line = form.format(record("to %s", error, error=error, more={"target": [marked]}))
        assert f"<{password}>" not in line
        assert "***" in line


@pytest.mark.parametrize("length", [6_000, 9_000])
def test_no_part_of_a_password_is_left_where_a_long_text_is_cut(length: int) -> None:
    token = "".join(f"{n:04x}" for n in range(1_000, 1_750))
    for before in range(0, length - 2_000, 500):
        text = f"{'-' * before} Bearer {token} {'-' * (length - before)}"
        record = logging.LogRecord("exporter", logging.INFO, "", 0, text, (), None)
        for line in (JsonLines().format(record), TextLines().format(record)):
            assert not any(token[at : at + 20] in line for at in range(0, len(token), 20))


def test_no_row_that_postgres_quotes_is_in_a_line(database_url: str) -> None:
    statement = "INSERT INTO onetrading_sync.coverage VALUES ('{0}', 'x', %s, 'empty')"
    quoted = " ".join(["a", "balance", "of", "12345"])
    with psycopg.connect(database_url) as connection, pytest.raises(DatabaseError) as caught:
        try:
            connection.execute(statement.format(uuid4()).encode(), [quoted])
        except psycopg.Error as error:
            assert quoted in str(error)
            raise DatabaseError("refused") from error
    for form in (JsonLines(), TextLines()):
        line = form.format(record("failed: %s", caught.value, error=caught.value))
        assert "violates check constraint" in line
        assert quoted not in line


def test_a_url_without_a_password_stays_as_it_is() -> None:
    for url in ("http://127.0.0.1:9877/metrics", "postgresql://exporter@db:5432/x"):
        assert read(JsonLines().format(record("%s", url)))["message"] == url


def test_an_error_among_the_arguments_is_logged_with_its_causes() -> None:
    try:
        try:
            raise OSError("refused")
        except OSError as cause:
            raise DatabaseError("Postgres is away") from cause
    except DatabaseError as error:
        found = read(JsonLines().format(record("failed: %s", error)))
    assert found["message"] == "failed: Postgres is away"
    assert found["error"] == {
        "type": "DatabaseError",
        "message": "Postgres is away",
        "reason": "database",
        "causes": [{"type": "OSError", "message": "refused"}],
    }
    assert "traceback" not in found


def test_a_traceback_is_kept_and_a_long_text_cut_in_its_middle() -> None:
    try:
        raise ValueError("begin " + "x" * 100_000 + " end")
    except ValueError as error:
        line = JsonLines().format(record("bug: %s", error, error=error))
    found = read(line)
    assert len(line) < 20_000
    assert found["message"].startswith("bug: begin")
    assert found["message"].endswith(" end")
    assert found["traceback"].startswith("Traceback (most recent call last):")
    assert found["traceback"].endswith(" end\n")


def test_lines_carry_the_context_of_the_work() -> None:
    with context.bind(account="main", stream="trades", run="p1"):
        with context.bind(scope="", run="77"), context.bind(request="main-3"):
            inside = read(JsonLines().format(record()))
            text = TextLines().format(record("done", bytes=5, query={"from": "1", "to": "2"}))
        outside = read(JsonLines().format(record()))
        with context.clear():
            cleared = read(JsonLines().format(record()))
    ids = {"account": "main", "stream": "trades", "run": "77", "request": "main-3"}
    assert {name: inside.get(name) for name in context.FIELDS} == {**ids, "scope": None}
    assert text.endswith(
        "done account=main stream=trades run=77 request=main-3 bytes=5 query=from=1&to=2"
    )
    assert outside["run"] == "p1"
    assert "request" not in outside
    assert not set(cleared) & set(context.FIELDS)
    assert context.current() == {}


def test_an_error_keeps_its_context() -> None:
    """It is logged further out than it was raised, with the innermost context."""
    with (
        pytest.raises(ServerFailed) as caught,
        context.bind(account="main", run="p1"),
        context.bind(stream="trades", run="77"),
    ):
        raise ServerFailed("503")
    found = read(JsonLines().format(record("failed: %s", caught.value)))
    assert (found["account"], found["stream"], found["run"]) == ("main", "trades", "77")
    assert read(JsonLines().format(record("again: %s", caught.value, run="p9")))["run"] == "p9"


def test_work_in_another_thread_has_the_context_that_was_copied() -> None:
    seen: list[Mapping[str, str]] = []

    def look() -> None:
        seen.append(context.current())

    with context.bind(account="main"):
        threads = [threading.Thread(target=work) for work in (look, context.copied(look))]
        for thread in threads:
            thread.start()
            thread.join()
    assert seen == [{}, {"account": "main"}]


@given(st.lists(st.sampled_from(["server", "timeout", "ok"]), max_size=200))
def test_a_failure_that_repeats_is_logged_less_and_less_often(outcomes: list[str]) -> None:
    streaks, in_a_row, before = FailureStreaks(), 0, ""
    for outcome in outcomes:
        if outcome == "ok":
            assert streaks.end("trades") == in_a_row
            in_a_row, before = 0, ""
            continue
        in_a_row = in_a_row + 1 if outcome == before else 1
        before = outcome
        due = in_a_row.bit_count() == 1  # a power of two
        assert streaks.failed("trades", outcome) == (in_a_row, due)


@pytest.fixture
def level() -> Iterator[Level]:
    """A level to try; logging is restored afterwards."""
    names = ("", "exporter", "apscheduler", "psycopg.pool", "uvicorn")
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    yield Level()
    for logger, number in zip(loggers, before, strict=True):
        logger.setLevel(number)


@pytest.mark.parametrize("configured", LEVELS)
def test_the_signal_turns_debug_on_and_off_from_wherever_it_is(
    level: Level, configured: str
) -> None:
    level.configure(configured, None)
    assert level.name == configured
    seen = []
    for _ in range(3):
        level.toggle("SIGUSR1")
        seen.append(level.name)
        assert logging.getLogger("exporter.sync").getEffectiveLevel() == getattr(
            logging, level.name.upper()
        )
        assert logging.getLogger("httpcore").getEffectiveLevel() >= logging.WARNING
    assert seen == (
        ["info", "debug", "info"] if configured == "debug" else ["debug", configured, "debug"]
    )


def test_the_level_follows_its_file(
    level: Level, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "level"

    def after(text: str | bytes | None) -> str:
        if text is None:
            file.unlink()
        else:
            file.write_bytes(text.encode() if isinstance(text, str) else text)
        level.look()
        level.look()
        return level.name

    level.configure("warning", file)
    assert level.name == "warning"
    assert after("debug\n") == "debug"
    assert after("") == "debug"  # in the middle of being written
    assert after("  ERROR ") == "error"
    assert after("loud") == "error"
    assert after(b"\xff" * 5_000) == "error"
    level.toggle("SIGUSR1")
    assert level.name == "debug"
    assert after("critical") == "critical"
    assert after(None) == "warning"
    file.mkdir()
    level.look()
    level.look()
    assert level.name == "warning"
    logged = [text.replace(str(file), "FILE") for text in caplog.messages]
    assert logged == [
        "log level changed from warning to debug: FILE",
        "log level changed from debug to error: FILE",
        "log level stays error: FILE does not contain one of debug, info, warning, error, critical",
        "log level stays error: FILE is larger than 1 KiB",
        "log level changed from error to debug: SIGUSR1",
        "log level changed from debug to critical: FILE",
        "log level changed from critical to warning: FILE is gone",
        "log level stays warning: FILE is not a regular file",
    ]


@pytest.mark.parametrize(
    ("response", "status", "size"),
    [
        (reply(200, '{"good": true}', CF_Ray="8f0a-FRA"), "200", 14),
        (reply(503, "{}", X_Amzn_RequestId=f"a-{TOKEN}-b"), "503", 2),
        (Reply(b"", "close"), "connection", None),
    ],
)
def test_each_attempt_is_one_line_with_its_outcome(
    response: Reply, status: str, size: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "exporter")
    stop = threading.Event()
    with serving(response) as server:
        client = Client(
            account="main",
            base_url=server.base_url,
            token=lambda: TOKEN,
            rate_limiter=RateLimiter(10_000, monotonic=time.monotonic, stop=stop),
            clock=ExchangeClock(wall=lambda: datetime.now(UTC)),
            observer=Instrumentation([], accounts=["main"], version="0", python="3"),
            stop=stop,
            policy=Policy(base_s=0.01, cap_s=0.01),
            random=random.random,
            monotonic=time.monotonic,
        )
        caplog.handler.setFormatter(JsonLines())
        try:
            client.get("account/trades", {"max": "5"}, priority=Priority.LIVE, deadline_s=0.02)
        except (ServerFailed, Exception) as error:  # noqa: BLE001  its context is the point
            fields = context.context_of(error)
        else:
            fields = {"request": "main-1"}
        client.close()
        attempts = len(server.requests)
    lines = [read(line) for line in caplog.text.splitlines()]
    assert [line["request"] for line in lines] == [f"main-{n + 1}" for n in range(attempts)]
    assert fields["request"] == lines[-1]["request"] or attempts == 1
    first = lines[0]
    assert {name: first.get(name) for name in ("account", "method", "endpoint", "query")} == {
        "account": "main",
        "method": "GET",
        "endpoint": "account/trades",
        "query": {"max": "5"},
    }
    assert (first["status"], first.get("bytes")) == (status, size)
    assert 0 < first["duration_s"] < 5
    request_ids = {"200": "8f0a-FRA", "503": "a-[token]-b"}
    assert first.get("exchange_request") == request_ids.get(status)
    assert "secret" not in caplog.text


def test_standard_error_that_is_not_utf8_still_gets_json() -> None:
    program = (
        "import logging; from exporter import logs; logs.configure('json', 'info');"
        "logging.getLogger('exporter').info('gr\\u00fcn \\u2028 \\ud800 %s', object())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert read(done.stderr.decode("ascii"))["message"].startswith("grün \u2028 \\ud800 <object")
