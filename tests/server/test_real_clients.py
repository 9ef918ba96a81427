"""curl and Prometheus, with a client certificate and a password."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.prometheus import prometheus
from tests.support.secure import DEMANDS, PASSWORD, USER, Certificates, hashed, serving, tls, write
from tests.support.tools import tool
from tests.support.waiting import wait_until

USERS = {"basic_auth_users": {USER: hashed()}}


def test_curl(certificates: Certificates) -> None:
    curl = tool("curl", "curl")
    write(certificates.folder, tls_server_config=tls(**DEMANDS), **USERS)
    with serving(certificates.folder / "web.yml") as endpoint:
        url = f"https://localhost:{endpoint.server.port}/metrics"
        names = ("--cacert", "authority.pem", "--cert", "client.crt", "--key", "client.key")
        for more, status in (((), b"401"), (("--user", f"{USER}:{PASSWORD}"), b"200")):
            done = subprocess.run(
                [
                    *(curl, "--silent", "--http2", "--noproxy", "*", "--write-out", "%{http_code}"),
                    *("--resolve", f"localhost:{endpoint.server.port}:127.0.0.1"),
                    *(*names, *more, url),
                ],
                cwd=certificates.folder,
                capture_output=True,
                timeout=20,
                check=True,
            )
            assert done.stdout.endswith(status)


def test_prometheus_scrapes_with_a_certificate_and_a_password(
    certificates: Certificates, tmp_path: Path
) -> None:
    write(certificates.folder, tls_server_config=tls(**DEMANDS), **USERS)
    with serving(certificates.folder / "web.yml") as endpoint:
        job = {
            "job_name": "exporter",
            "scheme": "https",
            "scrape_interval": "1s",
            "tls_config": {
                "ca_file": str(tmp_path / "authority.pem"),
                "cert_file": str(tmp_path / "client.crt"),
                "key_file": str(tmp_path / "client.key"),
                "server_name": "localhost",
            },
            "basic_auth": {"username": USER, "password": PASSWORD},
            "static_configs": [{"targets": [f"127.0.0.1:{endpoint.server.port}"]}],
        }
        with prometheus(tmp_path / "prometheus", {"scrape_configs": [job]}) as server:
            wait_until(
                lambda: [sample["value"][1] for sample in server.query("up")] == ["1"],
                "Prometheus does not get in",
            )
            assert server.query("a")[0]["value"][1] == "1"
