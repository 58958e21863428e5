"""Makes a backend's own run stores usable by this package."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from migration.errors import StoreRefusedError, StoreUnavailableError
from migration.stores.run import RunKey, StoredRun

R = TypeVar("R")


class BackendStore(Protocol[R]):
    """A run store of the backend, in the backend's own types; see `RunStore`."""

    async def write(self, runs: Sequence[R], /) -> None:
        """Store the runs, all or none."""
        ...

    async def thread(self, tenant_id: str, user_id: str, thread_id: str, newest: int | None = None, /) -> list[R]:
        """Return the thread's runs."""
        ...


class BackendScan(Protocol[R]):
    """A scan of all runs in the backend's own types; see `RunScan`."""

    async def count(self, surface: str, /) -> int:
        """Return how many runs there are."""
        ...

    async def page(self, surface: str, after: RunKey | None, limit: int, /) -> list[R]:
        """Return the next runs in the order of their keys."""
        ...

    async def between(self, surface: str, first: RunKey, last: RunKey, /) -> list[R]:
        """Return the runs from one key to another, both included."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape(Generic[R]):
    """How the backend's runs and errors are converted."""

    encode: Callable[[R], StoredRun]
    decode: Callable[[StoredRun], R]
    unavailable: type[Exception]  #: the backend raises it if another try may succeed
    refused: type[Exception]  #: the backend raises it if no try will succeed

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Raise the backend's errors as errors of this package, with the same text."""
        try:
            yield
        except self.unavailable as error:
            raise StoreUnavailableError(str(error)) from error
        except self.refused as error:
            raise StoreRefusedError(str(error)) from error


class AdaptedStore(Generic[R]):
    """A `RunStore` over one of the backend's run stores.

    Args:
        store: the backend's store.
        shape: converts the backend's runs and errors.
    """

    def __init__(self, store: BackendStore[R], shape: Shape[R]) -> None:
        self._store, self._shape = store, shape

    async def write(self, runs: Sequence[StoredRun], /) -> None:
        """Store the runs, all or none. Raises StoreRefusedError, StoreUnavailableError."""
        with self._shape.errors():
            await self._store.write([self._shape.decode(run) for run in runs])

    async def thread(self, tenant_id: str, user_id: str, thread_id: str, newest: int | None = None, /) -> list[StoredRun]:
        """Return the thread's runs. Raises StoreUnavailableError."""
        with self._shape.errors():
            return [self._shape.encode(run) for run in await self._store.thread(tenant_id, user_id, thread_id, newest)]


class AdaptedScan(Generic[R]):
    """A `RunScan` over one of the backend's scans.

    Args:
        scan: the backend's scan.
        shape: converts the backend's runs and errors.
    """

    def __init__(self, scan: BackendScan[R], shape: Shape[R]) -> None:
        self._scan, self._shape = scan, shape

    async def count(self, surface: str, /) -> int:
        """Return how many runs there are. Raises StoreUnavailableError."""
        with self._shape.errors():
            return await self._scan.count(surface)

    async def page(self, surface: str, after: RunKey | None, limit: int, /) -> list[StoredRun]:
        """Return the next runs in the order of their keys. Raises StoreUnavailableError."""
        with self._shape.errors():
            return [self._shape.encode(run) for run in await self._scan.page(surface, after, limit)]

    async def between(self, surface: str, first: RunKey, last: RunKey, /) -> list[StoredRun]:
        """Return the runs from one key to another, both included. Raises StoreUnavailableError."""
        with self._shape.errors():
            return [self._shape.encode(run) for run in await self._scan.between(surface, first, last)]
