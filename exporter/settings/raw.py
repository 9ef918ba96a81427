"""The settings as somebody wrote them, in the environment or in the TOML file, not checked yet."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import combinations
from pathlib import Path
from typing import Literal, TypeVar

from exporter.settings.values import did_you_mean

T = TypeVar("T")

Group = Literal[
    "common", "log", "exchange", "streams", "database", "server", "reports", "retention", "datev"
]
"""What a setting is about. A command shows those of the groups that matter to it; ``common`` are
those that matter to every one."""

CONFIG = "ONETRADING_CONFIG"
_PREFIX = "ONETRADING_"
_PER_STREAM = "<STREAM>"

# Kubernetes puts such variables into every pod beside a Service whose name begins with
# `onetrading` (kubernetes.io, "Service environment variables"): they are not misspelt settings.
_SERVICE_LINK = re.compile(
    r"\w+_SERVICE_HOST|\w+_SERVICE_PORT(_\w+)?|\w+_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?"
)
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One environment variable, which is a key of the TOML file as well."""

    name: str
    """With `<STREAM>` in it: one variable for each stream."""
    help: str
    """What it sets: a phrase without a capital and a full stop, in Markdown."""
    group: Group
    default: str = "none"
    """As text for a reader."""
    secret: bool = False
    """Whether its text may hold a secret, so that no message and no process list shows it."""
    replaces: tuple[str, ...] = ()
    """Settings that set the same thing in another way. In the environment, this one replaces what
    the file says by them; both in one place are a contradiction."""
    tables: bool = False
    """Whether the file may hold an array of tables instead of a text."""
    metavar: str = "TEXT"
    """What stands for its text in `--help`."""
    option: str = ""
    """Its option, where that is not its key: `--account` chooses among the accounts."""
    flags: tuple[str, ...] = ()
    """More options of the command line that set it."""

    @property
    def key(self) -> str:
        """Its short key in the TOML file."""
        return self.name.removeprefix(_PREFIX).lower()

    @property
    def flag(self) -> str:
        """Its option on the command line."""
        return self.option or "--" + self.key.replace("_", "-")

    @property
    def is_option(self) -> bool:
        """Whether it has one. Secrets stay out of the process list; an interval has its stream in
        the variable's name."""
        return not (self.secret or self.per_stream)

    @property
    def per_stream(self) -> bool:
        """Whether it stands for one variable of each stream."""
        return _PER_STREAM in self.name

    def variable(self, stream: str) -> str:
        """The environment variable for one stream."""
        return self.name.replace(_PER_STREAM, stream.upper())


@dataclass(frozen=True, slots=True)
class RawSetting:
    """One setting as somebody wrote it."""

    setting: Setting
    name: str
    """The environment variable, also of what the file says."""
    text: str
    """Stripped and not empty, except for ``tables``."""
    label: str
    """Where its author finds it: a variable, or a key and its file."""
    base: Path
    """Relative paths start here."""
    tables: list[object] | None = None
    """The TOML file's array of tables, for a setting that may be one."""
    in_file: bool = False
    """Whether it stands in the TOML file."""

    def shown(self) -> str:
        """The label and, unless it may hold a secret, the text."""
        # No setting is that long, and the password of a URL stands before an @: whatever else it
        # may be, it is more likely a secret in the wrong place.
        hidden = self.setting.secret or len(self.text) > 100 or "@" in self.text
        return self.label if hidden else f"{self.label}={self.text!r}"

    def path(self) -> Path:
        """The absolute path that the text names. Raises ValueError for an unknown `~user`."""
        try:
            return (self.base / Path(self.text).expanduser()).absolute()
        except RuntimeError:
            raise ValueError("has a ~ without a home directory; write an absolute path") from None


@dataclass(slots=True)
class RawSettings:
    """All that was written, what ``load`` was called with, and the faults found so far."""

    stream_names: Collection[str]
    public_streams: Collection[str]
    """Those of them that are read for no account."""
    terminal: bool
    """Whether the log goes to a terminal."""
    now: datetime
    """The time of day, aware."""
    examine_web_config: Callable[[Path], object]
    """Raises SettingsError with what is wrong in that file."""
    log_level: str
    """That of this command, where none is set."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The environment, for variables that are not only ours."""
    values: dict[str, RawSetting] = field(default_factory=dict)
    """By environment variable; without what contradicts each other."""
    faults: list[str] = field(default_factory=list)

    def read(self, name: str, parse: Callable[[RawSetting], T]) -> T | None:
        """Parse one setting; None when it is not set, or is refused, which becomes a fault."""
        given = self.values.get(name)
        if given is None:
            return None
        try:
            return parse(given)
        except ValueError as error:
            self.faults.append(f"{given.shown()} {error}")
            return None


