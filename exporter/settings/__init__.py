"""Settings: the environment and one TOML file, read once into a frozen ``Settings``.

Read ``table`` for what can be set, ``load`` for how it is put together, ``values`` for the
notations, ``secret`` for tokens that change while we run. All faults are reported together.
"""

from exporter.settings.load import load
from exporter.settings.model import AccountSettings, DatabaseSettings, Listen, LogFormat, Settings
from exporter.settings.secret import Secret
from exporter.settings.table import SETTINGS, Setting
from exporter.settings.values import duration, duration_text, instant

__all__ = [
    "SETTINGS",
    "AccountSettings",
    "DatabaseSettings",
    "Listen",
    "LogFormat",
    "Secret",
    "Setting",
    "Settings",
    "duration",
    "duration_text",
    "instant",
    "load",
]
