"""The systemd unit: hardened, and in agreement with the documents."""

from __future__ import annotations

import re

from tests.support.process import ROOT, finished
from tests.support.tools import tool

UNIT = ROOT / "docs" / "systemd" / "onetrading-exporter.service"
WORST = 3.0
"""Of 10, by `systemd-analyze security`; without any hardening a unit has 9.6."""


def settings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_systemd_rates_it_well() -> None:
    analyze = tool("systemd-analyze", "systemd")
    done = finished(analyze, "security", "--offline=true", "--no-pager", str(UNIT))
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) < WORST, done.stdout


def test_what_it_needs_is_handed_to_it() -> None:
    unit = settings()
    assert unit["LoadCredential"] == ["token:/etc/onetrading/token"]
    assert unit["StateDirectory"] == ["onetrading-exporter"]
    assert {*unit["Environment"]} == {
        "ONETRADING_API_TOKEN_FILE=%d/token",
        "ONETRADING_DATA_DIR=%S/onetrading-exporter",
    }
    # The lock of the data directory and the metrics of the process read other parts of /proc.
    assert "ProcSubset" not in unit


def test_documents_name_its_user_and_paths() -> None:
    (user,) = settings()["User"]
    install = (ROOT / "docs" / "install.md").read_text()
    operate = (ROOT / "docs" / "operate.md").read_text()
    assert re.findall(r"^sudo useradd .* (\S+)$", install, re.MULTILINE) == [user]
    owners = re.findall(r"\binstall .*?-o (\S+) -g (\S+)", install + operate)
    assert owners
    assert {name for pair in owners for name in pair} <= {"root", user}
    assert "docs/systemd/onetrading-exporter.service" in install
    (start,) = settings()["ExecStart"]
    assert start.split()[0].removesuffix("/bin/onetrading-exporter") in install
