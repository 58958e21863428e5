"""Finished runs in two stores, legacy and user: writes them as the plan says, retries from an outbox, reads complete threads, and copies
runs between the stores.

`FinishedRuns` combines what a server needs: `DualWriter` writes, `Delivery` retries, `ThreadReader` reads. `Backfill` copies and verifies,
`Coverage` knows the tenants with runs that a store lacks, and `check_history` refuses a stage to tenants whose history is incomplete.
`Tombstones` counts the runs of each engine by day, and `watch_now` returns the counts.
"""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.stores.adapter import AdaptedScan, AdaptedStore, Shape
    from migration.stores.backfill import Backfill, BackfillProgress, TenantResult
    from migration.stores.coverage import Coverage, Gap
    from migration.stores.database import StoresDatabase
    from migration.stores.delivery import Delivery, Retry
    from migration.stores.erasing import erase_outbox, outbox_left
    from migration.stores.gate import check_history
    from migration.stores.outbox import Lag, Outbox
    from migration.stores.proofs import recheck_now
    from migration.stores.run import KeptRuns, PersonalData, RunKey, RunScan, RunStore, RunStores, StoredRun, StoresOpener, key_of
    from migration.stores.runs import FinishedRuns
    from migration.stores.threads import ThreadReader, ThreadView
    from migration.stores.tombstones import DAY_S, Ran, Tombstones
    from migration.stores.watch import RanOn, Watch, watch_now
    from migration.stores.writer import DualWriter
else:
    __getattr__ = front(
        __name__,
        {
            "AdaptedScan": "adapter",
            "AdaptedStore": "adapter",
            "Backfill": "backfill",
            "Coverage": "coverage",
            "DAY_S": "tombstones",
            "Delivery": "delivery",
            "DualWriter": "writer",
            "FinishedRuns": "runs",
            "Gap": "coverage",
            "KeptRuns": "run",
            "Lag": "outbox",
            "Outbox": "outbox",
            "PersonalData": "run",
            "BackfillProgress": "backfill",
            "Ran": "tombstones",
            "RanOn": "watch",
            "Retry": "delivery",
            "RunKey": "run",
            "RunScan": "run",
            "RunStore": "run",
            "RunStores": "run",
            "Shape": "adapter",
            "StoredRun": "run",
            "StoresDatabase": "database",
            "StoresOpener": "run",
            "TenantResult": "backfill",
            "ThreadReader": "threads",
            "ThreadView": "threads",
            "Tombstones": "tombstones",
            "Watch": "watch",
            "check_history": "gate",
            "erase_outbox": "erasing",
            "recheck_now": "proofs",
            "key_of": "run",
            "outbox_left": "erasing",
            "watch_now": "watch",
        },
    )

__all__ = [
    "DAY_S",
    "AdaptedScan",
    "AdaptedStore",
    "Backfill",
    "BackfillProgress",
    "Coverage",
    "Delivery",
    "DualWriter",
    "FinishedRuns",
    "Gap",
    "KeptRuns",
    "Lag",
    "Outbox",
    "PersonalData",
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
    "erase_outbox",
    "key_of",
    "outbox_left",
    "recheck_now",
    "watch_now",
]
