"""How samples are written, and what the body of `/metrics` contains."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector

from exporter.metrics import Exposition, Instrumentation, ServiceMetrics, StreamMetrics, catalogue
from exporter.metrics.negotiation import accepts_gzip, prefers_openmetrics
from exporter.metrics.text import format_value
from exporter.model.stream import Metric, Sample
from exporter.streams import STREAMS
from exporter.streams.balances import AVAILABLE, BALANCES
from exporter.streams.tickers import BID, TICKERS
from exporter.streams.trades import TRADES

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
COUNT = TRADES.metrics[0]
GAUGE = Metric("onetrading_test_level", 'Says "a\\b"\nand goes on.', ("currency", "instrument"))
COUNTER = Metric("onetrading_test_uses_total", "Counts.", ("currency", "instrument"), "counter")
PRIVATE = replace(BALANCES, name="private", metrics=(GAUGE, COUNTER))


class Page:
    """Everything that makes up `/metrics`, with streams to fill in."""

    def __init__(self, *streams: object, accounts: tuple[str, ...] = ("main",)) -> None:
        chosen = [s for s in (*STREAMS, PRIVATE) if not streams or s in streams]
        self.stream_metrics = StreamMetrics(
            chosen, accounts, intervals={}, now=lambda: 1.7e9, monotonic=lambda: 0.0
        )
        self.service_metrics = ServiceMetrics(now=lambda: 1.7e9, monotonic=lambda: 10.0)
        self.instrumentation = Instrumentation(
            self.stream_metrics.keys,
            accounts=(*accounts, "public"),
            version="1.2.3",
            python="3.11.7",
        )
        self.exposition = Exposition(
            self.stream_metrics, self.service_metrics, self.instrumentation
        )

    def text(self, accept: str = "") -> str:
        return self.exposition.render(accept, "")[0].decode()

    def read(self, accept: str = "") -> dict[str, Family]:
        """The body as prometheus_client's own parser reads it. Fails on a family seen twice."""
        parse = parse_openmetrics if accept else parse_text
        found: dict[str, Family] = {}
        for family in parse(self.text(accept)):
            assert family.name not in found
            found[family.name] = family
        return found


def values(family: Family) -> dict[tuple[tuple[str, str], ...], float]:
    found = {tuple(sample.labels.items()): sample.value for sample in family.samples}
    assert len(found) == len(family.samples)
    return found


# --- numbers ---

MONEY = st.decimals(
    allow_nan=False, allow_infinity=False, places=8, min_value=-(10**15), max_value=10**15
)
NUMBERS = st.one_of(MONEY, st.decimals(), st.integers(), st.floats(width=64).map(Decimal))


@given(st.one_of(NUMBERS, st.floats()))
@example(Decimal("1E+400"))
@example(Decimal("-0"))
@example(Decimal("sNaN"))
@example(10**400)
@example(Decimal("5e-324"))
@example(2**53 + 1)
def test_a_number_reads_back_as_the_nearest_float64(value: Decimal | float) -> None:
    text = format_value(value)
    try:
        nearest = float(value)
    except (OverflowError, ValueError):
        nearest = float("nan")
    if nearest in (float("inf"), float("-inf")) or nearest != nearest:
        assert text is None
    else:
        assert text is not None
        assert float(text) == nearest
        assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?", text)
        assert text != "-0"
        if nearest == 0 or 1e-12 <= abs(nearest) < 1e21:
            assert "e" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal(1000000), "1000000"),
        (Decimal("97000.50"), "97000.5"),
        (Decimal("0.00000001"), "0.00000001"),
        (Decimal("90071992.54740993"), "90071992.54740994"),
        (Decimal("-12.30"), "-12.3"),
        (10**20, "100000000000000000000"),
        (10**21, "1e+21"),
        (Decimal("1E-30"), "1e-30"),
        (Decimal("-0.00"), "0"),
        (True, "1"),
    ],
)
def test_numbers_look_as_people_write_them(value: Decimal | int, text: str) -> None:
    assert format_value(value) == text


@given(MONEY.filter(lambda value: abs(value) < 90_000_000))
def test_eight_decimals_survive_float64_up_to_ninety_million(value: Decimal) -> None:
    text = format_value(value)
    assert text is not None
    assert Decimal(text) == value


# --- samples ---

LABELS = st.one_of(
    st.text(max_size=8), st.text(alphabet='\\n"\n{}=, #\r\t\0é中😀\u2028\x85', max_size=8)
)
GAUGES = st.builds(GAUGE.__call__, NUMBERS, LABELS, LABELS)
COUNTERS = st.builds(COUNTER.__call__, st.decimals(min_value=0, max_value=10**18), LABELS, LABELS)
SAMPLES = st.lists(st.one_of(GAUGES, COUNTERS), max_size=12)


