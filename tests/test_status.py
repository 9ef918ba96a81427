"""The status report: that it agrees with `/metrics` and Postgres, and says what is wrong."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import jsonschema
import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.app import apply_migrations
from exporter.metrics.recent import RecentErrors
from exporter.server import status_page
from exporter.service import Service
from exporter.simulator import Simulator
from exporter.status import Report, to_json
from exporter.status.stored import Stored
from exporter.status.timeline import segments
from exporter.store.database import Database
from exporter.store.reports import timelines
from exporter.window import Window, merge, subtract
from tests.live import NAMES, series, settings_of
from tests.postgres import PostgresServer, fresh_database, postmaster_pid
from tests.reporting import NAMES as ACCOUNT_NAMES
from tests.reporting import Connection, examples, facts
from tests.reports import COMPLETE, GAPPY, NOW, account, error, failing, report, stream, with_stream
from tests.test_reporting_sync import Place, State, put_states, states, windows

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "docs" / "status-api.schema.json"
HOSTILE = "<img src=x onerror=alert(1)>\"'`{{7*7}}</script>"


# -- One running service


@pytest.fixture(autouse=True, scope="module")
def switch_interval() -> Iterator[None]:
    """A service in this process changes it."""
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


@contextmanager
def running(simulator: Simulator, folder: Path, **more: str) -> Iterator[tuple[Service, str]]:
    """A service in this process, and its address."""
    service = Service(settings_of(simulator, folder, more=more))
    try:
        service.start()
        yield service, f"http://127.0.0.1:{service.server.port}"
    finally:
        service.stop()


def get(base: str, path: str) -> str:
    with urlopen(base + path, timeout=5) as answer:  # noqa: S310  our own server
        body: bytes = answer.read()
    return body.decode()


def status(base: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(get(base, "/api/status"))
    return found


def wait_for(true: Callable[[], bool], what: str | Callable[[], str]) -> None:
    pause = threading.Event()
    for _ in range(300):
        if true():
            return
        pause.wait(0.1)
    raise AssertionError(what if isinstance(what, str) else what())


def seconds_of(text: str | None) -> float:
    return 0.0 if text is None else datetime.fromisoformat(text).timestamp()


def wait_until_complete(base: str) -> None:
    """Wait until every stream was read once, and all history is there."""
    wait_for(
        lambda: not unsettled(status(base)), lambda: f"not complete: {unsettled(status(base))}"
    )


def unsettled(found: Mapping[str, Any]) -> list[Any]:
    return [
        s
        for s in found["streams"]
        if s["permitted"]
        and not (s["success"] and (not s["coverage"] or s["coverage"]["proven_ratio"] == 1))
    ]


@pytest.fixture(scope="module")
def quiet(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str, migrated_template: str
) -> Iterator[tuple[Service, str, str]]:
    """A service with all its history; only what must wait for something is asked again soon."""
    more = {f"ONETRADING_INTERVAL_{name.upper()}": "1h" for name in NAMES}
    more |= {
        # What had to wait on disk is stored by the next poll of any stream.
        "ONETRADING_INTERVAL_INSTRUMENTS": "2s",
        "ONETRADING_INTERVAL_FUNDING_HISTORY": "2s",
        "ONETRADING_REQUESTS_PER_MINUTE": "100000",
        "ONETRADING_HISTORY_START": (datetime.now(UTC) - timedelta(minutes=30)).isoformat(),
    }
    with (
        fresh_database(postgres_url, migrated_template) as url,
        Simulator(history_days=1) as simulator,
        running(simulator, tmp_path_factory.mktemp("quiet"), DATABASE_URL=url, **more) as (
            service,
            base,
        ),
    ):
        wait_until_complete(base)
        yield service, base, url


Quiet = tuple[Service, str, str]


def at_once(base: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The report and a scrape with no poll in between."""
    for _ in range(20):
        found, shown = status(base), series(get(base, "/metrics"))
        times = [[s["last_success_at"] for s in of["streams"]] for of in (found, status(base))]
        if times[0] == times[1]:
            return found, shown
    raise AssertionError("there is always a poll in between")


