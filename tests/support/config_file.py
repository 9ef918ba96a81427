"""A configuration file with accounts, which a test edits as a user would."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporter.settings import Settings
from exporter.simulator import Simulator
from tests.support.configuration import settings_from


class ConfigFile:
    """The file ``folder / exporter.toml``, and one file for the token of each simulated account.

    ``more``: settings of the environment.
    """

    def __init__(self, folder: Path, simulator: Simulator, **more: str) -> None:
        self.folder = folder
        self.path = folder / "exporter.toml"
        self.environ = {
            "ONETRADING_CONFIG": str(self.path),
            "ONETRADING_BASE_URL": simulator.base_url,
            "ONETRADING_DATA_DIR": str(folder / "data"),
            "ONETRADING_LISTEN": "127.0.0.1:0",
            "ONETRADING_REQUESTS_PER_MINUTE": "100000",
            "DATABASE_URL": "none",
            **more,
        }
        for name, token in simulator.tokens.items():
            (folder / f"{name}.token").write_text(token)

    def text(
        self,
        accounts: Mapping[str, str],
        streams: Mapping[str, tuple[str, ...]] | None = None,
        head: str = "",
    ) -> str:
        """The content for these accounts: name to the simulated account whose token it has.

        ``streams`` by name, where they are limited; ``head``: settings before the accounts.
        """
        tables = [head]
        for name, token_of in accounts.items():
            tables.append(f'[[accounts]]\nname = "{name}"\ntoken_file = "{token_of}.token"')
            if name in (streams or {}):
                tables.append(f"streams = {list((streams or {})[name])}")
        return "\n".join(tables) + "\n# the end\n"

    def write(
        self,
        accounts: Mapping[str, str],
        streams: Mapping[str, tuple[str, ...]] | None = None,
        head: str = "",
    ) -> None:
        """Replace the file, as most editors do."""
        new = self.folder / "new.toml"
        new.write_text(self.text(accounts, streams, head))
        new.replace(self.path)

    def settings(self) -> Settings:
        """The settings as of now."""
        return settings_from(self.environ)
