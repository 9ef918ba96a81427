"""Put the settings together, and report every fault at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar, cast

import platformdirs

from exporter.model.errors import SettingsError
from exporter.settings import table, values
from exporter.settings.accounts import accounts, secret
from exporter.settings.model import DatabaseSettings, Listen, LogFormat, Settings
from exporter.settings.sources import RawSetting, RawSettings, gather

T = TypeVar("T")

_LOG_FORMATS = ("text", "json")
_LOG_LEVELS = ("debug", "info", "warning", "error", "critical")


def load(
    environ: Mapping[str, str],
    *,
    config: Path | None = None,
    stream_names: Collection[str],
    terminal: bool = False,
) -> Settings:
    """Read the settings from ``environ`` and a TOML file (``config``, or ``ONETRADING_CONFIG``).

    ``stream_names``: every stream that may be enabled or given an interval. ``terminal``: whether
    the log goes to a terminal. Raises SettingsError with all faults at once.
    """
    sources = gather(environ, config, stream_names)
    reader = _Reader(sources)
    log_format = reader.take("ONETRADING_LOG_FORMAT", _word(_LOG_FORMATS), None)
    settings = Settings(
        base_url=reader.take("ONETRADING_BASE_URL", values.base_url, table.DEFAULT_BASE_URL),
        accounts=accounts(sources),
        database=_database(sources),
        data_dir=_data_dir(sources),
        listen=reader.take("ONETRADING_LISTEN", _listen, _listen(table.DEFAULT_LISTEN)),
        web_config=_web_config(sources),
        intervals=_intervals(reader, stream_names),
        history_start=reader.take("ONETRADING_HISTORY_START", values.instant, None),
        requests_per_minute=reader.take(
            "ONETRADING_REQUESTS_PER_MINUTE",
            values.whole_number,
            table.DEFAULT_REQUESTS_PER_MINUTE,
        ),
        streams=reader.take("ONETRADING_STREAMS", _streams(stream_names), None),
        log_format=cast(LogFormat, log_format or ("text" if terminal else "json")),
        log_level=reader.take("ONETRADING_LOG_LEVEL", _word(_LOG_LEVELS), table.DEFAULT_LOG_LEVEL),
        log_level_file=_file("ONETRADING_LOG_LEVEL_FILE", sources),
        config=sources.config,
    )
    if sources.faults:
        raise SettingsError(sources.faults)
    return settings


class _Reader:
    """Read one setting after the other; a fault is noted, and the default stands in."""

    def __init__(self, sources: RawSettings) -> None:
        self._sources = sources

    def take(self, name: str, parse: Callable[[str], T], default: T) -> T:
        given = self._sources.values.get(name)
        if given is None:
            return default
        try:
            return parse(given.text)
        except ValueError as error:
            self._sources.faults.append(f"{given.shown()} {error}")
            return default


def _word(allowed: Collection[str]) -> Callable[[str], str]:
    return lambda text: values.one_of(text, allowed)


def _listen(text: str) -> Listen:
    return Listen(*values.host_port(text))


def _streams(names: Collection[str]) -> Callable[[str], frozenset[str]]:
    def parse(text: str) -> frozenset[str]:
        chosen = [word.strip() for word in text.split(",") if word.strip()]
        if not chosen:
            raise ValueError(f"names no stream; write some of: {', '.join(sorted(names))}")
        unknown = [word for word in chosen if word not in names]
        if unknown:
            advice = values.did_you_mean(unknown[0], names)
            raise ValueError(f"names what is no stream; {advice}")
        return frozenset(chosen)

    return parse


def _intervals(reader: _Reader, stream_names: Collection[str]) -> Mapping[str, timedelta]:
    found: dict[str, timedelta] = {}
    for stream in sorted(stream_names):
        name = f"{table.INTERVAL_PREFIX}{stream.upper()}"
        interval = reader.take(name, values.duration, timedelta(0))
        if interval:
            found[stream] = interval
    return MappingProxyType(found)


def _database(sources: RawSettings) -> DatabaseSettings:
    if sources.both("DATABASE_URL", "DATABASE_URL_FILE"):
        return DatabaseSettings("embedded")
    given = sources.values.get("DATABASE_URL") or sources.values.get("DATABASE_URL_FILE")
    text = given.text if given else table.DEFAULT_DATABASE
    if text == "none":
        return DatabaseSettings("none")
    if given is None or text == "embedded":
        return DatabaseSettings("embedded")
    return DatabaseSettings("url", secret(given, sources.faults, values.postgres_url))


def _data_dir(sources: RawSettings) -> Path:
    given = sources.values.get("ONETRADING_DATA_DIR")
    path = _path(given) if given else default_data_dir()
    if given and path.exists() and not path.is_dir():
        sources.faults.append(f"{given.shown()} is a file; name a directory")
    return path


def default_data_dir() -> Path:
    """Return the data directory of whoever runs us; root's is the system's."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/onetrading-exporter")
    return Path(platformdirs.user_data_dir("onetrading-exporter"))


def _web_config(sources: RawSettings) -> Path | None:
    given = sources.values.get("ONETRADING_WEB_CONFIG")
    path = _path(given) if given else None
    if given and path and not path.is_file():
        sources.faults.append(f"{given.shown()} is no file; create it or correct its path")
    return path


def _file(name: str, sources: RawSettings) -> Path | None:
    given = sources.values.get(name)
    return _path(given) if given else None


def _path(given: RawSetting) -> Path:
    return (given.base / Path(given.text).expanduser()).absolute()
