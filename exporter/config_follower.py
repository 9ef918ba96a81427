"""The configuration file while the service runs: its accounts are followed, nothing else.

An edit that is not usable changes nothing. It is told once in the log, and for as long as it stands
by the status page, `/api/status` and `onetrading_config_last_reload_successful`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from exporter.followed_file import Signature, signature
from exporter.model.errors import SettingsError
from exporter.roster import Change
from exporter.settings import AccountSettings, Settings

_log = logging.getLogger(__name__)
_LOOK_S = 1.0
_LOOKS_UNTIL_RETRY = 10


@dataclass(frozen=True)
class ConfigState:
    """What became of the file as it was read last."""

    file: Path
    succeeded_at: float
    """Unix time at which it was last read and found usable; first at the start."""
    faults: tuple[str, ...] = ()
    """Why the accounts are still those of an earlier version of it."""
    needs_restart: tuple[str, ...] = ()
    """Settings that it changes, but which are in force only after a restart, by variable."""

    @property
    def ok(self) -> bool:
        """Whether its accounts are in force."""
        return not self.faults


class ConfigFollower:
    """Follows the file that ``settings`` were read from, if there is one.

    ``apply`` lets accounts be those of the process; it raises SettingsError, and has changed
    nothing then. ``on_state`` is called with what became of the file, at the start and whenever it
    is read. ``now``: Unix time.
    """

    def __init__(
        self,
        settings: Settings,
        apply: Callable[[Sequence[AccountSettings]], Change],
        *,
        on_state: Callable[[ConfigState], None],
        now: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._apply = apply
        self._on_state = on_state
        self._now = now
        self._loaded: Signature = ()
        """Nothing: the file may have changed since the start read it."""
        self._seen: Signature = ()
        self._looks = 0
        self._lock = threading.Lock()
        self._at_once = threading.Event()
        file = settings.config
        self.state = ConfigState(file, now()) if file and file.is_file() else None
        """None without a file, or one that cannot be read twice, such as a pipe."""
        if self.state is not None:
            on_state(self.state)

    def watch(self, stop: threading.Event, every_s: float = _LOOK_S) -> None:
        """Look for changes until ``stop``."""
        while self.state is not None and not stop.is_set():
            if self._at_once.wait(every_s) and not stop.is_set():
                self._at_once.clear()
                self.read()
            elif not stop.is_set():
                self.look()

    def read_soon(self) -> bool:
        """Let `watch` read the file at once, changed or not; False when there is none."""
        if self.state is not None:
            self._at_once.set()
        return self.state is not None

    def look(self) -> None:
        """Read a change that is unchanged since the previous look.

        Waiting for a second look spares files that are still being written. A change that was
        refused is tried again now and then: a token file may come after the file that names it.
        """
        state = self.state
        if state is None:
            return
        with self._lock:
            seen = signature(state.file)
            settled, self._seen = seen == self._seen, seen
            self._looks += 1
            retry = state.faults and self._looks >= _LOOKS_UNTIL_RETRY
            if settled and (seen != self._loaded or retry):
                self._read(state, seen)

    def read(self) -> None:
        """Read the file now."""
        state = self.state
        if state is not None:
            with self._lock:
                self._read(state, signature(state.file))

    def _read(self, state: ConfigState, seen: Signature) -> None:
        """``seen`` is taken before the content: what is written in between is one more change."""
        self._loaded = self._seen = seen
        self._looks = 0
        try:
            _refuse_empty(state.file)
            after = self._settings.read_again()
            if signature(state.file) != seen:
                self._loaded = ()  # it is being written: the next look decides
                return
            change = self._apply(after.accounts)
        except SettingsError as error:
            self._refuse(state, tuple(error.faults))
        except Exception as error:  # noqa: BLE001  a follower that ends would keep all as it is
            # The type only: the text may quote the file.
            _log.debug("could not follow the configuration file", exc_info=error)
            self._refuse(state, (f"bug: {type(error).__name__}",))
        else:
            self._accept(state, change, tuple(self._settings.others_changed(after)))

    def _refuse(self, state: ConfigState, faults: tuple[str, ...]) -> None:
        if faults != state.faults:
            _log.error(
                "the configuration file changed but is not usable, the accounts stay as they are:"
                " %s",
                "; ".join(faults),
            )
        self._show(replace(state, faults=faults))

    def _accept(self, state: ConfigState, change: Change, needs_restart: tuple[str, ...]) -> None:
        if change != Change():
            _log.info("the configuration file changed: accounts %s", change)
        elif state.faults:
            _log.info("the configuration file is usable again, and changes no account")
        if needs_restart and needs_restart != state.needs_restart:
            _log.warning(
                "the configuration file changed settings that need a restart: %s",
                ", ".join(needs_restart),
            )
        self._show(ConfigState(state.file, self._now(), (), needs_restart))

    def _show(self, state: ConfigState) -> None:
        self.state = state
        self._on_state(state)


def _refuse_empty(file: Path) -> None:
    """An empty file is valid, but most likely one whose writer has only begun.

    Raises SettingsError, also for what a reader would wait for, such as a pipe.
    """
    if file.exists() and not file.is_file():
        raise SettingsError([f"the configuration file {file} is not a regular file; replace it"])
    try:
        empty = not file.read_bytes().strip()
    except OSError:
        return  # told by whoever reads it as settings
    if empty:
        raise SettingsError([f"the configuration file {file} is empty; write its settings into it"])
