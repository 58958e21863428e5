"""`Delivery` delivers the outbox's rows to their stores, and repeats this until each store has them."""

import asyncio
import contextlib
import logging
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from migration.errors import OutboxError, StoreRefusedError, StoreUnavailableError
from migration.stages import Store
from migration.stores.outbox import Claim, Outbox
from migration.stores.run import STORES
from migration.stores.writing import StoreWrites
from migration.telemetry import Metrics

logger = logging.getLogger(__name__)

_BATCH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The waiting times between tries, and the number of refusals after which a person has to check a row."""

    first_s: float = 1.0
    factor: float = 2.0
    longest_s: float = 60.0
    refusals: int = 8  #: a row that its store refused this many times is parked; an unavailable store never parks a row

    def delay_s(self, failures: int) -> float:
        """Return the seconds to wait after this many consecutive failures, at least one."""
        # The exponent is limited, so that the number stays a finite float even if a store is down for days.
        return min(self.longest_s, self.first_s * self.factor ** min(failures - 1, 60))


class Delivery:
    """Delivers the rows that are due, with one task for each store, so that a store that hangs does not block the other.

    Args:
        outbox: the waiting rows.
        writes: writes to the stores.
        metrics: show the lag and count failures.
        retry: waiting times.
        poll_s: seconds between two checks for rows that became due or that other processes added.
        lease_s: seconds for which a claimed row belongs to this process; afterwards another process may take the row, so a crash cannot
            block it.
        rest_s: seconds between two deliveries to a store, so that rows that come one after the other are claimed and dropped together;
            readers of a thread find a waiting row in the outbox.
        clock: monotonic seconds; the lag is shown at most once in `poll_s`.
        jitter: returns a number in [0, 1), so that processes that lost a store at the same time do not retry at the same time.
    """

    def __init__(
        self,
        *,
        outbox: Outbox,
        writes: StoreWrites,
        metrics: Metrics,
        retry: Retry | None = None,
        poll_s: float = 1.0,
        lease_s: float = 30.0,
        rest_s: float = 0.1,
        jitter: Callable[[], float] = random.random,  # noqa: S311 - a pause between two tries is not a secret
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock, self._shown_at = clock, -math.inf
        self._outbox, self._writes, self._metrics = outbox, writes, metrics
        self._retry, self._poll_s, self._lease_s, self._rest_s, self._jitter = retry or Retry(), poll_s, lease_s, rest_s, jitter
        self._settled: dict[Store, list[int]] = {store: [] for store in STORES}
        self._outages: dict[Store, int] = dict.fromkeys(STORES, 0)
        self._woken: dict[Store, asyncio.Event] = {store: asyncio.Event() for store in STORES}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the delivery."""
        self._tasks = [asyncio.create_task(self._keep_delivering(store), name=f"deliver-to-{store}") for store in STORES]

    async def aclose(self) -> None:
        """Stop the delivery. Rows that are not delivered wait for the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(OutboxError):
            await self._outbox.done([row for rows in self._settled.values() for row in rows])

    def wake(self, store: Store) -> None:
        """Check the store's rows now."""
        self._woken[store].set()

    def settled(self, store: Store, row: int) -> None:
        """Record that a store has the run of this row, so that the next check drops it. Nothing waits for that, so no check begins now."""
        self._settled[store].append(row)

    async def deliver_due(self, store: Store) -> int:
        """Deliver the rows that are due now, at most one batch, and return how many were tried.

        Raises:
            OutboxError: the outbox cannot be used. No row is lost, and some rows may be delivered again.
        """
        delivered, self._settled[store] = self._settled[store], []
        try:
            claims = await self._outbox.claim(store, _BATCH, self._lease_s)
            if not await self._deliver_together(store, claims, delivered):
                await self._deliver_each(store, claims, delivered)
            await self._outbox.done(delivered)
        except OutboxError:
            self._settled[store] += delivered
            raise
        return len(claims)

    async def show_lag(self) -> None:
        """Update the metrics. Raises OutboxError."""
        rows, oldest, parked = (dict.fromkeys(STORES, 0.0) for _ in range(3))
        for lag in await self._outbox.lags():
            rows[lag.store] += lag.rows
            oldest[lag.store] = max(oldest[lag.store], lag.oldest_s)
            parked[lag.store] += lag.parked
        for store in STORES:
            self._metrics.outbox_rows.labels(store).set(rows[store])
            self._metrics.outbox_oldest_seconds.labels(store).set(oldest[store])
            self._metrics.outbox_parked.labels(store).set(parked[store])

    async def _deliver_together(self, store: Store, claims: Sequence[Claim], delivered: list[int]) -> bool:
        """Write all rows at once; return False if each has to be written by itself.

        That is the case if the store refuses one of them, and after an outage, because a slow store may accept single runs in time.
        """
        if len(claims) <= 1 or self._outages[store] or any(claim.alone for claim in claims):
            return False
        try:
            await self._writes.write(store, *(claim.run for claim in claims))
        except StoreRefusedError:
            return False
        except StoreUnavailableError as error:
            await self._later(store, claims, error)
        else:
            delivered += [claim.id for claim in claims]
        return True

    async def _deliver_each(self, store: Store, claims: Sequence[Claim], delivered: list[int]) -> None:
        for place, claim in enumerate(claims):
            try:
                await self._deliver(store, claim)
            except StoreUnavailableError as error:
                await self._later(store, claims[place:], error)
                break
            except StoreRefusedError as error:
                await self._refused(store, claim, error)
            else:
                self._outages[store] = 0
                delivered.append(claim.id)

    async def _deliver(self, store: Store, claim: Claim) -> None:
        if claim.alone:
            await self._writes.write_alone(store, claim.run)
        else:
            await self._writes.write(store, claim.run)

    async def _later(self, store: Store, claims: Sequence[Claim], error: StoreUnavailableError) -> None:
        self._outages[store] += 1
        rest = [claim.id for claim in claims]
        await self._outbox.later(rest, delay_s=self._delay_s(self._outages[store]), error=str(error))

    async def _refused(self, store: Store, claim: Claim, error: StoreRefusedError) -> None:
        refusals = claim.refusals + 1
        parked = refusals >= self._retry.refusals
        await self._outbox.refused(claim, delay_s=None if parked else self._delay_s(refusals), error=str(error))
        if parked:
            self._metrics.failed("stores.write")
            logger.error("the %s store refused run %s %d times; it is parked: %s", store, claim.run.run_id, refusals, error)

    def _delay_s(self, failures: int) -> float:
        return self._retry.delay_s(failures) * (1 + self._jitter() / 4)

    async def _keep_delivering(self, store: Store) -> None:
        woken = self._woken[store]
        while True:
            woken.clear()
            try:
                while await self.deliver_due(store) == _BATCH:
                    pass
                if self._clock() >= self._shown_at + self._poll_s:
                    self._shown_at = self._clock()
                    await self.show_lag()
            except Exception as error:  # noqa: BLE001 - whatever it was, delivery continues; it is counted
                self._metrics.failed("stores.write")
                logger.error("the outbox could not be delivered to the %s store: %s", store, type(error).__name__)  # noqa: TRY400 - its text may hold an address
            await asyncio.sleep(self._rest_s)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await woken.wait()
