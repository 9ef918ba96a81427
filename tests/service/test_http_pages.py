"""The pages of a running service: what they serve, to whom, and that no secret is in them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.simulator import Simulator
from tests.support.expositions import openmetrics_families, text_families
from tests.support.ports import unused_port
from tests.support.process import Run, command, running
from tests.support.world import ACCOUNTS, environment, exchange, wait_for_requests

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Simulator, Path]]:
    """A service without a database, at the most talkative log level, that is ready."""
    folder = tmp_path_factory.mktemp("service")
    with exchange() as simulator:
        quick = {f"ONETRADING_INTERVAL_{name}": "500ms" for name in ("BALANCES", "TICKERS")}
        env = environment(simulator, folder, more=quick | {"ONETRADING_LOG_LEVEL": "debug"})
        with running(env, folder / "log") as run:
            run.wait_until_ready()
            yield run, simulator, folder


Served = tuple[Run, Simulator, Path]


def test_the_five_pages(served: Served) -> None:
    run, _, _ = served
    assert run.get("/-/healthy").text == "healthy\n"
    assert run.get("/-/ready").text == "ready\n"
    assert "onetrading-exporter" in run.get("/").text
    status = json.loads(run.get("/api/status").body)
    assert {(s["account"], s["stream"]) for s in status["streams"]} >= {
        *((account, "balances") for account in ACCOUNTS),
        ("public", "tickers"),
    }
    assert all(stream["tried"] for stream in status["streams"])
    assert 'onetrading_balance_available{account="main",currency="BTC"}' in run.get("/metrics").text


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "/-/", "/api", "//metrics", "/%2e%2e/"])
def test_everything_else_is_404(served: Served, path: str) -> None:
    assert served[0].get(path).status == 404


@pytest.mark.parametrize("path", ["/metrics", "/-/healthy", "/-/ready", "/", "/api/status"])
def test_only_get_and_head(served: Served, path: str) -> None:
    run = served[0]
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        refused = run.get(path, method)
        assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD")
    head = run.get(path, "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["Content-Length"]) > 0


def test_metrics_in_both_formats_and_compressed(served: Served) -> None:
    run = served[0]
    text = run.get("/metrics")
    assert text.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    names = {family.name for family in text_families(text.text)}
    openmetrics = run.get("/metrics", Accept=OPENMETRICS)
    assert openmetrics.headers["Content-Type"].startswith(OPENMETRICS)
    assert openmetrics.text.endswith("# EOF\n")
    assert {family.name for family in openmetrics_families(openmetrics.text)} == names
    compressed = run.get("/metrics", Accept_Encoding="gzip")
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert int(compressed.headers["Content-Length"]) < len(text.body) / 4
    assert {family.name for family in text_families(compressed.text)} == names


def test_the_token_appears_nowhere(served: Served) -> None:
    """Nor do its parts: neither header nor payload nor signature of the JWT."""
    run, simulator, _ = served
    # Failures of every kind are logged, with tracebacks if there are any.
    for faults in ({"garbage_rate": 1}, {"drop_rate": 1}, {"refuse_tokens": list(ACCOUNTS)}):
        simulator.set_faults(**faults)
        before = len(simulator.requests)
        wait_for_requests(simulator, before + 3)
    outputs = [run.get(path).text for path in ("/metrics", "/", "/api/status", "/-/ready")]
    arguments = subprocess.run(
        ["/bin/ps", "-ww", "-o", "args=", "-p", str(run.process.pid)],
        capture_output=True,
        text=True,
        check=True,
    )
    outputs += [run.log, arguments.stdout]
    assert "failed (" in run.log
    for token in simulator.tokens.values():
        for part in (token, *token.split(".")[1:]):
            assert not [text for text in outputs if part in text]
    simulator.set_faults()
    run.check_log()


def test_health(served: Served) -> None:
    address = served[0].base.removeprefix("http://")
    elsewhere = {"http_proxy": "http://127.0.0.1:1", "https_proxy": "ftp://nowhere"}
    env = {"ONETRADING_LISTEN": address, "DATABASE_URL": "none", "SSL_CERT_FILE": "/missing"}
    good = command("health", env=env | elsewhere)
    assert (good.returncode, good.stdout) == (0, "healthy\n")
    free = unused_port()
    bad = command("health", env={"ONETRADING_LISTEN": f"127.0.0.1:{free}"})
    assert bad.returncode == 1
    assert bad.stderr.startswith(f"not healthy: http://127.0.0.1:{free}/-/healthy: ")
    assert "Traceback" not in bad.stderr
