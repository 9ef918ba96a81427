"""The frozen settings that everything else is built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from exporter.settings.secret import Secret
from exporter.settings.table import INTERVAL_PREFIX
from exporter.settings.values import duration_text, redacted_postgres_url

LogFormat = Literal["text", "json"]


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One account of the exchange: the name on its metrics, and its bearer token."""

    name: str
    token: Secret


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the HTTP server listens. Port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where history is kept: a server of others, our own embedded Postgres, or nowhere."""

    kind: Literal["url", "embedded", "none"]
    source: Secret | None = None

    def url(self) -> str:
        """Return the Postgres URL in force now; ask again before each new connection.

        Raises ValueError when there is none: ``kind`` is not ``url``.
        """
        if self.source is None:
            raise ValueError(f"the database is {self.kind}: it has no URL")
        return self.source.get()

    def redacted(self) -> str:
        """Describe the database without its password."""
        return self.kind if self.source is None else redacted_postgres_url(self.source.get())


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, checked. No field prints a secret."""

    base_url: str
    """Absolute http or https URL without a slash at the end."""
    accounts: tuple[AccountSettings, ...]
    """Empty: public streams only."""
    database: DatabaseSettings
    data_dir: Path
    """Absolute; need not exist yet."""
    listen: Listen
    web_config: Path | None
    intervals: Mapping[str, timedelta]
    """Stream name to poll interval; only the streams whose own interval is overridden."""
    history_start: datetime | None
    """Aware, UTC. None: 30 days before the first start."""
    requests_per_minute: int
    """For each token."""
    streams: frozenset[str] | None
    """None: all that are on by default."""
    log_format: LogFormat
    log_level: str
    """Lower case."""
    log_level_file: Path | None
    """Need not exist."""
    config: Path | None = None
    """The TOML file that was read, if any."""

    def redacted(self) -> dict[str, str]:
        """Give every setting by its environment name, as text that may be logged."""
        shown = {
            "ONETRADING_CONFIG": str(self.config or "none"),
            "ONETRADING_BASE_URL": self.base_url,
            "ONETRADING_ACCOUNTS": ",".join(map(_account_text, self.accounts)) or "none",
            "DATABASE_URL": self.database.redacted(),
            "ONETRADING_DATA_DIR": str(self.data_dir),
            "ONETRADING_LISTEN": str(self.listen),
            "ONETRADING_WEB_CONFIG": str(self.web_config or "none"),
        }
        for name, interval in sorted(self.intervals.items()):
            shown[f"{INTERVAL_PREFIX}{name.upper()}"] = duration_text(interval)
        start = self.history_start
        return shown | {
            "ONETRADING_HISTORY_START": start.isoformat() if start else "default",
            "ONETRADING_REQUESTS_PER_MINUTE": str(self.requests_per_minute),
            "ONETRADING_STREAMS": "all" if self.streams is None else ",".join(sorted(self.streams)),
            "ONETRADING_LOG_FORMAT": self.log_format,
            "ONETRADING_LOG_LEVEL": self.log_level,
            "ONETRADING_LOG_LEVEL_FILE": str(self.log_level_file or "none"),
        }


def _account_text(account: AccountSettings) -> str:
    return f"{account.name}={account.token.path or '***'}"
