"""Run streams: ask, read, keep, show.

Read `passes` for what one pass is and what a failure does, `present` for snapshots and reference
data, `history` for windows of history, `backfill` for filling what is missing,
`filler` for keeping it filled.
"""

from exporter.sync.backfill import Backfill, Progress
from exporter.sync.dependencies import Account, Parts
from exporter.sync.gap_filler import Filler
from exporter.sync.history import Reader
from exporter.sync.runner import Passes

__all__ = ["Account", "Backfill", "Filler", "Parts", "Passes", "Progress", "Reader"]
