"""Settings: the environment and one TOML file, read once into a frozen ``Settings``.

Read ``table`` for what can be set and how it is put together, ``raw`` for how it is found,
``values`` for the notations, ``secret`` for what is followed while the process runs. All faults are
reported together.
"""

from exporter.settings.accounts import AccountSettings
from exporter.settings.database import DatabaseSettings
from exporter.settings.datev import DatevSettings
from exporter.settings.network import NETWORK_VARIABLES, NetworkSettings
from exporter.settings.raw import Group, Setting
from exporter.settings.secret import Secret
from exporter.settings.table import SETTINGS, LogFormat, Settings, load
from exporter.settings.values import Listen, duration, duration_text, instant, surely_ahead

__all__ = [
    "NETWORK_VARIABLES",
    "SETTINGS",
    "AccountSettings",
    "DatabaseSettings",
    "DatevSettings",
    "Group",
    "Listen",
    "LogFormat",
    "NetworkSettings",
    "Secret",
    "Setting",
    "Settings",
    "duration",
    "duration_text",
    "instant",
    "load",
    "surely_ahead",
]
