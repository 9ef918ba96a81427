"""Run streams: ask, read, keep, show.

Read `runner` for what one pass is and what a failure does, `stream_sync` for what every kind of
stream has in common; then `snapshots` for what is (with `snapshot_queue` and `snapshot_writer`),
`history` for windows of the past (with `tail` for the newest one, and `scopes` for streams that are
read instrument by instrument), `orders` for a history whose facts go on changing (with
`left_orders` and `api.open_list`), `closings` for what is listed only once it has ended, `follower`
for the details of what another stream has brought in, `backfill` and `gap_filler` for filling what
is missing of a history, `verification` and `verifier` for reading again what is proven.
"""

from collections.abc import Mapping

from exporter.model.closings import Closings, Follower
from exporter.model.live_history import LiveHistory
from exporter.model.stream import History, Reference, Snapshot, Stream
from exporter.sync.account import Account
from exporter.sync.backfill import Backfill, Progress
from exporter.sync.closings import ClosingsSync
from exporter.sync.fillers import Fillers
from exporter.sync.follower import FollowerSync
from exporter.sync.gap_filler import GapFiller
from exporter.sync.history import HistorySync
from exporter.sync.orders import OrdersSync
from exporter.sync.refusals import Refusals
from exporter.sync.runner import Outcome, SyncRunner
from exporter.sync.snapshot_queue import SnapshotQueue
from exporter.sync.snapshots import ReferenceSync, SnapshotSync
from exporter.sync.stream_sync import StreamSync, SyncContext
from exporter.sync.verification import Compared, Verification
from exporter.sync.verifier import Verifier

__all__ = [
    "KINDS",
    "Account",
    "Backfill",
    "Compared",
    "Fillers",
    "FollowerSync",
    "GapFiller",
    "HistorySync",
    "Outcome",
    "Progress",
    "Refusals",
    "SnapshotQueue",
    "StreamSync",
    "SyncContext",
    "SyncRunner",
    "Verification",
    "Verifier",
    "sync_of",
]

KINDS: Mapping[type[Stream], type[StreamSync]] = {
    Snapshot: SnapshotSync,
    Reference: ReferenceSync,
    History: HistorySync,
    LiveHistory: OrdersSync,
    Closings: ClosingsSync,
    Follower: FollowerSync,
}
"""Which class does the work of each kind of stream."""


def sync_of(account: Account, stream: Stream, shared: SyncContext) -> StreamSync:
    """What reads ``stream`` for ``account``."""
    return KINDS[type(stream)](account, stream, shared)
