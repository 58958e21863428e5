"""The backend's two run stores, as this package uses them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, get_args

from migration.model import Noun, RunRecord
from migration.stages import Store

STORES: Final[tuple[Store, ...]] = get_args(Store)


class StoredRun(Noun, frozen=True, kw_only=True):
    """The stored form of a finished run. The body has the backend's own form; equal runs have equal bodies, in either store."""

    surface: str
    tenant_id: str
    user_id: str
    thread_id: str
    run_id: str
    started_at: float  #: Unix seconds
    body: bytes  #: JSON, in the backend's own shape


RunKey = tuple[str, str, str, str]
"""Tenant, user, thread, run: the identity of a run."""


class RunStore(Protocol):
    """Stores finished runs."""

    async def write(self, runs: Sequence[StoredRun], /) -> None:
        """Store the runs, all or none. Writing a run again changes nothing.

        Raises:
            StoreRefusedError: the id of one of them belongs to another run, or the store can never accept it.
            StoreUnavailableError: the store cannot be reached, or accepts nothing now.
        """
        ...

    async def thread(self, tenant_id: str, user_id: str, thread_id: str, newest: int | None = None, /) -> list[StoredRun]:
        """Return the thread's runs; [] when there are none of this user.

        Raises:
            StoreUnavailableError: the store cannot be read now.
        """
        ...


class RunScan(Protocol):
    """Walks through all runs of a surface, of all tenants. Keys are ordered part by part, each by its code points."""

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
    """All data that the backend itself stores about tenants and users, including finished runs."""

    async def erase(self, tenant_id: str, user_id: str | None, /) -> Mapping[str, int]:
        """Remove the data of a tenant, or of one of its users, and return the number of removed rows by table.

        Raises:
            StoreUnavailableError: a database cannot be written now; repeating it is safe.
        """
        ...

    async def left(self, tenant_id: str, user_id: str | None, /) -> Mapping[str, int]:
        """Return how many rows are left by table, after removed data was deleted from the files. Raises StoreUnavailableError."""
        ...

    def files(self) -> Sequence[Path]:
        """Return the files that contain it, to be searched; none for a database server."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStores:
    """Both stores, and the walk through each of them."""

    stores: Mapping[Store, RunStore]
    scans: Mapping[Store, RunScan]
    personal: PersonalData | None = None  #: None: the backend offers no erasure


class StoresOpener(Protocol):
    """Opens the backend's run stores, by its settings. Named by an import string in the settings."""

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
    """The stores for finished runs, for surfaces whose threads are read again."""

    stores: Mapping[Store, RunStore]  #: "legacy" and "user"; the code that opened them closes them
    finish: Callable[[RunRecord], StoredRun]  #: returns the stored form of a run
