"""Gather what was written in the environment and in the TOML file, under one name each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from exporter.settings.table import INTERVAL_PREFIX, SETTINGS
from exporter.settings.values import did_you_mean

_SECRETS = frozenset(setting.name for setting in SETTINGS if setting.secret)
_KNOWN = frozenset(setting.name for setting in SETTINGS if "<" not in setting.name)

# Whoever sets one of these in the environment replaces the file's answer to the same question.
_REPLACES = {
    "ONETRADING_API_TOKEN": {"ONETRADING_API_TOKEN_FILE", "ONETRADING_ACCOUNTS"},
    "ONETRADING_API_TOKEN_FILE": {"ONETRADING_API_TOKEN", "ONETRADING_ACCOUNTS"},
    "ONETRADING_ACCOUNTS": {
        "ONETRADING_API_TOKEN",
        "ONETRADING_API_TOKEN_FILE",
        "ONETRADING_ACCOUNT",
    },
    "DATABASE_URL": {"DATABASE_URL_FILE"},
    "DATABASE_URL_FILE": {"DATABASE_URL"},
}

# Kubernetes puts such variables into every pod beside a Service whose name begins with
# `onetrading` (kubernetes.io, "Service environment variables"): they are nobody's spelling mistake.
_SERVICE_LINK = re.compile(
    r"\w+_SERVICE_HOST|\w+_SERVICE_PORT(_\w+)?|\w+_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?"
)
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://\S+")


@dataclass(frozen=True, slots=True)
class RawSetting:
    """One setting as somebody wrote it."""

    name: str
    text: str
    label: str
    """How its author finds it: a variable, or a key and its file."""
    base: Path
    """Relative paths start here."""

    def shown(self) -> str:
        """The label and, unless it may hold a secret, the text."""
        # No setting's text is that long, and a URL's password stands before an @: whatever else it
        # may be, it is rather a secret in the wrong place.
        hidden = self.name in _SECRETS or len(self.text) > 100 or "@" in self.text
        return self.label if hidden else f"{self.label}={self.text!r}"


@dataclass(slots=True)
class RawSettings:
    """All that was written, and the faults found so far."""

    values: dict[str, RawSetting] = field(default_factory=dict)
    account_tables: list[object] | None = None
    """``[[accounts]]`` of the TOML file, not checked yet."""
    config: Path | None = None
    faults: list[str] = field(default_factory=list)

    def both(self, one: str, other: str) -> bool:
        """Report a pair of settings that contradict each other."""
        clash = one in self.values and other in self.values
        if clash:
            labels = f"{self.values[one].label} and {self.values[other].label}"
            self.faults.append(f"{labels} are both set; remove one of them")
        return clash


def gather(
    environ: Mapping[str, str], config: Path | None, stream_names: Collection[str]
) -> RawSettings:
    """Read both sources; the environment wins. Unknown names become faults."""
    sources = RawSettings()
    intervals = {f"{INTERVAL_PREFIX}{name.upper()}" for name in stream_names}
    known = _KNOWN | intervals
    here = Path.cwd()
    from_environment: dict[str, RawSetting] = {}
    for name, text in environ.items():
        if name in known and text.strip():
            from_environment[name] = RawSetting(name, text.strip(), name, here)
        elif name.startswith("ONETRADING_") and name not in known and not _injected(name, text):
            sources.faults.append(f"{name} is no setting; {did_you_mean(name, known)}")
    path = config or _config_path(from_environment)
    if path is not None:
        _read_toml(path.expanduser().absolute(), known - {"ONETRADING_CONFIG"}, sources)
    _override(sources, from_environment)
    return sources


def _injected(name: str, text: str) -> bool:
    if name.endswith("_PORT") and _SERVICE_ADDRESS.fullmatch(text):
        return True
    return _SERVICE_LINK.fullmatch(name) is not None


def _config_path(from_environment: Mapping[str, RawSetting]) -> Path | None:
    given = from_environment.get("ONETRADING_CONFIG")
    return Path(given.text) if given else None


def _override(sources: RawSettings, from_environment: Mapping[str, RawSetting]) -> None:
    for name in from_environment:
        for replaced in _REPLACES.get(name, set()):
            sources.values.pop(replaced, None)
        if name in _REPLACES and name.startswith("ONETRADING_"):
            sources.account_tables = None
    sources.values.update(from_environment)


def _read_toml(path: Path, known: Collection[str], sources: RawSettings) -> None:
    label = f"the configuration file {path}"
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        sources.faults.append(f"{label} cannot be read: {error.strerror}; correct its path")
        return
    except UnicodeDecodeError:
        sources.faults.append(f"{label} is not UTF-8; save it as UTF-8")
        return
    except tomllib.TOMLDecodeError as error:
        sources.faults.append(f"{label} is no TOML: {error}; correct that line")
        return
    sources.config = path
    for key, value in document.items():
        _take(key, value, path, known, sources)


def _take(
    key: str, value: object, path: Path, known: Collection[str], sources: RawSettings
) -> None:
    label = f"{key} (in {path})"
    name = _environment_name(key, known)
    if name is None:
        keys = [name.removeprefix("ONETRADING_").lower() for name in known]
        sources.faults.append(f"{label} is no setting; {did_you_mean(key.lower(), keys)}")
    elif name in sources.values or (name == "ONETRADING_ACCOUNTS" and sources.account_tables):
        sources.faults.append(f"{label} is set twice in this file; remove one of them")
    elif name == "ONETRADING_ACCOUNTS" and isinstance(value, list):
        sources.account_tables = value
    else:
        text = _text(value)
        if text is None:
            sources.faults.append(f"{label} is neither a text nor a number; put it in quotes")
        elif text.strip():
            sources.values[name] = RawSetting(name, text.strip(), label, path.parent)


def _environment_name(key: str, known: Collection[str]) -> str | None:
    if key in known:
        return key
    names = (key.upper(), f"ONETRADING_{key.upper()}")
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
