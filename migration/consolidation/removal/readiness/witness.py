"""A second source for runs that were not at `complete`: at every other stage a finished run is written to the legacy store.

Tombstones are counted in memory first, so some may be lost in a crash or an outage of their database. The legacy store contains these runs
nevertheless.
"""

import asyncio
from typing import Final

import msgspec

from migration.errors import ConfigurationError, StoreError, StoreUnavailableError
from migration.stores import RunScan, StoresOpener, key_of

_PAGE: Final = 1000


class LegacyRuns(msgspec.Struct, frozen=True, kw_only=True):
    """Runs of a surface in the legacy store."""

    runs: int  #: number of runs that began at or after `since`
    last_at: float | None  #: Unix seconds at which the last of them began; None: there is no such run


def legacy_runs_since(opener: StoresOpener, surface: str, since: float) -> LegacyRuns:
    """Return what the legacy store contains of a surface from `since` (Unix seconds) on. Reads the whole store, because the store is sorted
    by other keys.

    Raises:
        StoreError: the store cannot be opened or read.
    """
    return asyncio.run(_ask(opener, surface, since))


async def _ask(opener: StoresOpener, surface: str, since: float) -> LegacyRuns:
    try:
        async with opener() as stores:
            return await _scan(stores.scans["legacy"], surface, since)
    except (StoreError, ConfigurationError):
        raise
    except Exception as error:
        # The error's text may contain an address with a password.
        raise StoreUnavailableError(f"the run stores cannot be opened ({type(error).__name__}); check NETRA_*") from error


async def _scan(scan: RunScan, surface: str, since: float) -> LegacyRuns:
    runs, last_at, after = 0, None, None
    while page := await scan.page(surface, after, _PAGE):
        begun = [run.started_at for run in page if run.started_at >= since]
        runs += len(begun)
        last_at = max([*begun, *([] if last_at is None else [last_at])], default=None)
        after = key_of(page[-1])
    return LegacyRuns(runs=runs, last_at=last_at)
