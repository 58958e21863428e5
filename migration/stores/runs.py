"""`FinishedRuns` combines the parts of this package that a serving process needs."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from migration.import_strings import load
from migration.settings import MigrationSettings
from migration.stages import Plan
from migration.stores.coverage import Coverage
from migration.stores.database import StoresDatabase
from migration.stores.delivery import Delivery
from migration.stores.outbox import Outbox
from migration.stores.proof_watch import ProofWatch
from migration.stores.run import KeptRuns
from migration.stores.threads import ThreadReader
from migration.stores.tombstones import Tombstones
from migration.stores.writer import DualWriter
from migration.stores.writing import StoreWrites
from migration.telemetry import Metrics

#: Seconds that a run store has to answer while a user waits for a read or a write.
_READ_S: Final = 3.0
_WRITE_S: Final = 2.0
#: A tenant that chats without a pause has its next run within this time; a person who starts a backfill waits at most this long.
_LINGER_S: Final = 0.25


class FinishedRuns:
    """Counts which engines ran; if there are run stores, it also writes, retries and reads finished runs.

    Args:
        settings: name the outbox and the surfaces.
        kept: both run stores, which their creator closes, and the stored form of a run; None: runs are not stored, and engines are only
            counted.
        plan: returns the current plan of a surface for a tenant.
        metrics: show the lag and failures.

    Raises:
        ConfigurationError: the outbox's URL cannot be used.
    """

    def __init__(self, settings: MigrationSettings, kept: KeptRuns | None, *, plan: Callable[[str, str], Plan], metrics: Metrics) -> None:
        self._database = StoresDatabase(settings.outbox())
        self.tombstones = Tombstones(self._database, surfaces=settings.surfaces, metrics=metrics)
        self.writer: DualWriter | None = None
        self.threads: ThreadReader | None = None
        self._delivery: Delivery | None = None
        self._watch: ProofWatch | None = None
        self._writes: StoreWrites | None = None
        if kept is None:
            return
        if settings.stores:
            self._watch = ProofWatch(settings.outbox(), lambda: load(settings.stores, settings.import_path), metrics)
        stores, outbox, coverage = kept.stores, Outbox(self._database), Coverage(self._database)
        self._delivery = Delivery(outbox=outbox, writes=StoreWrites(stores, coverage), metrics=metrics)
        # A user waits for these writes, so a store has less time. The outbox keeps runs that a store does not accept in time.
        writes = self._writes = StoreWrites(stores, coverage, timeout_s=_WRITE_S, linger_s=_LINGER_S)
        self.writer = DualWriter(writes=writes, outbox=outbox, delivery=self._delivery, finish=kept.finish, metrics=metrics)
        self.threads = ThreadReader(
            stores=stores, outbox=outbox, coverage=coverage, plan=plan, surfaces=settings.surfaces, metrics=metrics, timeout_s=_READ_S
        )

    def start(self) -> None:
        """Start the delivery of waiting rows, including those from before a restart, the check of proofs, and the recording of the
        engines that ran.
        """
        if self._delivery is not None:
            self._delivery.start()
        if self._watch is not None:
            self._watch.start()
        self.tombstones.start()

    async def aclose(self) -> None:
        """Finish the current writes and stop; rows that are not delivered wait for the next start."""
        async with AsyncExitStack() as closing:
            closing.callback(self._database.close)
            if self._watch is not None:
                closing.push_async_callback(asyncio.to_thread, self._watch.close)
            closing.push_async_callback(self.tombstones.aclose)
            if self._delivery is not None and self._writes is not None and self.writer is not None:
                closing.push_async_callback(self._delivery.aclose)
                closing.push_async_callback(self._writes.aclose)
                closing.push_async_callback(self.writer.aclose)
