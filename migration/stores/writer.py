"""`DualWriter`: the facade's `RunWriter`. Before a run is reported complete it is in its store, or safely on the way there."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from migration.errors import OutboxError, StoreError
from migration.flags.decision import Decision
from migration.model import RunRecord
from migration.stages import Store
from migration.stores.delivery import Delivery
from migration.stores.outbox import Outbox
from migration.stores.run import StoredRun, other
from migration.stores.writing import StoreWrites
from migration.telemetry import Metrics

logger = logging.getLogger(__name__)

#: While a run's own write is under way nobody else tries the same; after a crash the outbox does.
_REST_S = 10.0
_RETRY_S = 1.0


class DualWriter:
    """Writes finished runs as their plans say.

    Args:
        writes: to the stores.
        outbox: what a store cannot take now waits here.
        delivery: empties the outbox; told when there is something new.
        finish: what is kept of a run.
        metrics: where failures are counted.
        patience_s: seconds that the end of a run which is safe in the outbox waits for its store: its user has seen all the rest.
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
        """Write the run to its authoritative store and see to the other one. A store that is down or slow delays nothing and fails nothing.

        A caller that is cancelled meanwhile does not stop the write: the run is finished, and its user has seen it.

        Raises:
            OutboxError: neither a store nor the outbox could take it: it would be lost, so the run must be reported failed.
        """
        safe = asyncio.Event()
        task = asyncio.create_task(self._write(self._finish(record), decision.plan.writes, safe), name=f"write-run-{record.request.run_id}")
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        task.add_done_callback(lambda _: safe.set())
        await safe.wait()
        await asyncio.wait({task}, timeout=self._patience_s)
        if task.done():
            task.result()

    async def aclose(self) -> None:
        """Wait for the writes under way."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Said here too: whoever waited for it may be gone.
            logger.error("%s failed with %s: %s", task.get_name(), type(error).__name__, error)

    async def _write(self, run: StoredRun, writes: Sequence[Store], safe: asyncio.Event) -> None:
        if len(writes) == 1:
            await self._write_one(run, writes[0])
        else:
            await self._write_all(run, writes, safe)

    async def _write_one(self, run: StoredRun, store: Store) -> None:
        """Write the only store of the plan; when it cannot take the run, the outbox keeps it."""
        try:
            await self._writes.write_alone(store, run)
        except StoreError as error:
            self._failed(run, store, error)
            await self._outbox.add(run, [store], alone=True)
            self._delivery.wake(store)
        except OutboxError as error:
            # Nobody could tell later that the other store was left out. So it is not left out.
            self._failed(run, store, error)
            await self._write_directly(run, [store, other(store)])

    async def _write_all(self, run: StoredRun, writes: Sequence[Store], safe: asyncio.Event) -> None:
        """Keep the run for all stores at once, then write the first: whenever this process dies, no store lacks what another has.

        Sets `safe` as soon as the outbox holds it: readers of the thread find it there.
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
            # The run is as safe in the outbox. It need not rest there any longer, and should say why it waits.
            self._failed(run, authoritative, error)
            with contextlib.suppress(OutboxError):
                await self._outbox.later([row], delay_s=_RETRY_S, error=str(error))
        else:
            self._delivery.settled(authoritative, row)

    async def _write_directly(self, run: StoredRun, stores: Sequence[Store]) -> None:
        """Without an outbox every store must take the run now.

        Raises:
            OutboxError: one of them does not.
        """
        for store in stores:
            try:
                await self._writes.write(store, run)
            except StoreError as error:
                self._failed(run, store, error)
                raise OutboxError(f"neither the {store} store nor the outbox took run {run.run_id}; see to both") from error

    def _failed(self, run: StoredRun, store: Store, error: Exception) -> None:
        self._metrics.failed("stores.write")
        logger.warning("run %s was not written to the %s store: %s", run.run_id, store, error)
