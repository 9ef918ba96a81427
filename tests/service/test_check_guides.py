"""What `check` warns of, and what it advises for each cause."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from exporter import checks
from exporter.checks import machine
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


@pytest.mark.parametrize(
    ("content", "warns"),
    [
        ('api_token = "secret"\n', True),
        ('[[accounts]]\nname = "main"\ntoken = "secret"\n', True),
        ('database_url = "postgresql://me:secret@127.0.0.1:1/money"\n', True),
        ('database_url = "postgresql://me@127.0.0.1:1/money"\n', False),
        ('[[accounts]]\nname = "main"\ntoken_file = "token"\n', False),
        ('listen = "127.0.0.1:9877"\n', False),
    ],
)
def test_a_secret_in_the_configuration_file(content: str, warns: bool, tmp_path: Path) -> None:
    file = tmp_path / "exporter.toml"
    file.write_text(content)
    (tmp_path / "token").write_text("secret")
    (tmp_path / "token").chmod(0o600)
    env = {"ONETRADING_CONFIG": str(file), "ONETRADING_DATA_DIR": str(tmp_path / "data")}
    for mode, told in ((0o644, warns), (0o640, False)):
        file.chmod(mode)
        found = verdicts(*machine.look(settings_from(env)))
        expected = ("WARN", f"every user of this machine may read {file}: chmod 600 {file}")
        assert found.get("configuration file with a secret") == (expected if told else None)
    file.chmod(0o644)
    assert not settings_from(env | {"ONETRADING_CONFIG": ""}).config_holds_secret


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


def test_its_waits_together_leave_time_for_all_else() -> None:
    """Of ten seconds. Each is for one silent peer, of which nothing more is asked then; both begin
    at the same time."""
    assert max(checks.EXCHANGE_S, checks.DATABASE_S) <= 7
    assert checks.EXCHANGE_S > 4  # an exchange that is far away answers within it


def test_a_database_is_waited_for_once_however_many_addresses_it_has(tmp_path: Path) -> None:
    """libpq gives each of its hosts five seconds, which is fifteen here."""
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        hosts = ",".join(f"127.0.0.1:{one.getsockname()[1]}" for one in listeners)
        url = f"postgresql://me@{hosts}/money"
        env = environment_of("http://127.0.0.1:1", tmp_path, {"main": "token"}, DATABASE_URL=url)
        told = verdicts(*checks.run(settings_from(env), database_s=0.2))
        verdict, finding = told["database"]
    assert verdict == "FAIL"
    assert finding.startswith("no answer within 0.2 s: see the host and port of DATABASE_URL")


@pytest.mark.parametrize("fault", ["refuses", "has no address", "hangs"])
def test_check_ends_whatever_the_exchange_does_not_do(fault: str, tmp_path: Path) -> None:
    """One attempt, or a second one after a refusal: the rest is not asked."""
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = silent.getsockname()[1]
        hosts = {"refuses": "127.0.0.1:1", "has no address": "exchange.invalid:1"}
        base = f"http://{hosts.get(fault, f'127.0.0.1:{port}')}"
        ended = command("check", env=environment_of(base, tmp_path, {"main": "t", "hedge": "u"}))
    assert ended.returncode == 1
    lines = [line for line in ended.stdout.splitlines() if line.startswith("FAIL")]
    assert [line.partition(":")[0] for line in lines] == [
        *("FAIL exchange", "FAIL token of main", "FAIL token of hedge")
    ]
    assert "Traceback" not in ended.stderr


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
