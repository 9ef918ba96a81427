"""Who may read what is served: the web config file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporter.model.errors import SettingsError
from exporter.settings.raw import RawSetting, RawSettings, Setting

CONFIG = Setting(
    name="ONETRADING_WEB_CONFIG",
    help="Prometheus exporter-toolkit web config file (TLS, basic auth)",
    group="server",
    flags=("--web.config.file",),
    metavar="FILE",
)


def read_config(raw: RawSettings) -> Path | None:
    """The file, which was examined; what is wrong in it goes to ``raw.faults`` as well."""
    path = raw.read(CONFIG.name, _file)
    if path is not None:
        try:
            raw.examine_web_config(path)
        except SettingsError as error:
            raw.faults += error.faults
    return path


def redacted_config(path: Path | None) -> Mapping[str, str]:
    """By environment variable."""
    return {CONFIG.name: "none" if path is None else str(path)}


def _file(given: RawSetting) -> Path:
    path = given.path()
    if not path.is_file():
        raise ValueError("is not a file; create it or correct its path")
    return path
