"""Everything that can be set: each field of ``Settings`` declares what fills it.

The checks, ``--help``, `Settings.redacted` and the table of the documents follow from these
declarations: a new setting is one more field.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar, cast

import platformdirs

from exporter.logs.level import LEVELS
from exporter.model.errors import SettingsError
from exporter.model.retention import DEFAULT, Retention
from exporter.settings import accounts, database, finance, network, reading, values, web
from exporter.settings.accounts import AccountSettings
from exporter.settings.database import DatabaseSettings
from exporter.settings.datev import DATEV, DatevSettings, read_datev, redacted_datev
from exporter.settings.network import NetworkSettings
from exporter.settings.raw import CONFIG, Group, RawSetting, RawSettings, Setting, gather
from exporter.settings.retention import retention, retention_text
from exporter.settings.values import Listen

T = TypeVar("T")
_SOURCE = "source"

LogFormat = Literal["text", "json"]


@dataclass(frozen=True, slots=True)
class FieldSource(Generic[T]):
    """What fills one field of ``Settings``: most often one setting."""

    settings: tuple[Setting, ...]
    read: Callable[[RawSettings], T]
    """The field's value; what is wrong is added to the faults."""
    redact: Callable[[T], Mapping[str, str]]
    """The value as text that may be logged, by environment variable."""


@dataclass(frozen=True, slots=True)
class Computed(Generic[T]):
    """A default that depends on the process, such as on its user."""

    value: Callable[[RawSettings], T]


def filled_by(
    *settings: Setting,
    read: Callable[[RawSettings], T],
    redact: Callable[[T], Mapping[str, str]],
) -> T:
    """A field that several settings fill, or one that takes more than its own text to read."""
    return cast(T, field(metadata={_SOURCE: FieldSource(settings, read, redact)}))


def setting(
    name: str,
    help_text: str,
    parse: Callable[[RawSetting], T],
    *,
    group: Group,
    default: T | Computed[T],
    default_text: str = "",
    redact: Callable[[T], str] = lambda value: "none" if value is None else str(value),
    metavar: str = "TEXT",
    flags: tuple[str, ...] = (),
) -> T:
    """A field that one setting fills. ``parse`` raises ValueError, which becomes a fault.

    ``default_text`` describes a default that cannot be typed as it is. ``metavar`` and
    ``flags``: as of `Setting`.
    """
    if not isinstance(default, Computed):
        default_text = default_text or redact(default)

    def read(raw: RawSettings) -> T:
        value = raw.read(name, parse)
        if value is not None:
            return value
        return default.value(raw) if isinstance(default, Computed) else default

    return filled_by(
        Setting(
            name=name,
            help=help_text,
            group=group,
            default=default_text,
            metavar=metavar,
            flags=flags,
        ),
        read=read,
        redact=lambda value: {name: redact(value)},
    )


def _text(parse: Callable[[str], T]) -> Callable[[RawSetting], T]:
    return lambda given: parse(given.text)


def _directory(given: RawSetting) -> Path:
    path = given.path()
    if path.exists() and not path.is_dir():
        raise ValueError("is not a directory; name one, or a path where it can be created")
    return path


def _default_data_dir(raw: RawSettings) -> Path:
    """The data directory of the user who runs us; root's is the system's."""
    system = Path("/var/lib/onetrading-exporter")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return system
    # A user id without a name in a container, for example, has no home.
    with suppress(RuntimeError):
        path = Path(platformdirs.user_data_dir("onetrading-exporter"))
        if path.is_absolute():  # older versions of platformdirs return a path with ~ instead
            return path
    url = raw.values.get("DATABASE_URL")
    if url is None or url.text != "none":
        raw.faults.append(
            "ONETRADING_DATA_DIR is not set, and this user has no home directory that it could be "
            "in; set it to a directory that this user may write"
        )
    return system


_SECRETS_IN_FILE = (accounts.in_file, database.in_file)