def gather(
    environ: Mapping[str, str],
    settings: Iterable[Setting],
    *,
    stream_names: Collection[str],
    public_streams: Collection[str],
    terminal: bool,
    now: datetime,
    examine_web_config: Callable[[Path], object],
    log_level: str,
) -> RawSettings:
    """Read the environment and the file that it names; the environment wins.

    Unknown names, an unreadable file and contradictions become faults.
    """
    raw = RawSettings(
        stream_names, public_streams, terminal, now, examine_web_config, log_level, environ
    )
    known = {
        name: setting
        for setting in settings
        for name in (map(setting.variable, stream_names) if setting.per_stream else (setting.name,))
    }
    from_environment = _from_environment(environ, known, raw.faults)
    config = from_environment.get(CONFIG)
    from_file = _from_file(config, known, raw.faults) if config else {}
    for given in from_environment.values():
        for replaced in given.setting.replaces:
            from_file.pop(replaced, None)
    raw.values = from_file | from_environment
    _drop_contradictions(raw)
    return raw


def _from_environment(
    environ: Mapping[str, str], known: Mapping[str, Setting], faults: list[str]
) -> dict[str, RawSetting]:
    here = Path.cwd()
    found = {}
    for name, text in environ.items():
        if name in known and text.strip():
            found[name] = RawSetting(known[name], name, text.strip(), name, here)
        elif name.startswith(_PREFIX) and name not in known and not _injected(name, text):
            faults.append(f"{name} is not a setting; {did_you_mean(name, known)}")
    return found


def _injected(name: str, text: str) -> bool:
    if name.endswith("_PORT") and _SERVICE_ADDRESS.fullmatch(text):
        return True
    return _SERVICE_LINK.fullmatch(name) is not None


def _drop_contradictions(raw: RawSettings) -> None:
    """Report what contradicts each other, once; nobody can say which of them is meant."""
    clashes = [
        (one, other)
        for one, other in combinations(raw.values.values(), 2)
        if other.name in one.setting.replaces or one.name in other.setting.replaces
    ]
    for one, other in clashes:
        raw.faults.append(f"{one.label} and {other.label} are both set; remove one of them")
        raw.values.pop(one.name, None)
        raw.values.pop(other.name, None)


def _from_file(
    config: RawSetting, known: Mapping[str, Setting], faults: list[str]
) -> dict[str, RawSetting]:
    allowed = {name: setting for name, setting in known.items() if name != CONFIG}
    keys = [name.removeprefix(_PREFIX).lower() for name in allowed]
    found: dict[str, RawSetting] = {}
    path, document = _read_toml(config, faults)
    for key, value in document.items():
        label = f"{key} (in {path})"
        name = _variable(key, allowed)
        if name is None:
            faults.append(f"{label} is not a setting; {did_you_mean(key.lower(), keys)}")
        elif name in found:
            faults.append(f"{label} is set twice in this file; remove one of them")
        elif allowed[name].tables and isinstance(value, list):
            label = f"[[{key}]] (in {path})"
            found[name] = RawSetting(
                allowed[name], name, "", label, path.parent, value, in_file=True
            )
        elif isinstance(value, dict):
            advice = f"write [[{key}]]" if allowed[name].tables else f'write {key} = "..."'
            faults.append(f"[{key}] (in {path}) is one table; {advice}")
        elif (text := _text(value)) is None:
            faults.append(f"{label} is neither a text nor a number; put it in quotes")
        elif text.strip():
            found[name] = RawSetting(
                allowed[name], name, text.strip(), label, path.parent, in_file=True
            )
    return found


def _read_toml(config: RawSetting, faults: list[str]) -> tuple[Path, dict[str, object]]:
    try:
        path = config.path()
    except ValueError:  # becomes a fault once the setting itself is read
        return Path(config.text), {}
    try:
        text = path.read_text("utf-8")
        if text.strip():
            return path, tomllib.loads(text)
        fault = "is empty; write its settings into it"
    except OSError as error:
        fault = f"could not be read: {error.strerror}; correct its path"
    except UnicodeDecodeError:
        fault = "is not UTF-8; save it as UTF-8"
    except tomllib.TOMLDecodeError as error:
        fault = f"is not valid TOML: {error}; correct that line"
    faults.append(f"the configuration file {path} {fault}")
    return path, {}


def _variable(key: str, known: Collection[str]) -> str | None:
    """The environment variable that a key of the file stands for."""
    if key in known:
        return key
    names = (key.upper(), f"{_PREFIX}{key.upper()}")
    return next((name for name in names if key.islower() and name in known), None)


def _text(value: object) -> str | None:
    match value:
        case bool():
            return None
        case str():
            return value
        case int() | float():
            return str(value)
        case date():  # and datetime, which is one
            return value.isoformat()
        case list() if all(isinstance(item, str) for item in value):
            return ",".join(value)
        case _:
            return None
