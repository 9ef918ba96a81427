"""The log on standard error: one line per event, as text for people or JSON for machines.

`lines` formats them, `level` decides which are logged, `context` holds what the work in progress is
about. docs/logging.md is the page for readers.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from exporter.logs.level import LEVEL
from exporter.logs.lines import JsonLines, TextLines
from exporter.logs.status_line import STATUS_LINE, LinesAbove

__all__ = ["LEVEL", "STATUS_LINE", "JsonLines", "TextLines", "configure"]


def configure(form: str, level: str, level_file: Path | None = None) -> None:
    """Log to standard error in ``form`` (text or json), from ``level`` up.

    ``level_file`` may contain another level while the process runs: see `level.Level`.
    """
    handler = LinesAbove(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(handlers=[handler], force=True)
    LEVEL.configure(level, level_file)
