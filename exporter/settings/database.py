"""Where history is kept: ``DATABASE_URL``, or the file with that URL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from exporter.settings.raw import RawSettings, Setting
from exporter.settings.secret import Secret, read_secret
from exporter.settings.values import postgres_url, redacted_postgres_url

_URL = Setting(
    name="DATABASE_URL",
    group="database",
    help="Postgres URL; `embedded`: a Postgres that the exporter runs in the data directory; "
    "`none`: metrics only",
    default="embedded",
    secret=True,
    replaces=("DATABASE_URL_FILE",),
)
_URL_FILE = Setting(
    name="DATABASE_URL_FILE",
    group="database",
    metavar="FILE",
    help="file with the Postgres URL, to keep its password out of the environment",
    replaces=("DATABASE_URL",),
)
SETTINGS = (_URL, _URL_FILE)


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where history is kept: a server of others, our own embedded Postgres, or nowhere."""

    kind: Literal["url", "embedded", "none"]
    source: Secret | None = None

    def url(self) -> str:
        """Return the Postgres URL in force now; call it again before each new connection.

        Raises ValueError when ``kind`` is not ``url``.
        """
        if self.source is None:
            raise ValueError(f"the database is {self.kind}: it has no URL")
        return self.source.get()

    def same_as(self, other: DatabaseSettings) -> bool:
        """Whether the same was written. What is in a file may have changed meanwhile."""
        if self.source is None or other.source is None:
            return self.kind == other.kind
        return self.source.same_as(other.source)

    def redacted(self) -> str:
        """Describe the database without its password."""
        return self.kind if self.source is None else redacted_postgres_url(self.source.get())


def in_file(raw: RawSettings) -> bool:
    """Whether a password for the database stands in the TOML file itself."""
    url = raw.values.get(_URL.name)
    return url is not None and url.in_file and "***" in redacted_postgres_url(url.text)


def read(raw: RawSettings) -> DatabaseSettings:
    """The database; what is wrong goes to ``raw.faults``."""
    url, file = raw.values.get(_URL.name), raw.values.get(_URL_FILE.name)
    given = url or file
    if given is None or (url and url.text == "embedded"):
        return DatabaseSettings("embedded")
    if url and url.text == "none":
        return DatabaseSettings("none")
    secret = read_secret(given, raw.faults, in_file=given is file, check=postgres_url)
    return DatabaseSettings("url", secret)
