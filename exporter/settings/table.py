"""What can be set: the one table from which checks, ``--help`` and the README are made."""

from __future__ import annotations

from dataclasses import dataclass

INTERVAL_PREFIX = "ONETRADING_INTERVAL_"
DEFAULT_BASE_URL = "https://api.onetrading.com/fast/v1"
DEFAULT_ACCOUNT = "main"
DEFAULT_DATABASE = "embedded"
DEFAULT_LISTEN = "127.0.0.1:9877"
DEFAULT_REQUESTS_PER_MINUTE = 240
DEFAULT_LOG_LEVEL = "info"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. ``default`` is text for a reader; a secret is never shown."""

    name: str
    meaning: str
    default: str
    secret: bool = False

    @property
    def key(self) -> str:
        """The same setting's short key in the TOML file."""
        return self.name.removeprefix("ONETRADING_").lower()


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "ONETRADING_CONFIG",
        "TOML file with the same keys (`listen` or `ONETRADING_LISTEN`); the environment wins",
        "none",
    ),
    Setting("ONETRADING_BASE_URL", "REST base of the exchange", DEFAULT_BASE_URL),
    Setting(
        "ONETRADING_API_TOKEN",
        "bearer token of the single account; without one, public streams only",
        "none",
        secret=True,
    ),
    Setting(
        "ONETRADING_API_TOKEN_FILE", "file with that token; read again when it changes", "none"
    ),
    Setting("ONETRADING_ACCOUNT", "that account's name, a metric label", DEFAULT_ACCOUNT),
    Setting(
        "ONETRADING_ACCOUNTS",
        "several accounts: `name=token_file,name=token_file`; `[[accounts]]` in TOML",
        "none",
        secret=True,
    ),
    Setting(
        "DATABASE_URL",
        "Postgres URL; `embedded`: a Postgres of our own in the data directory; "
        "`none`: metrics only",
        DEFAULT_DATABASE,
        secret=True,
    ),
    Setting(
        "DATABASE_URL_FILE", "file with that URL, for a password that must not be here", "none"
    ),
    Setting(
        "ONETRADING_DATA_DIR",
        "directory of the embedded Postgres and the spool",
        "the platform's user data directory; `/var/lib/onetrading-exporter` for root",
    ),
    Setting("ONETRADING_LISTEN", "host:port of the HTTP server", DEFAULT_LISTEN),
    Setting(
        "ONETRADING_WEB_CONFIG",
        "Prometheus exporter-toolkit web config file (TLS, basic auth)",
        "none",
    ),
    Setting(
        f"{INTERVAL_PREFIX}<STREAM>",
        f"poll interval of one stream, for example `{INTERVAL_PREFIX}BALANCES=5s`",
        "the stream's own",
    ),
    Setting(
        "ONETRADING_HISTORY_START",
        "earliest instant that history streams must cover",
        "30 days before the first start",
    ),
    Setting(
        "ONETRADING_REQUESTS_PER_MINUTE",
        "request budget of each token",
        str(DEFAULT_REQUESTS_PER_MINUTE),
    ),
    Setting("ONETRADING_STREAMS", "comma list of the streams to enable", "all"),
    Setting("ONETRADING_LOG_FORMAT", "`text` or `json`", "`text` on a terminal, else `json`"),
    Setting(
        "ONETRADING_LOG_LEVEL",
        "`debug`, `info`, `warning`, `error` or `critical`",
        DEFAULT_LOG_LEVEL,
    ),
    Setting(
        "ONETRADING_LOG_LEVEL_FILE",
        "file whose one word is the level while it exists; read again when it changes",
        "none",
    ),
)
