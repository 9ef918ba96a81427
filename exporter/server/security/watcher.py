"""The web config in force: read at the start, and again whenever one of its files changes.

A change that is invalid, or that would take a protection away, leaves the previous config in force:
a file may be caught in the middle of being written, and an empty one is a valid web config.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from exporter.followed_file import Signature, signature
from exporter.model.errors import SettingsError
from exporter.server.security.tls import read_file, server_context
from exporter.server.security.web_config import WebConfig, parse

_log = logging.getLogger(__name__)

_LOOK_S = 1.0
_LOOKS_UNTIL_RETRY = 30

_Signatures = tuple[Signature, ...]


class ActiveWebConfig(NamedTuple):
    """A web config, and the TLS context that was built from it and its files."""

    config: WebConfig
    context: ssl.SSLContext | None


class WebConfigWatcher:
    """Holds the web config in force and follows its files. Without a file nothing is protected.

    Raises SettingsError at the start, with every fault of the file and of those that it names.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._files: tuple[Path, ...] = (file,) if file else ()
        self._loaded: _Signatures = ()
        self._seen: _Signatures = ()
        self._refused: tuple[str, ...] = ()
        self._looks = 0
        self._lock = threading.Lock()
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
        """Load a change that is unchanged since the previous look; log the result once.

        Waiting for a second look lets a certificate and its key be replaced one after the other.
        A refused change is tried again now and then: files that could not be read for lack of file
        descriptors can be read later, without another change.
        """
        if self._file is not None:
            with self._lock:
                self._look(self._file)

    def _look(self, file: Path) -> None:
        seen = _signatures(self._files)
        settled, self._seen = seen == self._seen, seen
        self._looks += 1
        retry = self._refused and self._looks >= _LOOKS_UNTIL_RETRY
        if not settled or (seen == self._loaded and not retry):
            return
        self._looks = 0
        try:
            changed = self._load(file)
            if needs_restart := _needs_restart(self.active.config, changed.config):
                raise SettingsError(needs_restart)
        except SettingsError as error:
            self._refuse(error.faults)
            return
        except Exception as error:  # noqa: BLE001  a watcher that ends would keep old users for ever
            # The type only: the text may quote the file.
            self._refuse((f"bug: {type(error).__name__}",))
            return
        self._refused = ()
        self.active = changed
        _log.info("web config changed and was read again: %s", file)

    def _refuse(self, faults: tuple[str, ...]) -> None:
        if faults != self._refused:
            # Those of the files that the new text names as well: one of them must be corrected.
            _log.error(
                "web config changed but is not usable, the previous one stays in force: %s",
                "; ".join(faults),
            )
        self._refused = faults

    def _load(self, file: Path) -> ActiveWebConfig:
        """Read everything anew; later looks compare with what is read now. Raises SettingsError."""
        self._files = (file,)
        self._loaded = self._seen = _signatures(self._files)
        faults: list[str] = []
        try:
            text = read_file(file).decode()
        except UnicodeDecodeError:
            raise SettingsError([f"ONETRADING_WEB_CONFIG: {file} is not UTF-8 text"]) from None
        except ValueError as error:
            raise SettingsError([f"ONETRADING_WEB_CONFIG: {file} {error}"]) from None
        config = parse(text, file, faults)
        context = None
        if config.tls is not None:
            pems = (config.tls.certificate, config.tls.private_key, config.tls.client_ca)
            self._files = (file, *(pem.path for pem in pems if pem is not None and pem.path))
            # Taken before each is read: whatever is written from then on is a change.
            self._loaded = self._seen = self._loaded + _signatures(self._files[1:])
            context = server_context(config.tls, faults)
        if faults:
            raise SettingsError([f"ONETRADING_WEB_CONFIG: {fault}" for fault in faults])
        return ActiveWebConfig(config, context)


def _signatures(files: Sequence[Path]) -> _Signatures:
    return tuple(signature(file) for file in files)


def _needs_restart(old: WebConfig, new: WebConfig) -> list[str]:
    """The changes that are only made by a restart, such as protections that ``new`` takes away."""
    advice = "restart the service if that is intended"
    faults = []
    if (old.tls is None) != (new.tls is None):
        faults.append(f"TLS would be switched {'off' if new.tls is None else 'on'}; {advice}")
    if old.users and not new.users:
        faults.append(f"basic_auth_users would be empty; {advice}")
    if old.tls is not None and new.tls is not None:
        if new.tls.client_auth < old.tls.client_auth:
            faults.append(f"client certificates would no longer be required; {advice}")
        if old.tls.allowed_sans and not new.tls.allowed_sans:
            faults.append(f"client_allowed_sans would be removed; {advice}")
    return faults
