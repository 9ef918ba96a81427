"""The exchange from Python: the client of the exporter for a notebook or a script. Reads only.

Read `opening` for how an account is opened, `reader` for what can be read of it, `walk` for how a
history is read and what that proves. docs/notebook.md is the page for readers.
"""

from exporter.model.errors import (
    BadRequest,
    ExchangeError,
    ExporterError,
    HistoryIncomplete,
    NotPermitted,
    RateLimited,
    SettingsError,
    TokenRefused,
)
from exporter.model.window import Window
from exporter.notebook.opening import open_account
from exporter.notebook.reader import AccountReader
from exporter.notebook.reading import Reading
from exporter.notebook.walk import HistoryWalk, IncompleteWarning

__all__ = [
    "AccountReader",
    "BadRequest",
    "ExchangeError",
    "ExporterError",
    "HistoryIncomplete",
    "HistoryWalk",
    "IncompleteWarning",
    "NotPermitted",
    "RateLimited",
    "Reading",
    "SettingsError",
    "TokenRefused",
    "Window",
    "open_account",
]