def expected(samples: Iterable[Sample], metric: Metric) -> dict[tuple[tuple[str, str], ...], float]:
    found: dict[tuple[tuple[str, str], ...], float] = {}
    for sample in samples:
        if sample.metric == metric and format_value(sample.value) is not None:
            labels = (("account", "main"), *zip(metric.labels, sample.labels, strict=True))
            found.setdefault(labels, float(sample.value))
    return found


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
@given(samples=SAMPLES)
def test_the_clients_parser_reads_exactly_the_samples(accept: str, samples: list[Sample]) -> None:
    page = Page(PRIVATE)
    assert page.stream_metrics.record_success("main", "private", samples)
    read = page.read(accept)
    for metric in (GAUGE, COUNTER):
        wanted = expected(samples, metric)
        family = read.get(metric.name.removesuffix("_total"))
        assert (values(family) if family else {}) == wanted
        if family:
            assert family.type == metric.kind
            assert family.documentation == metric.help


class _Same(Collector):
    """The same samples, given to prometheus_client."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = list(samples)

    def collect(self) -> Iterator[Family]:
        for metric, kind in ((GAUGE, GaugeMetricFamily), (COUNTER, CounterMetricFamily)):
            family = kind(metric.name, metric.help, labels=("account", *metric.labels))
            for labels, value in expected(self._samples, metric).items():
                family.add_metric([text for _, text in labels], value)
            if family.samples:
                yield family


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
@given(polls=st.lists(SAMPLES, min_size=1, max_size=4))
def test_the_text_is_what_prometheus_client_writes_but_for_numbers(
    accept: str, polls: list[list[Sample]]
) -> None:
    """After each poll, compressed or not: nothing is kept of the values before."""
    page = Page(PRIVATE)
    for samples in polls:
        page.stream_metrics.record_success("main", "private", samples)
        registry = CollectorRegistry()
        registry.register(_Same(samples))
        theirs = choose_encoder(accept)[0](registry).decode().split("\n")
        expected_lines = [plain(line) for line in theirs if "onetrading_test" in line]
        packed, _ = page.exposition.render(accept, "gzip")
        for text in (page.text(accept), gzip.decompress(packed).decode()):
            ours = [line for line in text.split("\n") if "onetrading_test" in line]
            assert [plain(line) for line in ours] == expected_lines


def plain(line: str) -> str:
    """A sample line with its number as Python writes it."""
    if line.startswith("#"):
        return line
    series, value = line.rsplit(" ", 1)
    return f"{series} {float(value)!r}"


def test_a_lone_surrogate_does_not_cost_the_scrape() -> None:
    page = Page(PRIVATE)
    page.stream_metrics.record_success("main", "private", [GAUGE(1, "\ud800", "x")])
    assert 'currency="?"' in page.text()


# --- the whole body ---


def filled(*accounts: str) -> Page:
    """Some of everything, twice."""
    page = Page(accounts=accounts or ("main", "desk"))
    for account, stream in page.stream_metrics.keys:
        declared = next(s for s in (*STREAMS, PRIVATE) if s.name == stream)
        samples = [m(1, *("x" for _ in m.labels)) for m in declared.metrics]
        assert page.stream_metrics.record_success(account, stream, samples)
        page.stream_metrics.record_coverage(
            account, stream, lag_s=1, gap_s=2, progress_ratio=0.5, scopes_refused=0
        )
        page.instrumentation.record_pass(account, stream, 0.3)
        page.instrumentation.record_rows(account, stream, inserted=5, updated=1, rejected=1)
        one = {(account, stream): 1}
        page.service_metrics.set_data_quality(
            rejects=one, drift=one, changed=one, newest_drift={(account, stream): 1.5}
        )
        page.service_metrics.set_verification(
            findings={(account, stream, "late"): 2},
            last={(account, stream): 1.5},
            progress={(account, stream): 0.5},
        )
    for account in accounts or ("main", "desk"):
        page.service_metrics.set_token_scope(account, "READ", True)
        page.service_metrics.set_clock_skew([account], -0.25)
        page.service_metrics.track_rate_limiter(account, lambda: 240)
        page.instrumentation.record_request(account, "account/balances", "200", 0.2)
        page.instrumentation.record_wait(account, 1.5)
    page.service_metrics.set_token_expiries(dict.fromkeys(accounts or ("main", "desk"), 1.5))
    page.service_metrics.set_months(
        {(name, "roll_forward", "2026-10 EUR"): -1.5 for name in accounts or ("main", "desk")},
        dict.fromkeys(accounts or ("main", "desk"), 1.5),
        dict.fromkeys(accounts or ("main", "desk"), 2),
    )
    page.service_metrics.set_sizes({"onetrading.trades": 8192}, {"tickers": 1.5e9})
    page.service_metrics.set_config(True, 1.5)
    page.service_metrics.set_database_up(True)
    page.service_metrics.set_leader({"main": True, "hedge": False})
    page.service_metrics.set_spool(0, 0)
    page.service_metrics.set_clock_disputed(False)
    page.service_metrics.set_lateness({"balances": 0.5})
    page.service_metrics.record_heartbeat()
    return page


FORMATS = pytest.mark.parametrize("accept", ["", OPENMETRICS])


@FORMATS
def test_each_family_is_whole_and_in_its_place(accept: str) -> None:
    """One HELP, one TYPE, then its samples; ours by name; no series twice; nothing between."""
    heads: list[str] = []
    series: list[str] = []
    lines = filled().text(accept).removesuffix("# EOF\n").splitlines()
    for line in lines:
        if line.startswith("# HELP "):
            heads.append(line.split(" ")[2])
        elif line.startswith("# TYPE "):
            assert line.split(" ")[2] == heads[-1]
        else:
            name = re.match(r"[a-z_0-9]+", line)
            assert name is not None
            ending = name[0].removeprefix(heads[-1])
            assert ending in ("", "_total", "_bucket", "_sum", "_count")
            series.append(line.rsplit(" ", 1)[0])
    assert len(set(heads)) == len(heads)
    assert len(set(series)) == len(series)
    own = [h for h in heads if h.startswith("onetrading_")]
    first = own.index(next(h for h in own if h.startswith("onetrading_sync_duration")))
    if not accept:
        assert own[:first] == sorted(own[:first])


@FORMATS
def test_the_catalogue_names_exactly_what_is_shown(accept: str) -> None:
    shown = {f.name: f for f in filled().read(accept).values() if f.name.startswith("onetrading_")}
    listed = {e.name.removesuffix("_total"): e for e in catalogue((*STREAMS, PRIVATE))}
    assert shown.keys() == listed.keys()
    for name, entry in listed.items():
        assert shown[name].type == entry.kind
        assert shown[name].documentation == entry.help
        for sample in shown[name].samples:
            assert set(sample.labels) - {"le"} == set(entry.labels)


def test_the_headers_name_the_format() -> None:
    page = filled()
    body, headers = page.exposition.render("", "")
    assert dict(headers)["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"# EOF" not in body
    body, headers = page.exposition.render(OPENMETRICS, "")
    content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert dict(headers)["Content-Type"] == content_type
    assert body.endswith(b"\n# EOF\n")
    assert body.count(b"# EOF") == 1
    assert dict(headers)["Vary"] == "Accept, Accept-Encoding"


def test_gzip_holds_the_same_body() -> None:
    page = filled()
    body, headers = page.exposition.render("", "gzip")
    assert dict(headers)["Content-Encoding"] == "gzip"
    assert still(gzip.decompress(body)) == still(page.exposition.render("", "")[0])


def still(body: bytes) -> list[bytes]:
    """The lines whose values do not move by themselves."""
    return [x for x in body.splitlines() if not x.startswith((b"process_", b"python_"))]


def test_no_created_series() -> None:
    assert "_created" not in filled().text()
    assert "_created" not in filled().text(OPENMETRICS)


def test_promtool_finds_nothing_to_complain_about() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    done = subprocess.run(
        [promtool, "check", "metrics"], input=filled().text(), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- content negotiation ---

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        ("", False),
        ("*/*", False),
        (CHROME, False),
        ("text/plain", False),
        (PROMETHEUS_2, True),
        (PROMETHEUS_3, True),
        ("application/openmetrics-text", True),
        ("Application/OpenMetrics-Text; Version=1.0.0", True),
        ('application/openmetrics-text; version="1.0.0"', True),
        ("application/openmetrics-text;version=0.0.1", False),
        ("application/openmetrics-text;version=2.0.0", False),
        ("text/plain;q=0.9, application/openmetrics-text;q=0.5", False),
        ("text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.9", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=0.5;version=1.0.0, text/plain;q=0.4", True),
        ("application/openmetrics-text;q=nonsense", False),
        ("application/openmetrics-text;q=nan, text/plain", False),
        ("image/png", False),
        (";;,,=;q", False),
    ],
)
def test_openmetrics_for_those_who_prefer_it(accept: str, openmetrics: bool) -> None:
    assert prefers_openmetrics(accept) is openmetrics


@pytest.mark.parametrize(
    ("accept_encoding", "gzipped"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*", True),
        ("*;q=0", False),
        ("identity", False),
        ("x-gzip", True),
        ("br", False),
    ],
)
def test_gzip_for_those_who_can_read_it(accept_encoding: str, gzipped: bool) -> None:
    assert accepts_gzip(accept_encoding) is gzipped


ODD = st.text(st.characters(blacklist_characters=","), max_size=60).filter(
    lambda entry: not {"gzip", "x-gzip", "*", "text"} & {*re.split(r"[;/\s]", entry.lower())}
)
"""One entry of a header that names nothing that we have."""


@given(ODD)
def test_no_header_is_too_odd(entry: str) -> None:
    """An invalid entry neither requests anything nor invalidates the entries beside it."""
    assert prefers_openmetrics(entry) is False
    assert accepts_gzip(entry) is False
    openmetrics = "application/openmetrics-text"
    for named, judged in ((openmetrics, prefers_openmetrics), ("gzip", accepts_gzip)):
        assert judged(f"{entry},{named}") is True
        assert judged(f"{named},{entry}") is True


# --- the process ---


def shown(service_metrics: ServiceMetrics) -> dict[str, str]:
    lines = b"".join(chunk for _, chunk in service_metrics.chunks()).decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines)


def test_service_metrics_are_absent_until_known() -> None:
    service_metrics = ServiceMetrics(now=lambda: 5.0, monotonic=lambda: 1.0)
    assert shown(service_metrics) == {
        f'onetrading_scheduler_events_total{{event="{event}"}}': "0"
        for event in ("missed", "error", "max_instances")
    }
    assert service_metrics.heartbeat_age_s() is None
    service_metrics.set_database_up(False)
    assert shown(service_metrics)["onetrading_database_up"] == "0"


def test_service_metrics_show_the_latest() -> None:
    at = iter((100.0, 130.0, 145.5))
    service_metrics = ServiceMetrics(now=lambda: 5.0, monotonic=lambda: next(at))
    service_metrics.set_leader({"main": True})
    service_metrics.set_leader({"main": False})
    service_metrics.set_spool(3, 0)
    service_metrics.set_clock_skew(["main"], -1.5)
    service_metrics.set_clock_skew(["desk"], 0)
    service_metrics.set_clock_disputed(True)
    service_metrics.set_token_scope("main", "READ", True)
    service_metrics.set_token_scope("main", "TRADE", False)
    service_metrics.count_scheduler_event("missed")
    service_metrics.record_heartbeat()
    assert service_metrics.heartbeat_age_s() == 30
    found = shown(service_metrics)
    assert found['onetrading_exporter_leader{account="main"}'] == "0"
    assert found["onetrading_spool_snapshots"] == "3"
    assert found['onetrading_exchange_clock_skew_seconds{account="main"}'] == "-1.5"
    assert found['onetrading_exchange_clock_skew_seconds{account="desk"}'] == "0"
    assert found['onetrading_token_scope{account="main",scope="READ"}'] == "1"
    assert found['onetrading_token_scope{account="main",scope="TRADE"}'] == "0"
    assert found['onetrading_scheduler_events_total{event="missed"}'] == "1"
    assert found["onetrading_scheduler_heartbeat_timestamp_seconds"] == "5"
    assert found["onetrading_scheduler_heartbeat_age_seconds"] == "45.5"
    assert found["onetrading_exchange_clock_disputed"] == "1"


def test_what_the_checks_of_months_no_longer_say_is_not_shown() -> None:
    """An alert on a month that was closed would never end."""
    names = (
        "onetrading_reconciliation_difference",
        "onetrading_month_unclosed_end_timestamp_seconds",
        "onetrading_late_facts_in_locked_months",
    )
    page = Page()
    assert not page.read().keys() & set(names)
    before = {("main", "roll_forward", "2026-09 EUR"): 7.0, ("main", "funding", "2026-09"): 1.0}
    page.service_metrics.set_months(before, {"main": 1.5e9}, {"main": 3})
    page.service_metrics.set_months({("main", "roll_forward", "2026-10 EUR"): -1250.5}, {}, {})
    shown = page.read()
    assert values(shown[names[0]]) == {
        (("account", "main"), ("check", "roll_forward"), ("key", "2026-10 EUR")): -1250.5
    }
    assert not shown.keys() & set(names[1:])


def test_only_one_process_tells_how_large_the_database_is() -> None:
    """What it told is withdrawn when another one reads the public streams."""
    names = {"onetrading_database_bytes", "onetrading_oldest_observation_timestamp_seconds"}
    page = Page()
    page.service_metrics.set_sizes({"onetrading.trades": 8192}, {"tickers": 1.5e9})
    shown = page.read()
    assert values(shown["onetrading_database_bytes"]) == {(("table", "onetrading.trades"),): 8192}
    assert values(shown["onetrading_oldest_observation_timestamp_seconds"]) == {
        (("stream", "tickers"),): 1.5e9
    }
    page.service_metrics.set_sizes({}, {})
    assert not page.read().keys() & names


def test_a_budget_is_read_at_each_scrape_and_may_fail() -> None:
    service_metrics = ServiceMetrics(now=lambda: 5.0, monotonic=lambda: 1.0)
    left = iter((240, 239))

    def broken() -> float:
        raise ZeroDivisionError

    service_metrics.track_rate_limiter("main", lambda: next(left))
    service_metrics.track_rate_limiter("desk", broken)
    for value in ("240", "239"):
        found = {s: v for s, v in shown(service_metrics).items() if "budget" in s}
        assert found == {'onetrading_api_budget_remaining{account="main"}': value}


def test_instrumentation_exists_from_the_start_and_counts() -> None:
    page = Page(PRIVATE, TICKERS)
    read = page.read()
    assert {s.value for s in read["onetrading_rows_written"].samples} == {0.0}
    assert {s.value for s in read["onetrading_rows_rejected"].samples} == {0.0}
    assert {s.value for s in read["onetrading_sync_duration_seconds"].samples} == {0.0}
    waits = values(read["onetrading_api_wait_seconds"])
    assert waits == {(("account", "main"),): 0.0, (("account", "public"),): 0.0}
    info = values(read["onetrading_exporter_build_info"])
    assert {frozenset(labels): value for labels, value in info.items()} == {
        frozenset({("version", "1.2.3"), ("revision", "unknown"), ("python", "3.11.7")}): 1.0
    }
    page.instrumentation.record_request("main", "account/balances", "200", 0.2)
    page.instrumentation.record_request("main", "account/balances", "429", 0.1)
    page.instrumentation.record_wait("main", 2.5)
    page.instrumentation.record_rows("main", "private", inserted=3, rejected=1)
    page.instrumentation.record_pass("main", "private", 0.7)
    text = page.text()
    labels = 'account="main",code="429",endpoint="account/balances"'
    assert f"onetrading_api_requests_total{{{labels}}} 1.0" in text
    assert 'onetrading_api_request_duration_seconds_count{endpoint="account/balances"} 2.0' in text
    assert 'onetrading_api_wait_seconds_total{account="main"} 2.5' in text
    labels = 'account="main",operation="inserted",stream="private"'
    assert f"onetrading_rows_written_total{{{labels}}} 3.0" in text
    assert 'onetrading_rows_rejected_total{account="main",stream="private"} 1.0' in text
    assert 'onetrading_sync_duration_seconds_sum{account="main",stream="private"} 0.7' in text


def test_nothing_is_shared_between_two_registries() -> None:
    one, two = Page(PRIVATE), Page(PRIVATE)
    one.instrumentation.record_wait("main", 1)
    assert 'onetrading_api_wait_seconds_total{account="main"} 0.0' in two.text()


def test_the_process_is_measured() -> None:
    assert {"process_cpu_seconds", "python_gc_collections"} <= Page(PRIVATE).read().keys()


def test_accounts_of_one_family_stand_together() -> None:
    page = Page(BALANCES, TICKERS, accounts=("b", "a"))
    page.stream_metrics.record_success("b", "balances", [AVAILABLE(1, "EUR")])
    page.stream_metrics.record_success("a", "balances", [AVAILABLE(2, "EUR")])
    page.stream_metrics.record_success("public", "tickers", [BID(3, "BTC_EUR")])
    lines = page.text().splitlines()
    start = lines.index("# TYPE onetrading_balance_available gauge")
    assert lines[start + 1 : start + 3] == [
        'onetrading_balance_available{account="b",currency="EUR"} 1',
        'onetrading_balance_available{account="a",currency="EUR"} 2',
    ]


def test_an_accounts_name_may_hold_anything() -> None:
    name = 'a 100%s "\\n{}\n'
    page = Page(BALANCES, accounts=(name,))
    page.stream_metrics.record_success(name, "balances", [AVAILABLE(1, "%s")])
    family = page.read()["onetrading_balance_available"]
    assert values(family) == {(("account", name), ("currency", "%s")): 1.0}
