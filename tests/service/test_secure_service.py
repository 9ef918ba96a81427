"""The real process with a web config: what it logs, whom it serves, how it reports its health."""

from __future__ import annotations

import base64
import itertools
import json
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from exporter import checks
from exporter.settings import load
from exporter.simulator import Simulator
from tests.support.configuration import NAMES
from tests.support.ports import unused_port
from tests.support.process import Run, command, running
from tests.support.secure import (
    DEMANDS,
    PASSWORD,
    USER,
    Certificates,
    ServerResponse,
    basic,
    connection,
    hashed,
    request_once,
    tls,
    write,
)
from tests.support.waiting import wait_until
from tests.support.world import ACCOUNTS, environment, exchange

DATABASE_PASSWORD = "the-password-of-the-database"
WRONG_PASSWORD = "a-password-that-was-mistyped"
USERS = {"basic_auth_users": {USER: hashed()}}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with exchange() as found:
        yield found


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


def settings(simulator: Simulator, folder: Path, **more: str) -> dict[str, str]:
    given = {"ONETRADING_LISTEN": f"127.0.0.1:{unused_port()}", "ONETRADING_LOG_FORMAT": "json"}
    return environment(simulator, folder, accounts=(), more=given | more)


def request(
    run: Run,
    path: str,
    context: ssl.SSLContext | None,
    headers: dict[str, str],
    method: str = "GET",
) -> ServerResponse:
    port = urlsplit(run.base).port
    assert port is not None
    return request_once(connection(port, context), path, headers, method)


def messages(run: Run, level: str) -> list[str]:
    lines = (json.loads(line) for line in run.log.splitlines())
    return [line["message"] for line in lines if line["level"] == level]


def test_every_fault_of_the_file_is_told_and_the_code_is_2(
    simulator: Simulator, tmp_path: Path
) -> None:
    file = write(
        tmp_path,
        tls_server_config={"cert_file": "gone.crt", "key_file": "gone.key", "min_version": "SSL3"},
        basic_auth_users={USER: PASSWORD},
        rate_limits={},
    )
    done = command("run", env=settings(simulator, tmp_path, ONETRADING_WEB_CONFIG=str(file)))
    assert done.returncode == 2
    faults = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(faults) == 5
    assert all(str(file) in fault or "gone." in fault for fault in faults)
    assert PASSWORD not in done.stderr


def test_serving_in_public_is_a_loud_warning(simulator: Simulator, tmp_path: Path) -> None:
    env = settings(simulator, tmp_path) | {"ONETRADING_LISTEN": f"0.0.0.0:{unused_port()}"}
    with running(env, tmp_path / "log") as run:
        warnings = messages(run, "warning")
        anybody, clear_text = (text for text in warnings if "BALANCES" in text or "ANYBODY" in text)
        assert "ANYBODY WHO REACHES 0.0.0.0" in anybody
        assert "BALANCES LEAVE 0.0.0.0" in clear_text


def health(env: dict[str, str]) -> tuple[int, str]:
    done = command("health", env=env)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_tls_passwords_health_and_a_broken_change(
    simulator: Simulator, certificates: Certificates
) -> None:
    folder = certificates.folder
    file = write(folder, tls_server_config=tls(), **USERS)
    env = settings(simulator, folder, ONETRADING_WEB_CONFIG=str(file))
    context = certificates.client_context()
    with running(env, folder / "log") as run:
        assert run.base.startswith("https://127.0.0.1:")
        wait_until(lambda: request(run, "/-/ready", context, {}).status == 200, "never ready")
        assert request(run, "/metrics", context, {}).status == 401
        assert b"onetrading_" in request(run, "/metrics", context, basic()).body
        file.write_text("tls_server_config: {")
        wait_until(lambda: len(messages(run, "error")) == 1, "the broken file is not noticed")
        assert request(run, "/metrics", context, {}).status == 401
        assert health(env) == (0, "healthy\n")
        assert run.terminate()[0] == 0
    assert health(env)[0] == 1


