"""Run streams: ask, read, keep, show.

Read `passes` for what one pass is and what a failure does, `present` for snapshots and reference
data, `history` for windows of history, `backfill` for filling what is missing,
`filler` for keeping it filled.
"""

from exporter.sync.backfill import Backfill, Progress
from exporter.sync.dependencies import Account, Parts
from exporter.sync.gap_filler import GapFiller
from exporter.sync.history import HistorySync
from exporter.sync.runner import SyncRunner

__all__ = ["Account", "Backfill", "GapFiller", "HistorySync", "Parts", "Progress", "SyncRunner"]
