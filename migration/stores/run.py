"""What the backend's two run stores look like from here."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, get_args

from migration.model import Noun, RunRecord
from migration.stages import Store

STORES: Final[tuple[Store, ...]] = get_args(Store)


class StoredRun(Noun, frozen=True, kw_only=True):
    """What is kept of a finished run. The body is the backend's own; equal runs have equal bodies, whichever store they come from."""

    surface: str
    tenant_id: str
    user_id: str
    thread_id: str
    run_id: str
    started_at: float  #: Unix seconds
    body: bytes  #: JSON, in the backend's own shape


RunKey = tuple[str, str, str, str]
"""Tenant, user, thread, run: what a run is known by."""


class RunStore(Protocol):
    """Keeps finished runs."""

    async def write(self, runs: Sequence[StoredRun], /) -> None:
        """Keep the runs, all or none. Writing a run again changes nothing.

        Raises:
            StoreRefusedError: the id of one of them stands for another run, or the store can never hold it.
            StoreUnavailableError: the store cannot be reached, or takes nothing now.
        """
        ...

    async def thread(self, tenant_id: str, user_id: str, thread_id: str, newest: int | None = None, /) -> list[StoredRun]:
        """Return the thread's runs; [] when there are none of this user.

        Raises:
            StoreUnavailableError: the store cannot be read now.
        """
        ...


class RunScan(Protocol):
    """Walks through all runs of a surface, whoever's they are. Keys are ordered part by part, each by its code points."""

    async def count(self, surface: str, /) -> int:
        """Return how many there are. Raises StoreUnavailableError."""
        ...

    async def page(self, surface: str, after: RunKey | None, limit: int, /) -> list[StoredRun]:
        """Return the next runs in the order of their keys; None begins at the beginning. Raises StoreUnavailableError."""
        ...

    async def between(self, surface: str, first: RunKey, last: RunKey, /) -> list[StoredRun]:
        """Return the runs of the surface from one key to another, both included. Raises StoreUnavailableError."""
        ...


class PersonalData(Protocol):
    """All that the backend itself keeps of tenants and users, finished runs included."""

    async def erase(self, tenant_id: str, user_id: str | None, /) -> Mapping[str, int]:
        """Remove what is kept of a tenant, or of one of its users, and return the rows removed by table.

        Raises:
            StoreUnavailableError: a database cannot be written now; repeating it is safe.
        """
        ...

    async def left(self, tenant_id: str, user_id: str | None, /) -> Mapping[str, int]:
        """Return how many rows there are by table, after what was removed is gone from the files. Raises StoreUnavailableError."""
        ...

    def files(self) -> Sequence[Path]:
        """Return the files that hold it, to be searched; none for a database server."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStores:
    """Both stores, and the way through each of them."""

    stores: Mapping[Store, RunStore]
    scans: Mapping[Store, RunScan]
    personal: PersonalData | None = None  #: None: the backend offers no erasure


class StoresOpener(Protocol):
    """Opens the backend's run stores, as its settings say. Named by an import string in the settings."""

    def __call__(self) -> AbstractAsyncContextManager[RunStores]:
        """Return the stores, to be closed at the end of the block."""
        ...


def key_of(run: StoredRun) -> RunKey:
    """Return the run's key."""
    return run.tenant_id, run.user_id, run.thread_id, run.run_id


def other(store: Store) -> Store:
    """Return the other one of the two stores."""
    return "user" if store == "legacy" else "legacy"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRuns:
    """Where finished runs are kept, for surfaces whose threads are read again."""

    stores: Mapping[Store, RunStore]  #: "legacy" and "user"; whoever opened them closes them
    finish: Callable[[RunRecord], StoredRun]  #: what is kept of a run
