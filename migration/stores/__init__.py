"""Finished runs in two stores, legacy and user: written as plans say, retried from an outbox, read whole, copied from one to the other.

`FinishedRuns` puts together what a server needs: `DualWriter` writes, `Delivery` retries, `ThreadReader` reads. `Backfill` copies and
verifies, `Coverage` knows which store lacks whose runs, and `check_history` lets nobody enter a stage without its history. `Tombstones`
counts which engines ran, by day, and `watch_now` tells.
"""

from migration.stores.adapter import AdaptedScan, AdaptedStore, Shape
from migration.stores.backfill import Backfill, Progress, TenantResult
from migration.stores.coverage import Coverage, Gap
from migration.stores.database import StoresDatabase
from migration.stores.delivery import Delivery, Retry
from migration.stores.gate import check_history
from migration.stores.outbox import Lag, Outbox
from migration.stores.run import PersonalData, RunKey, RunScan, RunStore, RunStores, StoredRun, StoresOpener, key_of
from migration.stores.runs import FinishedRuns
from migration.stores.threads import ThreadReader, ThreadView
from migration.stores.tombstones import Ran, Tombstones
from migration.stores.watch import RanOn, Watch, watch_now
from migration.stores.writer import DualWriter

__all__ = [
    "AdaptedScan",
    "AdaptedStore",
    "Backfill",
    "Coverage",
    "Delivery",
    "DualWriter",
    "FinishedRuns",
    "Gap",
    "Lag",
    "Outbox",
    "PersonalData",
    "Progress",
    "Ran",
    "RanOn",
    "Retry",
    "RunKey",
    "RunScan",
    "RunStore",
    "RunStores",
    "Shape",
    "StoredRun",
    "StoresDatabase",
    "StoresOpener",
    "TenantResult",
    "ThreadReader",
    "ThreadView",
    "Tombstones",
    "Watch",
    "check_history",
    "key_of",
    "watch_now",
]