def test_the_report_says_what_metrics_say(quiet: Quiet) -> None:
    _, base, _ = quiet
    # Shown by the heartbeat and by a job of their own, each a few seconds later.
    wait_for(lambda: "\nonetrading_rejects_open{" in get(base, "/metrics"), "no rejects are shown")
    wait_for(lambda: "\nonetrading_database_up 1\n" in get(base, "/metrics"), "it is never up")
    found, shown = at_once(base)
    for s in found["streams"]:
        labels = f'{{account="{s["account"]}",stream="{s["stream"]}"}}'

        def value(family: str, labels: str = labels) -> float | None:
            text = shown.get(f"onetrading_{family}{labels}")
            return None if text is None else float(text)

        assert value("sync_success") == s["success"]
        assert value("sync_permitted") == s["permitted"]
        assert value("sync_interval_seconds") == s["interval_seconds"]
        assert value("sync_held") == (s["freshness"] == "held")
        last = seconds_of(s["last_success_at"])
        assert value("sync_last_success_timestamp_seconds") == pytest.approx(last, abs=0.001)
        assert value("rejects_open") == s["rejects_open"]
        covered = s["coverage"] or dict.fromkeys(("gap_seconds", "progress_ratio", "lag_seconds"))
        assert value("coverage_gap_seconds") == pytest.approx(covered["gap_seconds"], abs=0.001)
        assert value("backfill_progress_ratio") == covered["progress_ratio"]
        assert value("coverage_lag_seconds") == pytest.approx(covered["lag_seconds"], abs=5)
    for a in found["accounts"]:
        left = float(shown[f'onetrading_api_budget_remaining{{account="{a["account"]}"}}'])
        assert left == pytest.approx(a["requests"]["remaining"], abs=0.1)
        for scope, granted in a["token_scopes"].items():
            name = f'onetrading_token_scope{{account="{a["account"]}",scope="{scope}"}}'
            assert float(shown[name]) == granted
    assert float(shown["onetrading_database_up"]) == found["database_up"]
    assert float(shown["onetrading_exporter_leader"]) == found["leader"]
    assert float(shown["onetrading_spool_snapshots"]) == found["spooled_snapshots"]
    assert f'version="{found["version"]}"' in get(base, "/metrics")


def test_the_errors_add_up_to_what_is_counted(quiet: Quiet) -> None:
    _, base, _ = quiet
    found, shown = status(base), series(get(base, "/metrics"))
    times: defaultdict[str, int] = defaultdict(int)
    for e in found["errors"]:
        labels = f'account="{e["account"]}",stream="{e["stream"]}",reason="{e["reason"]}"'
        times[f"onetrading_sync_errors_total{{{labels}}}"] += e["times"]
        assert e["first_at"] <= e["last_at"] <= found["generated_at"]
    counted = {
        name: int(value)
        for name, value in shown.items()
        if name.startswith("onetrading_sync_errors_total") and value != "0"
    }
    assert times == counted
    assert counted  # the account `spot` has no futures


def test_the_timelines_are_those_of_the_views(quiet: Quiet) -> None:
    _, base, url = quiet

    def in_views(connection: Connection) -> dict[tuple[str, str], tuple[datetime, list[datetime]]]:
        """Per stream: from where it is required, and where its gaps begin."""
        gaps: defaultdict[tuple[str, str], list[Window]] = defaultdict(list)
        for of, name, *gap in connection.execute(
            "SELECT account, stream, gap_start, gap_end FROM reporting.coverage_gaps"
        ):
            gaps[of, name].append(Window(*gap))
        return {
            (of, name): (required, [window.start for window in merge(gaps[of, name])])
            for of, name, required in connection.execute(
                "SELECT account, stream, required_from FROM reporting.freshness"
                " WHERE kind = 'history' AND last_success_at IS NOT NULL"
            )
        }

    def reported() -> dict[tuple[str, str], tuple[datetime, list[datetime]]]:
        found = {}
        for s in status(base)["streams"]:
            if s["coverage"] and s["permitted"]:
                missing = [
                    Window(datetime.fromisoformat(p["start"]), datetime.fromisoformat(p["end"]))
                    for p in s["coverage"]["segments"]
                    if p["proven"] != "all"
                ]
                required = datetime.fromisoformat(s["coverage"]["required_from"])
                found[s["account"], s["stream"]] = required, [w.start for w in merge(missing)]
        return found

    with psycopg.connect(url, autocommit=True) as connection:
        assert len(reported()) == 6
        # Passes go on, and the report is a few seconds behind.
        wait_for(lambda: reported() == in_views(connection), "they never agree")