def test_check_has_a_line(simulator: Simulator, certificates: Certificates) -> None:
    def line(**sections: object) -> checks.CheckResult:
        file = write(certificates.folder, **sections)
        env = settings(simulator, certificates.folder, ONETRADING_WEB_CONFIG=str(file))
        results = checks.run(load(env, stream_names=NAMES))
        return next(result for result in results if result.subject == "web config")

    good = line(tls_server_config=tls(**DEMANDS), **USERS)
    assert good.ok
    assert good.finding.startswith("1 user; certificate valid until ")
    bad = line(basic_auth_users={USER: "x"})
    assert not bad.ok
    assert bad.finding.startswith("ONETRADING_WEB_CONFIG: ")
    expired = certificates.authority.issue_cert(
        "localhost", not_after=datetime(2020, 1, 1, tzinfo=UTC)
    )
    (certificates.folder / "server.crt").write_bytes(expired.cert_chain_pems[0].bytes())
    (certificates.folder / "server.key").write_bytes(expired.private_key_pem.bytes())
    outdated = line(tls_server_config=tls())
    assert not outdated.ok
    assert "certificate has expired; renew it" in outdated.finding


def secrets(simulator: Simulator, key: bytes) -> Iterator[str]:
    """Everything that must not be shown: whole, in parts and in other encodings."""
    for token in simulator.tokens.values():
        yield token
        yield from token.split(".")[1:]
    for password in (PASSWORD, DATABASE_PASSWORD, WRONG_PASSWORD):
        yield password
        yield quote(password)
        yield json.dumps(password)[1:-1]
        yield base64.b64encode(password.encode()).decode().rstrip("=")
    for user, password in itertools.product((USER, "nobody"), (PASSWORD, WRONG_PASSWORD)):
        encoded = basic(user, password)["Authorization"].removeprefix("Basic ").rstrip("=")
        yield encoded
        yield encoded[len(user) * 4 // 3 + 4 :]
    yield hashed()
    yield hashed()[7:]
    yield "PRIVATE KEY"
    yield from (line for line in key.decode().splitlines() if len(line) > 40)


def more_requests(simulator: Simulator, count: int) -> bool:
    return len(simulator.requests) > count


def test_nothing_secret_is_said_anywhere(simulator: Simulator, certificates: Certificates) -> None:
    folder = certificates.folder
    key = (folder / "server.key").read_bytes()
    file = write(folder, tls_server_config=tls(), **USERS)
    quick = {f"ONETRADING_INTERVAL_{name}": "300ms" for name in ("BALANCES", "TRADES", "TICKERS")}
    more = {
        "ONETRADING_LISTEN": f"127.0.0.1:{unused_port()}",
        "ONETRADING_WEB_CONFIG": str(file),
        "ONETRADING_LOG_LEVEL": "debug",
        # Nothing listens there: every attempt fails with a message of libpq.
        "DATABASE_URL": f"postgresql://exporter:{DATABASE_PASSWORD}@127.0.0.1:{unused_port()}/x",
    }
    context = certificates.client_context()
    seen: list[str] = []
    with running(environment(simulator, folder, more=quick | more), folder / "log") as run:

        def request_everything() -> None:
            logins = [basic(), basic("nobody"), basic(USER, WRONG_PASSWORD), {}]
            bad = {"Authorization": "Basic " + PASSWORD.encode().hex()}
            for headers in (*logins, bad):
                for path in ("/metrics", "/", "/api/status", "/-/ready", f"/{quote(PASSWORD)}?x"):
                    for method in ("GET", "HEAD", "POST"):
                        response = request(run, path, context, headers, method)
                        seen.append(f"{response.headers}{response.body.decode()}")

        wait_until(lambda: len(simulator.requests) > 20, "it does not poll")
        request_everything()
        for faults in (
            {"error_rate": 1},
            {"garbage_rate": 1},
            {"drop_rate": 1},
            {"refuse_tokens": list(ACCOUNTS)},
        ):
            simulator.set_faults(**faults)
            before = len(simulator.requests)
            wait_until(partial(more_requests, simulator, before + 5), "it does not poll any more")
            request_everything()
        simulator.set_faults()
        with socket.create_connection(("127.0.0.1", urlsplit(run.base).port), timeout=30) as client:
            client.sendall(f"GET / HTTP/1.1\r\nAuthorization {PASSWORD}\r\n\r\n".encode())
            seen.append(client.recv(1000).decode("latin-1"))
        file.write_text(f"basic_auth_users:\n  {USER}: {PASSWORD}\n *{hashed()}")
        wait_until(lambda: bool(messages(run, "error")), "the broken file is not noticed")
        request_everything()
        run.check_log()
        assert run.terminate()[0] == 0
        seen.append(run.log)
    assert "failed" in run.log
    everything = "\n".join(seen)
    assert [secret for secret in secrets(simulator, key) if secret in everything] == []