def _zone_text(zone: str | None) -> str:
    return "as in the database" if zone is None else zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set, checked. No field prints a secret."""

    config: Path | None = setting(
        CONFIG,
        "TOML file with the same keys (`listen` or `ONETRADING_LISTEN`); the environment wins",
        RawSetting.path,
        group="common",
        default=None,
        metavar="FILE",
    )
    """The TOML file that was read, if any."""
    base_url: str = setting(
        "ONETRADING_BASE_URL",
        "REST base of the exchange",
        _text(values.base_url),
        group="exchange",
        default="https://api.onetrading.com/fast/v1",
        metavar="URL",
    )
    """Absolute http or https URL without a slash at the end."""
    accounts: tuple[AccountSettings, ...] = filled_by(
        *accounts.SETTINGS, read=accounts.read, redact=accounts.redacted
    )
    """Empty: public streams only."""
    database: DatabaseSettings = filled_by(
        *database.SETTINGS,
        read=database.read,
        redact=lambda value: {"DATABASE_URL": value.redacted()},
    )
    data_dir: Path = setting(
        "ONETRADING_DATA_DIR",
        "directory of the embedded Postgres and the spool",
        _directory,
        group="database",
        default=Computed(_default_data_dir),
        default_text="the platform's user data directory; `/var/lib/onetrading-exporter` for root",
        metavar="DIR",
    )
    """Absolute; need not exist yet."""
    listen: Listen = setting(
        "ONETRADING_LISTEN",
        "host:port of the HTTP server",
        _text(values.listen),
        group="server",
        default=Listen("127.0.0.1", 9877),
        flags=("--web.listen-address",),
        metavar="HOST:PORT",
    )
    web_config: Path | None = filled_by(
        web.CONFIG, read=web.read_config, redact=web.redacted_config
    )
    intervals: Mapping[str, timedelta] = filled_by(
        reading.INTERVAL, read=reading.intervals, redact=reading.redacted_intervals
    )
    """Stream name to poll interval; only the streams whose own interval is overridden."""
    history_start: datetime | None = filled_by(
        reading.HISTORY_START, read=reading.history_start, redact=reading.redacted_history_start
    )
    """Aware, UTC. None: 30 days before the first start."""
    requests_per_minute: int = setting(
        "ONETRADING_REQUESTS_PER_MINUTE",
        "request budget per token",
        _text(values.whole_number),
        group="exchange",
        default=240,
        metavar="NUMBER",
    )
    """For each token."""
    max_accounts: int | None = setting(
        "ONETRADING_MAX_ACCOUNTS",
        "how many accounts this process reads at once, `public` counted, where several processes"
        " share them by one Postgres; what exceeds it is left to the others",
        _text(values.whole_number),
        group="exchange",
        default=None,
        default_text="no limit",
        metavar="NUMBER",
    )
    """None: no limit."""
    streams: frozenset[str] | None = filled_by(
        reading.STREAMS, read=reading.streams, redact=reading.redacted_streams
    )
    """None: all that are on by default."""
    candlesticks: tuple[str, ...] = filled_by(
        reading.CANDLESTICKS, read=reading.candlesticks, redact=reading.redacted_candlesticks
    )
    """Scopes of the stream ``candlesticks`` (``BTC_EUR:1h``); empty: the stream is off."""
    business_zone: str | None = setting(
        "ONETRADING_BUSINESS_ZONE",
        "time zone of days and months in reports where none is asked for, for example"
        " `Europe/Vienna`; kept in the database, where a process that does not set it leaves it as"
        " it is",
        _text(finance.zone),
        group="reports",
        default=None,
        default_text="UTC",
        redact=_zone_text,
        metavar="ZONE",
    )
    """None: what the database has, UTC at first."""
    api_fees: finance.Fees = setting(
        "ONETRADING_API_FEES",
        "fees of orders by API, which no endpoint tells, as fractions maker/taker, for example"
        " `SPOT=0.0005/0.001,FUTURES=0.0002/0.0005`; without it they are compared with the"
        " account's tier",
        _text(finance.api_fees),
        group="reports",
        default=MappingProxyType({}),
        default_text="none",
        metavar="LIST",
        redact=lambda fees: finance.api_fees_text(fees) if fees else "none",
    )
    """By name of the database's setting; empty: none."""
    retention: Retention = setting(
        "ONETRADING_RETENTION",
        "how long observed state is kept: by group (`market`: tickers and funding rates;"
        " `account`: balances, positions, portfolio) from which age on only the last observation of"
        " each `minute`, `hour` or `day` stays; `forever` keeps every change",
        _text(retention),
        group="retention",
        default=DEFAULT,
        redact=retention_text,
        metavar="RULES",
    )
    """Facts are kept for ever."""
    log_format: LogFormat = setting(
        "ONETRADING_LOG_FORMAT",
        "`text` or `json`",
        lambda given: values.one_of(given.text, ("text", "json")),
        group="log",
        default=Computed(lambda raw: "text" if raw.terminal else "json"),
        default_text="`text` on a terminal, else `json`",
        metavar="[text|json]",
    )
    log_level: str = setting(
        "ONETRADING_LOG_LEVEL",
        "`debug`, `info`, `warning`, `error` or `critical`",
        lambda given: values.one_of(given.text, LEVELS),
        group="log",
        default=Computed(lambda raw: raw.log_level),
        default_text="`info`; of commands that only look or keep books, `warning`",
        metavar="LEVEL",
    )
    """Lower case."""
    log_level_file: Path | None = setting(
        "ONETRADING_LOG_LEVEL_FILE",
        "file that contains the level, while it exists; read again when it changes",
        RawSetting.path,
        group="log",
        default=None,
        metavar="FILE",
    )
    """Need not exist."""
    datev: DatevSettings = filled_by(*DATEV, read=read_datev, redact=redacted_datev)
    """What `export --format datev` needs to know of the books it is for."""
    config_holds_secret: bool = filled_by(
        read=lambda raw: any(holds_secret(raw) for holds_secret in _SECRETS_IN_FILE),
        redact=lambda _: {},
    )
    """Whether a token, or the password of the database, stands in the TOML file itself."""
    network: NetworkSettings = filled_by(read=network.read, redact=network.redacted)
    """Set by variables that are not ours."""
    read_again: Callable[[], Settings] = field(repr=False, compare=False)
    """Reads the same environment and the file as it is now. Raises SettingsError."""

    def others_changed(self, after: Settings) -> list[str]:
        """The settings beside the accounts that differ in ``after``, by environment variable."""
        before, now = self.redacted(), after.redacted()
        changed = {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
        changed -= accounts.redacted(self.accounts).keys()
        if not self.database.same_as(after.database):
            changed |= {"DATABASE_URL"}
        return sorted(changed)

    @property
    def of_reports(self) -> Mapping[str, str]:
        """What is set here that reports in the database depend on, by name there."""
        zone = {} if self.business_zone is None else {"business_zone": self.business_zone}
        return zone | {name: f"{ratio:f}" for name, ratio in self.api_fees.items()}

    @property
    def scopes(self) -> Mapping[str, tuple[str, ...]]:
        """By stream, what a setting names of it; a stream without any is off."""
        return {reading.CANDLES: self.candlesticks} if self.candlesticks else {}

    def redacted(self) -> dict[str, str]:
        """Give every setting by its environment variable, as text that may be logged."""
        shown: dict[str, str] = {}
        for name, source in _sources().items():
            shown |= source.redact(getattr(self, name))
        return shown


def _sources() -> Mapping[str, FieldSource[Any]]:
    return {
        part.name: part.metadata[_SOURCE] for part in fields(Settings) if _SOURCE in part.metadata
    }


SETTINGS: tuple[Setting, ...] = tuple(
    declared for source in _sources().values() for declared in source.settings
)


def load(
    environ: Mapping[str, str],
    *,
    stream_names: Collection[str],
    public_streams: Collection[str] = (),
    terminal: bool = False,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    examine_web_config: Callable[[Path], object] = lambda _: None,
    log_level: str = "info",
) -> Settings:
    """Read the settings from ``environ`` and the TOML file that ``ONETRADING_CONFIG`` names.

    ``public_streams``: of all ``stream_names``, those read for no account. ``terminal``: whether
    the log goes to one; ``log_level``: where none is set. ``examine_web_config`` raises
    SettingsError with what is wrong in that file. Raises SettingsError with all faults at once.
    """
    taken = dict(environ)  # what is read again later must not have changed in between
    read_again = partial(
        load,
        taken,
        stream_names=stream_names,
        public_streams=public_streams,
        terminal=terminal,
        now=now,
        log_level=log_level,
    )
    raw = gather(
        taken,
        SETTINGS,
        stream_names=stream_names,
        public_streams=public_streams,
        terminal=terminal,
        now=now(),
        examine_web_config=examine_web_config,
        log_level=log_level,
    )
    filled = {name: source.read(raw) for name, source in _sources().items()}
    if raw.faults:
        raise SettingsError(raw.faults)
    return Settings(**filled, read_again=read_again)
