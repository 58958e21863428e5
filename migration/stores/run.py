"""The interfaces of the backend's two run stores."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, get_args

from migration.model import Noun, RunRecord
from migration.stages import Store

STORES: Final[tuple[Store, ...]] = get_args(Store)


class StoredRun(Noun, frozen=True, kw_only=True):
    """The stored form of a finished run. The body has the backend's own form; equal runs have equal bodies in both stores."""

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
            StoreRefusedError: the id of a run belongs to another run, or the store can never accept the run.
            StoreUnavailableError: the store cannot be reached, or accepts nothing now.
        """
        ...

    async def thread(self, tenant_id: str, user_id: str, thread_id: str, newest: int | None = None, /) -> list[StoredRun]:
        """Return the thread's runs; []: this user has none in it.

        Raises:
            StoreUnavailableError: the store cannot be read now.
        """
        ...


class RunScan(Protocol):
    """Reads all runs of a surface, of all tenants, in the order of their keys. Keys are compared part by part, by code points."""

    async def count(self, surface: str, /) -> int:
        """Return how many runs there are. Raises StoreUnavailableError."""
        ...

    async def page(self, surface: str, after: RunKey | None, limit: int, /) -> list[StoredRun]:
        """Return the next runs in the order of their keys; None starts at the beginning. Raises StoreUnavailableError."""
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
        """Make the databases delete removed data from their files, and return how many rows of the subject are left, by table.

        Raises StoreUnavailableError.
        """
        ...

    def files(self) -> Sequence[Path]:
        """Return the databases' files, to be searched; () for a database server."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStores:
    """Both stores, and a scan of each of them."""

    stores: Mapping[Store, RunStore]
    scans: Mapping[Store, RunScan]
    identities: Mapping[Store, str] = field(default_factory=dict)
    #: a digest of each store's address, which distinguishes it from every other database; without it, only the content is checked
    personal: PersonalData | None = None  #: None: the backend offers no erasure


class StoresOpener(Protocol):
    """Opens the backend's run stores, from the backend's settings. An import string in the migration's settings names this function."""

    def __call__(self) -> AbstractAsyncContextManager[RunStores]:
        """Return the stores, which are closed at the end of the block."""
        ...


def key_of(run: StoredRun) -> RunKey:
    """Return the run's key."""
    return run.tenant_id, run.user_id, run.thread_id, run.run_id


def other(store: Store) -> Store:
    """Return the other of the two stores."""
    return "user" if store == "legacy" else "legacy"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRuns:
    """The run stores, for surfaces whose threads are read later."""

    stores: Mapping[Store, RunStore]  #: "legacy" and "user"; the code that opened them closes them
    finish: Callable[[RunRecord], StoredRun]  #: returns the stored form of a run; the record of a run that is not shadowed has no journal
