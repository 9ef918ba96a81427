"""The files that `init` writes, as texts: settings, a systemd unit, a snippet for Prometheus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

TOKEN, CONFIG = "token", "exporter.toml"
UNIT, PROMETHEUS = "onetrading-exporter.service", "prometheus.yml"

_CONFIG = """\
# Settings of onetrading-exporter. A variable of the environment wins over a key of this file;
# relative paths start at this file. `onetrading-exporter run --help` explains every setting.
"""
_EXAMPLES: Mapping[str, str] = {
    "database_url": '"postgresql://exporter@db.example.com/onetrading"  # "embedded": its own',
    "history_start": '"2026-01-01"  # without it: 30 days before the first start',
    "web_config": '"web.yml"  # TLS and passwords',
}

_UNIT = """\
# {target}
[Unit]
Description=Prometheus exporter and Postgres history of One Trading accounts
After=network-online.target
Wants=network-online.target

[Service]
{who}
Restart=on-failure
RestartSec=5
TimeoutStopSec=15
{hardening}

[Install]
WantedBy=multi-user.target
"""
_HARDENING = """\
UMask=0077
CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
PrivateUsers=yes
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM"""
"""As in docs/systemd; the homes can be read, where this program may be installed."""
_OF_ROOT = """\
# A user of its own, who cannot read the files: systemd hands over copies of them at the start.
# After a change: systemctl restart onetrading-exporter
DynamicUser=yes
StateDirectory=onetrading-exporter
StateDirectoryMode=0700
{credentials}
ExecStart={command} run --config ${{CREDENTIALS_DIRECTORY}}/{config_name}"""
_OF_USER = """\
User={user}
ReadWritePaths={data_dir}
ExecStart={command} run --config {config}"""

_PROMETHEUS = """\
# Goes into prometheus.yml. The alerts come with the package.
rule_files:
  - {rules}
scrape_configs:
  - job_name: onetrading
    scrape_interval: 15s
    static_configs:
      - targets: [{target}]
"""


def config(values: Mapping[str, str]) -> str:
    """The TOML file: ``values`` by key, and what else one may want to set, as comments."""
    lines = [f"{key} = {json.dumps(text, ensure_ascii=False)}" for key, text in values.items()]
    others = [f"# {key} = {text}" for key, text in _EXAMPLES.items() if key not in values]
    return "\n".join([_CONFIG, *lines, "", *others, ""])


def unit(*, user: str, command: tuple[str, ...], files: tuple[Path, ...], data_dir: Path) -> str:
    """The systemd unit. ``user``: who runs it; for root it becomes a user of its own.

    ``files``: the settings, and the token if there is one.
    """
    config, *_ = files
    who = _OF_ROOT if user == "root" else _OF_USER
    filled = who.format(
        user=user,
        command=" ".join(map(_in_command, command)),
        config=_in_command(str(config)),
        config_name=config.name,
        # The path is the rest of the line, whatever it holds.
        credentials="\n".join(
            f"LoadCredential={path.name}:{str(path).replace('%', '%%')}" for path in files
        ),
        data_dir=_in_unit(str(data_dir)),
    )
    return _UNIT.format(target=f"/etc/systemd/system/{UNIT}", who=filled, hardening=_HARDENING)


def prometheus(*, target: str, alerts: Path) -> str:
    """What Prometheus needs to scrape the exporter at ``target`` and to evaluate its alerts."""
    rules = json.dumps(str(alerts / "*.yaml"), ensure_ascii=False)
    return _PROMETHEUS.format(rules=rules, target=json.dumps(target))


def _in_unit(text: str) -> str:
    """A word of a unit file (systemd.syntax(7)), in which ``%`` is literal."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text}"' if any(c.isspace() or c in "\"'\\;" for c in text) else text


def _in_command(text: str) -> str:
    """A word of a command line (systemd.service(5)), where ``$`` begins a variable, too."""
    return _in_unit(text).replace("$", "$$")
