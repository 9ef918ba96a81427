"""The web config in force: read at the start, and again whenever one of its files changes.

A change that cannot be used, or that would take a protection away, leaves what was in force. A file
caught in the middle of being written is such a change, and an empty one is a valid web config.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from exporter.model.errors import SettingsError
from exporter.server.security.tls import read_file, server_context
from exporter.server.security.web_config import WebConfig, parse

_log = logging.getLogger(__name__)

_LOOK_S = 1.0
_LOOKS_UNTIL_RETRY = 30

_Signature = tuple[tuple[int, ...], ...]


class ActiveWebConfig(NamedTuple):
    """A web config, and the TLS context that was built from it and its files."""

    config: WebConfig
    context: ssl.SSLContext | None


class WebConfigWatcher:
    """What protects the server. Without a file: nothing.

    Raises SettingsError, with every fault of the file and of those that it names, at the start.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._files: tuple[Path, ...] = (file,) if file else ()
        self._taken: _Signature = ()
        self._seen: _Signature = ()
        self._refused: tuple[str, ...] = ()
        self._looks = 0
        self._looking = threading.Lock()
        self.active = ActiveWebConfig(WebConfig(), None)
        if file is not None:
            self.active = self._load(file)

    @property
    def scheme(self) -> str:
        """`http` or `https`; never changes."""
        return "http" if self.active.context is None else "https"

    def watch(self, stop: threading.Event, every_s: float = _LOOK_S) -> None:
        """Look for changes until ``stop``."""
        while self._file is not None and not stop.wait(every_s):
            self.look()

    def look(self) -> None:
        """Take over a change that has lasted since the look before; log what came of it, once.

        Waiting for the second look lets a certificate and its key be replaced one after the other.
        A change that was refused is tried again now and then: what could not be read for want of
        file descriptors can be read later, and looks the same.
        """
        if self._file is not None:
            with self._looking:
                self._look(self._file)

    def _look(self, file: Path) -> None:
        seen = _signature(self._files)
        settled, self._seen = seen == self._seen, seen
        self._looks += 1
        again = self._refused and self._looks >= _LOOKS_UNTIL_RETRY
        if not settled or (seen == self._taken and not again):
            return
        self._looks = 0
        try:
            found = self._load(file)
            lost = _lost(self.active.config, found.config)
            if lost:
                raise SettingsError(lost)
        except SettingsError as error:
            self._refuse(error.faults)
            return
        except Exception as error:  # noqa: BLE001  who stops looking would keep old users for ever
            # Its text may quote the file.
            self._refuse((f"a fault of ours: {type(error).__name__}",))
            return
        self._refused = ()
        self.active = found
        _log.info("the web config was read again: %s", file)

    def _refuse(self, faults: tuple[str, ...]) -> None:
        if faults != self._refused:
            # Of the files that the new text names, too: one of them is what must be corrected.
            _log.error(
                "the web config has changed and cannot be used; the one before stays in force: %s",
                "; ".join(faults),
            )
        self._refused = faults

    def _load(self, file: Path) -> ActiveWebConfig:
        """Raises SettingsError. From here on, a change is one against what is seen now."""
        self._files = (file,)
        self._taken = self._seen = _signature(self._files)
        faults: list[str] = []
        try:
            text = read_file(file).decode()
        except UnicodeDecodeError:
            raise SettingsError([f"ONETRADING_WEB_CONFIG: {file} is no UTF-8 text"]) from None
        except ValueError as error:
            raise SettingsError([f"ONETRADING_WEB_CONFIG: {file} {error}"]) from None
        config = parse(text, file, faults)
        context = None
        if config.tls is not None:
            pems = (config.tls.certificate, config.tls.private_key, config.tls.client_ca)
            self._files = (file, *(pem.path for pem in pems if pem is not None and pem.path))
            # Each as it was before it was read: what changes from then on is a change.
            self._taken = self._seen = self._taken + _signature(self._files[1:])
            context = server_context(config.tls, faults)
        if faults:
            raise SettingsError([f"ONETRADING_WEB_CONFIG: {fault}" for fault in faults])
        return ActiveWebConfig(config, context)


def _lost(old: WebConfig, new: WebConfig) -> list[str]:
    """Which protections ``new`` would take away, or what else needs a restart."""
    restart = "restart the service if that is meant"
    lost = []
    if (old.tls is None) != (new.tls is None):
        lost.append(f"TLS is switched {'off' if new.tls is None else 'on'}; {restart}")
    if old.users and not new.users:
        lost.append(f"no user is left in basic_auth_users; {restart}")
    if old.tls is not None and new.tls is not None:
        if new.tls.client_auth < old.tls.client_auth:
            lost.append(f"client certificates are demanded no more; {restart}")
        if old.tls.allowed_sans and not new.tls.allowed_sans:
            lost.append(f"client_allowed_sans is gone; {restart}")
    return lost


def _signature(files: Sequence[Path]) -> _Signature:
    found: list[tuple[int, ...]] = []
    for file in files:
        try:
            status = file.stat()
        except OSError:
            found.append(())
            continue
        # The inode tells a file replaced within one clock tick, the change time a right given.
        found.append((status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino))
    return tuple(found)