def test_a_service_that_is_well_says_so(quiet: Quiet) -> None:
    _, base, _ = quiet
    found = status(base)
    assert (found["verdict"], found["headline"]) == ("well", "All is well")
    notes = [finding["text"] for finding in found["findings"]]
    assert notes == ["positions, portfolio and funding_payments of spot: the token may not read it"]
    assert "History is proven complete from" in found["summary"]
    due = [datetime.fromisoformat(s["next_due_at"]) for s in found["streams"]]
    assert all(at > datetime.fromisoformat(found["generated_at"]) for at in due)
    page = get(base, "/")
    assert "All is well" in page
    for s in found["streams"]:
        assert s["stream"] in page


def test_the_report_keeps_to_its_schema(quiet: Quiet) -> None:
    schema = json.loads(SCHEMA.read_text())
    made = msgspec.json.schema(Report)
    assert schema == json.loads(json.dumps(made)), "run scripts/status_schema"
    jsonschema.Draft202012Validator(schema).validate(status(quiet[1]))
    told = (ROOT / "docs" / "status-api.md").read_text()
    for name, of in schema["$defs"].items():
        for key in of["properties"]:
            assert f"`{key}`" in told, f"docs/status-api.md does not describe {key} of {name}"


def test_drawing_and_reporting_are_cheap(quiet: Quiet) -> None:
    _, base, _ = quiet
    found = report()
    times = []
    for _ in range(20):
        began = time.perf_counter()
        status_page.render(found)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.02
    get(base, "/")


# -- Faults


def test_what_fails_is_told_without_what_was_sent(tmp_path: Path) -> None:
    more = {f"ONETRADING_INTERVAL_{name.upper()}": "200ms" for name in NAMES}
    more["ONETRADING_REQUESTS_PER_MINUTE"] = "100000"
    with (
        Simulator(history_days=1) as simulator,
        running(simulator, tmp_path, **more) as (_, base),
    ):
        wait_for(lambda: status(base)["verdict"] == "well", "it is never well")
        simulator.set_faults(garbage_rate=1, account="main")
        wait_for(lambda: status(base)["verdict"] == "attention", "it never notices")
        found = status(base)
        text = json.dumps(found) + get(base, "/")
        held = [f for f in found["findings"] if f["severity"] == "attention"]
        assert any("not as documented" in f["text"] and f["since"] for f in held)
        assert {e["reason"] for e in found["errors"]} == {"payload", "permission"}
        assert all(s["success"] for s in found["streams"] if s["account"] == "public")
        simulator.set_faults(refuse_tokens=["main"])
        wait_for(lambda: status(base)["verdict"] == "broken", "it never notices")
        text += json.dumps(status(base)) + get(base, "/")
        assert "the exchange refuses the token" in text
        simulator.set_faults()
        wait_for(lambda: status(base)["verdict"] == "well", "it is never well again")
        text += json.dumps(status(base)) + get(base, "/")
        assert "No database: metrics only." in text
    assert "Bad gateway" not in text
    assert "<html><" not in text
    for token in simulator.tokens.values():
        for part in (token, *token.split(".")[1:]):
            assert part not in text
    assert str(tmp_path) not in text


