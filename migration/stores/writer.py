"""`DualWriter`: the facade's `RunWriter`. A run is reported complete only after its store or the outbox has it."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from migration.errors import OutboxError, StoreError
from migration.flags import Decision
from migration.model import RunRecord
from migration.stages import Store
from migration.stores.delivery import Delivery
from migration.stores.outbox import Outbox
from migration.stores.run import StoredRun, other
from migration.stores.writing import StoreWrites
from migration.telemetry import Metrics

logger = logging.getLogger(__name__)

#: Seconds in which only the run's own write tries the store; after a crash, the outbox tries it after this time.
_REST_S = 10.0
_RETRY_S = 1.0


class DualWriter:
    """Writes finished runs to the stores that their plans name.

    Args:
        writes: writes to the stores.
        outbox: keeps runs that a store cannot accept now.
        delivery: delivers the outbox's rows; notified of new rows.
        finish: returns the stored form of a run.
        metrics: count failures.
        patience_s: seconds that a run in the outbox waits for its store before its end is reported; its user has already seen all other
            events.
    """

    def __init__(
        self,
        *,
        writes: StoreWrites,
        outbox: Outbox,
        delivery: Delivery,
        finish: Callable[[RunRecord], StoredRun],
        metrics: Metrics,
        patience_s: float = 0.25,
    ) -> None:
        self._patience_s = patience_s
        self._writes, self._outbox, self._delivery, self._finish, self._metrics = writes, outbox, delivery, finish, metrics
        self._under_way: set[asyncio.Task[None]] = set()

    async def write(self, record: RunRecord, decision: Decision, /) -> None:
        """Write the run to its authoritative store, and ensure that the other store gets it too. If a store is down or slow, the run
        neither waits for it nor fails. If the caller is cancelled meanwhile, the write continues, because the run is finished and its user
        has seen it.

        Raises:
            OutboxError: neither a store nor the outbox accepted the run. It would be lost, so it must be reported as failed.
        """
        run, writes = self._finish(record), decision.plan.writes
        if len(writes) == 1:
            await asyncio.shield(self._begun(self._write_one(run, writes[0]), run))
            return
        safe = asyncio.Event()
        task = self._begun(self._write_all(run, writes, safe), run)
        task.add_done_callback(lambda _: safe.set())
        await safe.wait()
        if not task.done():
            await asyncio.wait({task}, timeout=self._patience_s)
        if task.done():
            task.result()

    async def aclose(self) -> None:
        """Wait for the current writes."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _begun(self, write: Coroutine[Any, Any, None], run: StoredRun) -> asyncio.Task[None]:
        task = asyncio.create_task(write, name=f"write-run-{run.run_id}")
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The error is logged here too, because the caller that waited for it may have been cancelled.
            logger.error("%s failed with %s: %s", task.get_name(), type(error).__name__, error)

    async def _write_one(self, run: StoredRun, store: Store) -> None:
        """Write to the only store of the plan; if it cannot accept the run, the outbox keeps the run."""
        try:
            await self._writes.write_alone(store, run)
        except StoreError as error:
            self._failed(run, store, error)
            await self._outbox.add(run, [store], alone=True)
            self._delivery.wake(store)
        except OutboxError as error:
            # The omission of the other store could not be recorded, so the other store is written too.
            self._failed(run, store, error)
            await self._write_directly(run, [store, other(store)])

    async def _write_all(self, run: StoredRun, writes: Sequence[Store], safe: asyncio.Event) -> None:
        """Put the run into the outbox for all stores at once, then write to the first. So no store permanently lacks a run that the other
        store has, even if this process dies at any moment.

        Sets `safe` as soon as the outbox contains the run, because readers of the thread find it there.
        """
        authoritative, *others = writes
        try:
            row, *_ = await self._outbox.add(run, writes, first_rests_s=_REST_S)
        except OutboxError as error:
            self._failed(run, authoritative, error)
            await self._write_directly(run, writes)
            return
        safe.set()
        for store in others:
            self._delivery.wake(store)
        try:
            await self._writes.write(authoritative, run)
        except StoreError as error:
            # The run is also in the outbox. Its row becomes due immediately, and shows why the write failed.
            self._failed(run, authoritative, error)
            with contextlib.suppress(OutboxError):
                await self._outbox.later([row], delay_s=_RETRY_S, error=str(error))
        else:
            self._delivery.settled(authoritative, row)

    async def _write_directly(self, run: StoredRun, stores: Sequence[Store]) -> None:
        """Without an outbox every store must accept the run now.

        Raises:
            OutboxError: a store did not accept the run.
        """
        for store in stores:
            try:
                await self._writes.write(store, run)
            except StoreError as error:
                self._failed(run, store, error)
                raise OutboxError(f"neither the {store} store nor the outbox accepted run {run.run_id}; check both") from error

    def _failed(self, run: StoredRun, store: Store, error: Exception) -> None:
        self._metrics.failed("stores.write")
        logger.warning("run %s was not written to the %s store: %s", run.run_id, store, error)
