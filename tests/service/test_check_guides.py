"""What `check` warns of, and what it advises for each cause."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from exporter import checks
from exporter.checks.machine import LEAST_FREE, disk
from exporter.simulator import Simulator
from tests.support.configuration import environment_of, settings_from
from tests.support.loopback import Reply, reply, serving
from tests.support.process import command
from tests.support.secure import Certificates, tls, write
from tests.support.secure import serving as serving_tls
from tests.support.world import environment, exchange, settings_of


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


def verdicts(*results: checks.CheckResult) -> dict[str, tuple[str, str]]:
    """By subject: OK, WARN or FAIL, and what was found."""
    return {
        r.subject: (("WARN" if r.warning else "OK") if r.ok else "FAIL", r.finding) for r in results
    }


def found_at(base_url: str, folder: Path, **more: str) -> dict[str, tuple[str, str]]:
    """What `check` finds of an exchange at ``base_url``."""
    settings = settings_from(environment_of(base_url, folder, {"main": "token"}, **more))
    return verdicts(*checks.run(settings))


def test_what_works_and_deserves_attention(simulator: Simulator, tmp_path: Path) -> None:
    settings = settings_of(simulator, tmp_path, ("main",), {"ONETRADING_LISTEN": "0.0.0.0:9877"})
    (tmp_path / "main").chmod(0o644)
    told = verdicts(*checks.run(settings))
    assert told["web config"][0] == "WARN"
    assert "Set basic_auth_users" in told["web config"][1]
    path = tmp_path / "main"
    assert told["token file of main"] == (
        "WARN",
        f"every user of this machine may read {path}: chmod 600 {path}",
    )
    path.chmod(0o640)
    settings = settings_of(simulator, tmp_path, ("main",))
    told = verdicts(*checks.run(settings))
    assert "token file of main" not in told
    assert told["web config"][0] == told["configuration"][0] == "OK"
    assert "history" not in told
    tomorrow = (simulator.now + timedelta(days=1)).isoformat()
    ahead = {"ONETRADING_HISTORY_START": tomorrow}
    told = verdicts(*checks.run(settings_of(simulator, tmp_path, (), ahead)))
    assert told["history"][0] == "WARN"
    assert "has not come by the exchange's clock" in told["history"][1]
    assert told["configuration"][0] == "WARN"
    assert "ONETRADING_API_TOKEN_FILE" in told["configuration"][1]


def test_a_name_that_stands_for_another_account(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    env = environment(simulator, tmp_path, ("main",), {"DATABASE_URL": database_url})
    assert command("sync", "--stream", "balances", env=env).returncode == 0
    assert "WARN name" not in command("check", env=env).stdout
    (tmp_path / "main").write_text(simulator.tokens["hedge"])
    told = command("check", env=env).stdout
    assert "WARN name main: Postgres knows this name as account " in told
    assert "choose another name" in told


@pytest.mark.parametrize(
    ("total", "free", "verdict"),
    [
        (100 * LEAST_FREE, 50 * LEAST_FREE, "OK"),
        (100 * LEAST_FREE, 4 * LEAST_FREE, "WARN"),
        (10 * LEAST_FREE, 2 * LEAST_FREE, "OK"),
        (10 * LEAST_FREE, LEAST_FREE - 1, "WARN"),
    ],
)
def test_a_disk_that_fills(total: int, free: int, verdict: str, tmp_path: Path) -> None:
    told = disk(tmp_path / "not" / "yet", lambda _path: (total, total - free, free))
    assert verdicts(told)["disk"][0] == verdict
    assert f"below {tmp_path}" in told.finding
    assert not (tmp_path / "not").exists()


CAUSES = {
    "a missing scope": (reply(403, '{"error": "Permission denied."}'), "the scope Read only"),
    "an IP list": (reply(403, '{"error": "Permission denied."}'), "IP list"),
    "a futures subaccount": (reply(403, '{"error": "Permission denied."}'), "futures subaccount"),
    "an unknown token": (reply(401, '{"message": "Unauthorized"}'), "create another one"),
    "another path": (reply(404, '{"error": "NOT_FOUND"}'), "compare ONETRADING_BASE_URL, http"),
    "a login page": (reply(200, "<html>Please log in</html>"), "this may not be the exchange"),
    "a fault": (reply(503, "{}"), "try again later"),
    "too many requests": (reply(429, "{}", Retry_After="90"), "another program uses this token"),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_advice_by_cause(cause: str, tmp_path: Path) -> None:
    answer, advice = CAUSES[cause]
    with serving(answer) as server:
        told = found_at(server.base_url, tmp_path, ONETRADING_STREAMS="balances")
    verdict, finding = told["token of main for balances"]
    assert verdict == "FAIL"
    assert advice in finding


def test_advice_where_nobody_can_be_reached(certificates: Certificates, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    nowhere = f"http://127.0.0.1:{port}"
    assert "See the firewall" in found_at(nowhere, tmp_path)["exchange"][1]
    through = found_at("http://exchange.test", tmp_path, HTTP_PROXY=nowhere)
    assert f"is the proxy {nowhere} right" in through["exchange"][1]
    assert "see its DNS" in found_at("http://exchange.invalid", tmp_path)["exchange"][1]
    file = write(certificates.folder, tls_server_config=tls())
    with serving_tls(file) as endpoint:
        base = f"https://127.0.0.1:{endpoint.server.port}"
        assert "SSL_CERT_FILE" in found_at(base, tmp_path)["exchange"][1]
        authority = str(certificates.folder / "authority.pem")
        trusted = found_at(base, tmp_path, SSL_CERT_FILE=authority)["exchange"][1]
    assert "404" in trusted
    assert "compare ONETRADING_BASE_URL" in trusted


def test_an_exchange_and_a_database_that_hang_are_asked_once(tmp_path: Path) -> None:
    """At the same time. Every request more would take as long again: a minute for all streams."""
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as listener, serving(Reply(b"", "hold")) as server:

        def accept() -> None:
            while True:
                try:
                    connections.append(listener.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        url = f"postgresql://me@127.0.0.1:{listener.getsockname()[1]}/money"
        told = found_at(server.base_url, tmp_path, DATABASE_URL=url)
        listener.shutdown(socket.SHUT_RDWR)
    for connection in connections:
        connection.close()
    assert len(server.requests) == 1
    assert len(connections) <= 2  # libpq may try again without GSS
    assert told["exchange"][0] == told["database"][0] == "FAIL"
    assert told["token of main"] == ("FAIL", "not asked, since the exchange does not answer")


def test_how_long_the_backfill_takes(
    simulator: Simulator, tmp_path: Path, database_url: str
) -> None:
    more = {"DATABASE_URL": database_url, "ONETRADING_REQUESTS_PER_MINUTE": "60"}
    more |= {"ONETRADING_STREAMS": "trades"}
    told = verdicts(*checks.run(settings_of(simulator, tmp_path, ("main",), more)))
    verdict, finding = told["backfill of main"]
    assert verdict == "OK"
    assert finding.startswith("the history that is missing takes about ")
    requests = int(finding.split("takes about ")[1].split(" ")[0])
    assert requests >= 30 // 7
    assert finding.endswith(" at 60 a minute")