def test_without_postgres_the_live_part_goes_on(tmp_path: Path) -> None:
    more = {f"ONETRADING_INTERVAL_{name}": "1s" for name in ("BALANCES", "TICKERS")}
    more |= {
        "ONETRADING_REQUESTS_PER_MINUTE": "100000",
        "ONETRADING_HISTORY_START": (datetime.now(UTC) - timedelta(minutes=30)).isoformat(),
    }
    server = PostgresServer(tmp_path / "server")
    server.start()
    try:
        with (
            Simulator(history_days=1) as simulator,
            running(simulator, tmp_path, DATABASE_URL=server.url, **more) as (_, base),
        ):
            wait_until_complete(base)
            before = status(base)
            with standing_still(server):
                began = time.monotonic()
                hung = [status(base) for _ in range(5)]
                assert time.monotonic() - began < 2.5
                assert one(hung[-1], "main", "trades")["coverage"]["segments"]
            server.stop()
            wait_for(lambda: status(base)["database_up"] is False, "it never notices")
            wait_for(lambda: status(base)["spooled_snapshots"] > 0, "nothing waits on disk")
            away = status(base)
            assert away["verdict"] == "broken"
            assert away["findings"][0]["text"].startswith("Postgres is away")
            assert away["history_read_at"] >= before["history_read_at"]
            assert [s["coverage"]["segments"] != [] for s in away["streams"] if s["coverage"]]
            wait_for(
                lambda: one(status(base), "main", "balances")["freshness"] == "fresh",
                "balances are not read any more",
            )
            page = get(base, "/")
            assert "Postgres is away" in page
            assert f', as of <time datetime="{away["history_read_at"][:10]}' in page
            assert server.url not in page
            server.start()
            wait_for(lambda: status(base)["verdict"] == "well", "it never recovers")
            wait_for(
                lambda: status(base)["history_read_at"] > away["history_read_at"],
                "coverage is not read again",
            )
    finally:
        server.stop()


def one(found: Mapping[str, Any], of: str, name: str) -> Mapping[str, Any]:
    return next(s for s in found["streams"] if (s["account"], s["stream"]) == (of, name))


@contextmanager
def standing_still(server: PostgresServer) -> Iterator[None]:
    """The server's processes stop: its sockets take bytes, and nothing ever answers."""
    with psycopg.connect(server.url) as connection:
        row = connection.execute(
            "SELECT current_setting('data_directory'), array_agg(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid()"
        ).fetchone()
    assert row is not None
    pids = [postmaster_pid(Path(row[0]).parent), *row[1]]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


# -- Reading from Postgres


def test_many_viewers_cost_one_query(database_url: str) -> None:
    at = [0.0]
    count = iter(range(1_000_000))
    database = Database(lambda: database_url, apply_migrations)
    stored = Stored(
        database,
        now=lambda: NOW + timedelta(seconds=next(count)),
        monotonic=lambda: at[0],
        every_s=3.0,
    )
    assert stored.get().read_at is None  # not connected: nothing is waited for
    try:
        database.open()
        threads = [threading.Thread(target=stored.get) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for(lambda: stored.get().read_at is not None, "it is never read")
        assert {stored.get().read_at for _ in range(50)} == {NOW}
        at[0] += 3.0
        wait_for(lambda: stored.get().read_at == NOW + timedelta(seconds=1), "it is not read again")
    finally:
        database.close()


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url) as found:
        yield found


@examples
@given(drawn=states)
def test_timelines_agree_with_the_coverage_gaps_view(
    connection: Connection, drawn: dict[Place, State]
) -> None:
    """Not proven for all scopes is exactly where the view has a gap of any scope."""
    # The time in which rows may still appear is the stream's, whatever the scope.
    drawn = {
        place: state._replace(settle=timedelta(minutes=5 * (place[1] == "rates")))
        for place, state in drawn.items()
    }
    with facts(connection, "UTC") as now:
        put_states(connection, now, drawn)
        gaps: defaultdict[tuple[str, str], list[Window]] = defaultdict(list)
        for of, name, start, end in connection.execute(
            "SELECT account, stream, gap_start, gap_end FROM reporting.coverage_gaps"
        ):
            gaps[of, name].append(Window(start, end))
        found = {
            (line.account, line.stream): line for line in timelines(connection, within_ms=9000)
        }
    for key, line in found.items():
        required = Window(line.required_from, line.settled_to)
        parts = segments(required, line.by_all, line.by_any)
        assert merge(Window(p.start, p.end) for p in parts if p.proven != "all") == merge(gaps[key])
        proven = [
            window
            for place, state in drawn.items()
            if (ACCOUNT_NAMES[place[0]], place[1]) == key
            and state.required is not None
            and state.retired is None
            for window in windows(now, state)
        ]
        assert all(
            subtract(Window(p.start, p.end), proven) == [] for p in parts if p.proven == "some"
        )
        assert 0 <= line.proven_ratio <= 1
        if not [gap for gap in gaps[key] if gap.end < line.settled_to] and line.scopes == 1:
            assert line.proven_ratio == (0 if gaps[key] and gaps[key][0] == required else 1)
    assert {key for key, windows_ in gaps.items() if windows_} <= found.keys()


