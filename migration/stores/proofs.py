"""Checks the proof that a store has every run. A verified backfill proves this for the store as it was then, and for a limited time.

A proof is refused if the settings name another store, if the store has fewer runs than before, if it lacks a run that the other store has,
or if the last check was more than a day ago. A serving process checks proofs in the background (`proof_watch.py`), and each edit that
depends on a proof checks it first (`recheck_now`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from migration.errors import ConfigurationError, OutboxError, StoreError, StoreUnavailableError
from migration.stages import Store
from migration.stores.coverage import Coverage
from migration.stores.outbox import Outbox
from migration.stores.run import RunKey, RunScan, RunStores, StoredRun, StoresOpener, key_of, other

_PAGE: Final = 500
#: A run is written first to one store and then to the other. For this time, a run may be in only one store.
_ON_ITS_WAY_S: Final = 2.0
_NAMED: Final = 5


class ProofCheck:
    """Checks the proof of one store of a surface.

    Args:
        surface: the surface.
        store: the store that was filled.
        stores: both stores.
        coverage: contains the proof.
        outbox: the runs that still wait for a store.
        rest: called after each page, so that a check in the background can pause.
        on_its_way_s: seconds after which a run must be in both stores or wait in the outbox.
    """

    def __init__(
        self,
        surface: str,
        store: Store,
        *,
        stores: RunStores,
        coverage: Coverage,
        outbox: Outbox,
        rest: Callable[[], Awaitable[None]] | None = None,
        on_its_way_s: float = _ON_ITS_WAY_S,
    ) -> None:
        self._surface, self._store = surface, store
        self._source: RunScan = stores.scans[other(store)]
        self._target: RunScan = stores.scans[store]
        self._identity = stores.identities.get(store, "")
        self._coverage, self._outbox, self._rest, self._on_its_way_s = coverage, outbox, rest, on_its_way_s

    async def run(self, *, keep: bool = True) -> str | None:
        """Return why the proof does not hold; None: it holds.

        Args:
            keep: whether the result is stored. A proof that was refused stays refused until a backfill is verified again.

        Raises:
            StoreUnavailableError: a store cannot be read, so there is no result and nothing is stored.
            OutboxError: the proof cannot be read or stored.
        """
        proof = await self._coverage.proof(self._surface, self._store)
        if proof is None:
            return "no backfill of it was verified yet"
        runs = await self._target.count(self._surface)
        lacking: list[StoredRun] = []
        if proof.identity != self._identity:
            reason: str | None = "it is not the store that was verified: the settings name another database"
        elif runs < proof.runs:
            reason = f"it has {runs} runs and had {proof.runs}: runs were deleted, or an older copy was restored"
        else:
            lacking = await self._lacking()
            names = sorted({run.tenant_id for run in lacking})
            reason = (
                f"it lacks {len(lacking)} runs of {', '.join(names[:_NAMED])} that the {other(self._store)} store has" if lacking else None
            )
        if keep:
            await self._coverage.checked(self._surface, self._store, reason, runs)
            for name in {run.tenant_id for run in lacking}:
                await self._coverage.mark(self._surface, name, self._store)
        return reason or proof.refused

    async def _lacking(self) -> list[StoredRun]:
        """Return the runs that only the other store has, apart from those that are known to be missing or are still on their way."""
        found = await self._only_in_source()
        if not found:
            return []
        await asyncio.sleep(self._on_its_way_s)
        gaps = await self._coverage.gaps(self._surface, self._store)
        return [run for run in found if run.tenant_id not in gaps and not await self._arrived(run)]

    async def _only_in_source(self) -> list[StoredRun]:
        found: list[StoredRun] = []
        after: RunKey | None = None
        while page := await self._source.page(self._surface, after, _PAGE):
            there = {key_of(run): run for run in await self._target.between(self._surface, key_of(page[0]), key_of(page[-1]))}
            found += [run for run in page if there.get(key_of(run)) != run]
            after = key_of(page[-1])
            if self._rest is not None:
                await self._rest()
        return found

    async def _arrived(self, run: StoredRun) -> bool:
        """Return whether the store has the run now, or the outbox will write it."""
        owed = await self._outbox.of_thread(run.tenant_id, run.user_id, run.thread_id)
        return run in owed or run in await self._target.between(self._surface, key_of(run), key_of(run))


def recheck_now(
    opener: StoresOpener,
    surface: str,
    store: Store,
    coverage: Coverage,
    outbox: Outbox,
    *,
    keep: bool = True,
    at_most_s: float | None = None,
) -> str | None:
    """Check a proof, and wait for the result; return why it does not hold, or None. Call it outside of an event loop or in one.

    Args:
        opener: opens the backend's run stores.
        surface: the surface.
        store: the store whose proof is checked.
        coverage: contains the proof.
        outbox: the runs that still wait for a store.
        keep: whether the result is stored.
        at_most_s: seconds for the check; None: as long as it takes. If this time is not enough, the last check in the background decides.

    Raises:
        StoreError: the stores cannot be opened or read.
        OutboxError: the proof cannot be read or stored.
    """

    async def check() -> str | None:
        try:
            async with opener() as stores, asyncio.timeout(at_most_s):
                return await ProofCheck(surface, store, stores=stores, coverage=coverage, outbox=outbox).run(keep=keep)
        except TimeoutError:
            return None
        except (StoreError, ConfigurationError, OutboxError):
            raise
        except Exception as error:
            # The error's text may contain an address with a password.
            raise StoreUnavailableError(f"the run stores cannot be opened ({type(error).__name__}); check NETRA_*") from error

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="proof-check") as thread:
        return thread.submit(asyncio.run, check()).result()
