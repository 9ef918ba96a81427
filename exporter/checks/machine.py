"""What can be checked without asking anybody: files, the address that is served, the disk."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from exporter.checks.result import CheckResult, counted
from exporter.model.errors import SettingsError
from exporter.server import WebConfigWatcher
from exporter.server.security import exposure
from exporter.server.security.tls import expiry
from exporter.settings import Settings

LEAST_FREE = 1024**3
LEAST_FREE_SHARE = 0.05
"""Of a disk: below either of the two it counts as filling."""


def look(settings: Settings) -> Iterator[CheckResult]:
    """Everything of this machine."""
    yield _accounts(settings)
    yield from _readable_by_others(settings)
    proxy = settings.network.route(settings.base_url).proxy
    if proxy is not None:
        yield CheckResult("proxy", True, f"requests go through {proxy}")
    yield _web_config(settings)
    if settings.database.kind != "none":
        yield disk(settings.data_dir)


def _accounts(settings: Settings) -> CheckResult:
    found = counted(len(settings.accounts), "account")
    if settings.accounts:
        return CheckResult("configuration", True, found)
    message = (
        f"{found}: only public streams are read; for what is yours, put a token with the scope Read"
        " only into a file and name it in ONETRADING_API_TOKEN_FILE"
    )
    return CheckResult("configuration", True, message, warning=True)


def _readable_by_others(settings: Settings) -> Iterator[CheckResult]:
    """A WARN for each file with a secret that every user of the machine may read."""
    files = [(f"token file of {a.name}", a.token.path) for a in settings.accounts]
    if settings.database.source is not None:
        files.append(("file of DATABASE_URL_FILE", settings.database.source.path))
    if settings.config_holds_secret:
        files.append(("configuration file with a secret", settings.config))
    for subject, path in files:
        if path is None:
            continue
        try:
            mode = path.stat().st_mode
        except OSError:
            continue  # it was read before; a service goes on with what it has
        if mode & stat.S_IROTH:
            finding = f"every user of this machine may read {path}: chmod 600 {path}"
            yield CheckResult(subject, True, finding, warning=True)


def _web_config(settings: Settings) -> CheckResult:
    """Who may connect, and how long the certificate is valid. An endpoint that is open to everybody
    is reported, but does not fail: it may be intended."""
    subject, listen = "web config", settings.listen
    try:
        config = WebConfigWatcher(settings.web_config).active.config
        facts = [counted(len(config.users), "user") if config.users else "no passwords"]
        if config.tls is None:
            facts.append("no TLS")
        else:
            facts.append(f"certificate valid until {expiry(config.tls):%Y-%m-%d %H:%M} UTC")
    except SettingsError as error:
        return CheckResult(subject, False, "; ".join(error.faults), misconfigured=True)
    except ValueError as error:
        return CheckResult(
            subject, False, f"clients will refuse the certificate: {error}; renew it"
        )
    warned = exposure.warnings(listen.host, str(listen), config)
    return CheckResult(subject, True, "; ".join(facts + warned), warning=bool(warned))


def disk(
    data_dir: Path, usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage
) -> CheckResult:
    """Room for the spool and, where it is in the data directory, for Postgres. ``usage``: bytes in
    all, used and free of the disk of a path."""
    there = next(path for path in (data_dir, *data_dir.parents) if path.exists())
    try:
        total, _, free = usage(there)
        inodes = os.statvfs(there)
    except OSError as error:
        return CheckResult("disk", False, f"{there}: {error.strerror}; choose another directory")
    room = f"{_size(free)} of {_size(total)} free below {there}"
    low = free < max(LEAST_FREE, LEAST_FREE_SHARE * total)
    if inodes.f_files and inodes.f_favail < LEAST_FREE_SHARE * inodes.f_files:
        low, room = True, f"{room}, and few inodes"
    if low:
        room += ": free some, enlarge it, or let ONETRADING_RETENTION keep less"
    return CheckResult("disk", True, room, warning=low)


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