cuts = st.lists(st.integers(0, 10_000), unique=True, min_size=2, max_size=60).map(sorted)


@given(cuts, cuts, st.integers(1, 30))
def test_a_coarser_timeline_never_claims_more(
    of_all: list[int], of_any: list[int], most: int
) -> None:
    def pieces(at: list[int]) -> list[Window]:
        instants = [NOW + timedelta(seconds=n) for n in at]
        return [Window(*pair) for pair in zip(instants[::2], instants[1::2], strict=False)]

    required = Window(NOW, NOW + timedelta(seconds=10_000))
    by_all = pieces(of_all)
    by_any = merge([*by_all, *pieces(of_any)])
    exact = segments(required, by_all, by_any)
    coarse = segments(required, by_all, by_any, most)
    assert len(coarse) <= max(most, 0) or coarse == exact
    for found in (exact, coarse):
        assert (found[0].start, found[-1].end) == required
        assert all(a.end == b.start for a, b in pairwise(found))
        for part in found:
            whole = Window(part.start, part.end)
            if part.proven == "all":
                assert subtract(whole, by_all) == []
            elif part.proven == "some":
                assert subtract(whole, by_any) == []
    assert segments(Window(NOW, NOW), [], []) == ()


# -- Recent errors


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=60))
def test_recent_errors_are_bounded_and_in_order(events: list[tuple[int, bool]]) -> None:
    recent, limit, at = RecentErrors(limit=4), 4, 0
    runs: dict[int, list[list[int]]] = defaultdict(list)
    for key, fails in events:
        at += 1
        if not fails:
            recent.over("main", str(key))
            runs[key].append([])
            continue
        recent.add("main", str(key), "poll", "timeout", at)
        if not runs[key]:
            runs[key].append([])
        runs[key][-1].append(at)
    found = recent.latest()
    assert len(found) <= limit
    assert [run.last_at for run in found] == sorted((r.last_at for r in found), reverse=True)
    ended = sorted((run[-1] for of in runs.values() for run in of if run), reverse=True)
    assert [run.last_at for run in found] == ended[: len(found)]
    assert len(found) == min(limit, len(ended))
    for run in found:
        mine = next(r for r in runs[int(run.stream)] if r and r[-1] == run.last_at)
        assert run.times <= len(mine)
        if run.first_at == mine[0]:
            assert run.times == len(mine)


# -- What is said


def texts(found: Report, severity: str) -> list[str]:
    return [finding.text for finding in found.findings if finding.severity == severity]


def test_all_is_well() -> None:
    found = report()
    assert (found.verdict, found.headline, found.findings) == ("well", "All is well", ())
    assert found.summary == (
        "8 streams of 2 accounts: 8 fresh. History is proven complete from 2026-03-01 on."
    )


@pytest.mark.parametrize(
    ("change", "verdict", "text"),
    [
        (failing("timeout"), "attention", "the exchange does not answer in time, the last good"),
        (
            failing("server", freshness="withdrawn"),
            "broken",
            "values withdrawn, the exchange fails",
        ),
        (failing("payload", freshness="empty", age_seconds=None), "broken", "nothing to show yet"),
        (failing("auth", permitted=False), "broken", "the exchange refuses the token"),
        (failing("permission", permitted=False), "attention", "the token may not read it any more"),
        (
            failing("permission", permitted=False, last_success_at=None),
            "well",
            "the token may not read it",
        ),
        ({"freshness": "held"}, "attention", "no answer in time"),
        ({"freshness": "withdrawn"}, "broken", "values withdrawn, no answer in time"),
        ({"rejects_open": 3}, "attention", "3 records could not be read, in quarantine"),
        ({"tried": False, "freshness": "empty", "success": False}, "starting", ""),
        (failing("internal"), "attention", "a fault of this program, see its log"),
        (failing("database"), "attention", "Postgres is away or refuses"),
    ],
)
def test_what_is_said_of_a_stream(change: dict[str, Any], verdict: str, text: str) -> None:
    found = with_stream(report(), "main", "balances", **change)
    assert found.verdict == verdict
    if text:
        (finding,) = found.findings
        assert finding.text.startswith(f"balances of main: {text}")
        assert finding.since == change.get("failing_since")


