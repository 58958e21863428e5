"""`Erasure` removes the data of one tenant or user from every place in order, and searches for it afterwards."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import msgspec

from migration.erasure.places import Places
from migration.erasure.search import files_below, found_in
from migration.erasure.subject import Subject
from migration.errors import ErasureError
from migration.history import Entry, History
from migration.processes import ProcessTable
from migration.settings import MigrationSettings
from migration.stores import RunStores

WAIT_S: Final = 30.0
_LOOK_S: Final = 0.25


class ErasureReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure removed, and what it found afterwards."""

    removed: Mapping[str, int]  #: place -> number of removed rows
    left: Mapping[str, int]  #: place -> number of rows that are still there; {}: none
    searched: int  #: number of files
    named_in: list[str]  #: files that still contain the id
    proved: bool  #: False: the id is so short that other words may contain it, so the search of files proves nothing
    waiting: list[str]  #: processes that may still have an earlier shadow; []: none
    digest: str  #: all that the history keeps about the subject

    @property
    def complete(self) -> bool:
        """Whether nothing is left and nothing can come back."""
        return not (self.left or self.waiting or (self.proved and self.named_in))


class Erasure:
    """Removes the data of a subject.

    Args:
        settings: the settings, which name all places.
        stores: the backend's open run stores.
        sleep: waits a number of seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        settings: MigrationSettings,
        stores: RunStores,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if stores.personal is None:
            raise ErasureError("the backend offers no erasure: its run stores have no `personal`; add one and try again")
        self._settings, self._personal = settings, stores.personal
        self._sleep, self._clock = sleep, clock

    async def run(self, subject: Subject) -> ErasureReport:
        """Remove the subject's data, wait for earlier shadows, remove their results, and search for the rest.

        Raises:
            ErasureError: a file cannot be read.
            MigrationError: a database cannot be used; repeating it is safe.
        """
        with Places(self._settings, self._personal) as places:
            removed = dict(await places.erase(subject))
            waiting = await self._drained()
            for place, rows in (await places.erase(subject)).items():
                removed[place] = removed.get(place, 0) + rows
            places.compact()
            left = {place: rows for place, rows in (await places.left(subject)).items() if rows}
            searched, named_in = await self._search(subject, places)
        report = ErasureReport(
            removed=removed,
            left=left,
            searched=searched,
            named_in=[str(path) for path in named_in],
            proved=subject.telling,
            waiting=waiting,
            digest=subject.digest,
        )
        self._note(subject, report)
        return report

    async def _drained(self) -> list[str]:
        """Wait until each live process has reported once that no shadow waits; return the processes that did not report this in time."""
        began, until = self._clock(), self._clock() + WAIT_S
        table = ProcessTable.reading(self._settings)
        try:
            seen_idle: set[str] = set()
            while True:
                told = [one for one in table.told() if one.state == "live"]
                fresh = (one for one in told if one.age_s <= self._clock() - began)
                seen_idle.update(one.row.process_id for one in fresh if not one.row.shadow_waiting)
                busy = [one.row.name for one in told if one.row.process_id not in seen_idle]
                if not busy or self._clock() >= until:
                    return busy
                await self._sleep(_LOOK_S)
        finally:
            table.close()

    async def _search(self, subject: Subject, places: Places) -> tuple[int, list[Path]]:
        files = sorted({path.resolve() for path in (*files_below(self._settings.home), *places.files())})
        # The search runs in a separate process, because closing a database's file releases the locks of all connections of that process
        # (https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
        with ProcessPoolExecutor(1, get_context("spawn")) as other:
            search = asyncio.get_running_loop().run_in_executor(other, found_in, files, subject.needles())
        try:
            return await search
        except OSError as error:
            raise ErasureError(f"{error.filename}: {error.strerror}; make it readable and repeat the erasure") from error

    def _note(self, subject: Subject, report: ErasureReport) -> None:
        """Record the erasure in the history, with only the subject's digest."""
        who = f"tenant {subject.digest}" if subject.user_id is None else f"user {subject.digest}"
        history = History.of_settings(self._settings)
        try:
            history.append(Entry(kind="erasure", what=f"{who} was erased: {sum(report.removed.values())} rows"))
        finally:
            history.close()
