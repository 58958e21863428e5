"""One write to one store: bounded in time, with every failure classified as "later" or "never"."""

import asyncio
from collections.abc import Mapping

from migration.errors import StoreError, StoreRefusedError, StoreUnavailableError
from migration.stages import Store
from migration.stores.coverage import Coverage
from migration.stores.run import RunStore, StoredRun, other


class StoreWrites:
    """Writes runs to stores.

    Args:
        stores: both of them.
        coverage: notified when one is left out.
        timeout_s: seconds that a store may take; after that it counts as unavailable.
    """

    def __init__(self, stores: Mapping[Store, RunStore], coverage: Coverage, *, timeout_s: float = 5.0) -> None:
        self._stores, self._coverage, self._timeout_s = stores, coverage, timeout_s

    async def write(self, store: Store, run: StoredRun) -> None:
        """Write the run to one of the stores that it belongs in.

        Raises:
            StoreRefusedError: the store will never accept it; also an unexpected error of the store, by its type.
            StoreUnavailableError: the store cannot accept it now.
            StoreError: any other one that the store raised.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._stores[store].write([run])
        except StoreError:
            raise
        except TimeoutError:
            raise StoreUnavailableError(f"the {store} store gave no answer within {self._timeout_s:g} s") from None
        except Exception as error:
            raise StoreRefusedError(f"the {store} store raised {type(error).__name__}") from error

    async def write_alone(self, store: Store, run: StoredRun) -> None:
        """Write the run to the only store that it belongs in, and record that the other one lacks it.

        The record is written before the run, and the end of the write only after it: a backfill in between cannot miss it.

        Raises:
            OutboxError: this cannot be recorded. Then the run was not written, or a backfill waits ten minutes for the end of the write.
            StoreError: as for `write`.
        """
        left_out = other(store)
        await self._coverage.begin_without(run.surface, run.tenant_id, left_out)
        try:
            await self.write(store, run)
        finally:
            await self._coverage.end_without(run.surface, run.tenant_id, left_out)