@pytest.mark.parametrize(
    ("change", "verdict", "text"),
    [
        ({"database_up": False}, "broken", "Postgres is away"),
        ({"leader": False}, "well", "Another process writes"),
        ({"spooled_snapshots": 2}, "well", "2 answers on disk"),
        ({"dropped_snapshots": 1}, "attention", "The spool was full: 1 answer lost"),
        ({"clock_skew_seconds": -3.0}, "attention", "The exchange's clock is -3.0 s from ours"),
        ({"heartbeat_age_seconds": 61.0}, "broken", "The scheduler does not run"),
        ({"history_read_at": NOW - timedelta(seconds=30)}, "attention", "Postgres is slow"),
        ({"connecting": True, "database_up": False}, "starting", "Postgres is being connected"),
    ],
)
def test_what_is_said_of_the_service(change: dict[str, Any], verdict: str, text: str) -> None:
    found = report(**change)
    assert found.verdict == verdict
    assert found.findings[0].text.startswith(text)


def test_what_postgres_causes_is_said_once() -> None:
    streams = tuple(
        msgspec.structs.replace(s, **failing("database")) if s.kind == "history" else s
        for s in report().streams
    )
    found = report(streams=streams, database_up=False)
    assert [finding.text.split(":")[0] for finding in found.findings] == ["Postgres is away"]


def test_what_is_alike_is_said_together() -> None:
    down = failing("connection", freshness="withdrawn")
    streams = tuple(msgspec.structs.replace(s, **down) for s in report().streams)
    found = report(streams=streams)
    assert found.headline == "1 thing is broken"
    assert found.findings[0].text == (
        "balances, positions and trades of main and hedge; tickers and funding_history of public:"
        " values withdrawn, no connection to the exchange"
    )


def test_history_that_is_missing() -> None:
    filled = with_stream(report(), "main", "trades", coverage=GAPPY)
    assert (filled.verdict, texts(filled, "note")) == (
        "well",
        ["trades of main: history is being filled"],
    )
    assert filled.summary.endswith("The least complete history is 86.6 % proven.")
    fails = error("main", "trades", lane="backfill", reason="payload")
    stuck = with_stream(report(errors=(fails,)), "main", "trades", coverage=GAPPY)
    assert texts(stuck, "attention") == ["trades of main: history has gaps, and filling them fails"]
    late = msgspec.structs.replace(COMPLETE, lag_seconds=2_000.0)
    found = with_stream(report(), "main", "trades", coverage=late)
    assert texts(found, "attention") == [
        "trades of main: the newest history is not proven, and it is late"
    ]


def test_a_paused_token() -> None:
    requests = msgspec.structs.replace(account("main").requests, paused_seconds=30.0)
    found = report(accounts=(account("main", requests=requests), account("public")))
    assert texts(found, "attention") == ["main: no request for 30 s more after a 429"]


# -- The page, without a browser


def hostile() -> Report:
    """Every text that could come from outside is an attack."""
    return report(
        accounts=(account(HOSTILE, token_scopes={HOSTILE: True}), account("public")),
        streams=(
            stream(HOSTILE, HOSTILE, **failing("timeout")),
            stream(HOSTILE, "trades", "history", coverage=GAPPY),
        ),
        errors=(error(HOSTILE, HOSTILE),),
        exchange=HOSTILE,
        version=HOSTILE,
        python=HOSTILE,
    )


def test_hostile_text_is_escaped() -> None:
    page = status_page.render(hostile()).decode()
    assert HOSTILE not in page
    assert "<img" not in page
    assert page.count("<script>") == page.count("</script>") == 1
    assert "{{7*7}}" in page  # as text: what comes in is data, never a template
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert json.loads(to_json(hostile()))["exchange"] == HOSTILE


def test_the_policy_allows_this_script_and_style_and_nothing_else() -> None:
    policy = status_page.CONTENT_SECURITY_POLICY
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; ")
    page = status_page.render(report()).decode()
    assert " style=" not in page
    assert " onclick=" not in page


def test_segments_are_what_json_says() -> None:
    found = json.loads(to_json(report()))
    covered = next(s["coverage"] for s in found["streams"] if s["stream"] == "trades")
    assert covered["segments"][0] == {
        "start": "2026-03-01T12:30:30Z",
        "end": "2026-03-31T12:29:10Z",
        "proven": "all",
    }
