"""One write to one store, with a time limit. Every failure is classified as "later" or "never"."""

import asyncio
from collections.abc import Mapping

from migration.errors import StoreError, StoreRefusedError, StoreUnavailableError
from migration.stages import Store
from migration.stores.coverage import Coverage
from migration.stores.omissions import Omissions
from migration.stores.run import RunStore, StoredRun, other


class StoreWrites:
    """Writes runs to stores.

    Args:
        stores: both stores.
        coverage: records when a store is left out.
        timeout_s: seconds that a store may take; after them it counts as unavailable.
        linger_s: when a write without the other store has ended, seconds to wait for the tenant's next write before the end is recorded; 0:
            no wait.
    """

    def __init__(self, stores: Mapping[Store, RunStore], coverage: Coverage, *, timeout_s: float = 5.0, linger_s: float = 0.0) -> None:
        self._stores, self._timeout_s = stores, timeout_s
        self._omissions = Omissions(coverage, linger_s=linger_s)

    async def aclose(self) -> None:
        """Record the ends of writes that are not recorded yet."""
        await self._omissions.aclose()

    async def write(self, store: Store, *runs: StoredRun) -> None:
        """Write the runs to one of the stores in their plan, all or none, within the time limit of one write.

        Raises:
            StoreRefusedError: the store will never accept one of the runs, or raised an unexpected error, whose type the message names.
            StoreUnavailableError: the store cannot accept them now.
            StoreError: the store raised another error of this class.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._stores[store].write(runs)
        except StoreError:
            raise
        except TimeoutError:
            raise StoreUnavailableError(f"the {store} store did not answer within {self._timeout_s:g} s") from None
        except Exception as error:
            raise StoreRefusedError(f"the {store} store raised {type(error).__name__}") from error

    async def write_alone(self, store: Store, run: StoredRun) -> None:
        """Write the run to the only store in its plan, and record that the other store lacks it.

        The start is recorded before the write and the end after it, so that a backfill meanwhile cannot miss the run.

        Raises:
            OutboxError: the start cannot be recorded, and the run was not written; or the end cannot be recorded, and the next backfill
                waits ten minutes for it.
            StoreError: see `write`.
        """
        async with self._omissions.leaving_out(run.surface, run.tenant_id, other(store)):
            await self.write(store, run)
