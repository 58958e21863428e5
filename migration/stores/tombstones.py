"""`Tombstones` counts in memory which engines ran, by day, and stores the counts in the background.

The stored rows show since when control has not run, and since when a surface is at `complete`. A process also records each day on which it
counts, so that a day without runs can be distinguished from a day on which no process counted.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import Connection, Table, case

from migration.database import insert_into
from migration.model import Origin, Stage
from migration.stages import Plan
from migration.stores.database import StoresDatabase
from migration.stores.tables import tombstones, watched_days

if TYPE_CHECKING:
    from migration.telemetry import Metrics

logger = logging.getLogger(__name__)

DAY_S: Final = 86_400


class Ran(NamedTuple):
    """The key of a count."""

    surface: str
    day: int  #: days since 1970-01-01, UTC
    stage: Stage
    origin: Origin  #: the engine that ran


class Tombstones:
    """Counts runs of one process; the counts of several processes are added.

    Args:
        database: stores the counts.
        surfaces: the surfaces that this process serves and therefore watches.
        metrics: count failures.
        clock: Unix seconds. If the clock is set back, a run counts for the earlier day; stored days are never removed.
        rest_s: seconds between two writes. The first run after a pause is stored immediately, so that a crash loses a few seconds of counts
            at most.
        retry_s: seconds between a failed write and the next try; the counts wait in memory.
        beat_s: seconds after which the process records that it still runs.
    """

    def __init__(
        self,
        database: StoresDatabase,
        *,
        surfaces: Collection[str],
        metrics: "Metrics",
        clock: Callable[[], float] = time.time,
        rest_s: float = 2.0,
        retry_s: float = 10.0,
        beat_s: float = 60.0,
    ) -> None:
        self._database, self._surfaces, self._metrics, self._clock = database, sorted(surfaces), metrics, clock
        self._rest_s, self._retry_s, self._beat_s = rest_s, retry_s, beat_s
        self._runs: dict[Ran, int] = {}
        self._last: dict[Ran, float] = {}
        self._woken, self._stopping = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def count(self, surface: str, plan: Plan, /) -> None:
        """Count a run that begins: the engine that serves it, and the one that will shadow it. No I/O."""
        now = self._clock()
        for origin in (plan.serves, plan.shadows):
            if origin is not None:
                ran = Ran(surface, int(now // DAY_S), plan.stage, origin)
                self._add(ran, 1, now)
        self._woken.set()

    def start(self) -> None:
        """Start storing the counts, and recording that this process watches."""
        self._woken.set()
        self._task = asyncio.create_task(self._keep_flushing(), name="keep-tombstones")

    async def aclose(self) -> None:
        """Store the remaining counts and stop. Counts that cannot be stored now are lost, which is logged."""
        self._stopping.set()
        self._woken.set()
        if self._task is not None:
            await self._task
        if self._runs and not await self.flush():
            logger.error("the counts of %d runs are lost; legacy runs among them are in the legacy store", sum(self._runs.values()))

    async def flush(self) -> bool:
        """Store the counts so far, and that this process runs.

        Return False if this fails; the failure is counted in the metrics, and no count is lost.
        """
        runs, last, self._runs, self._last = self._runs, self._last, {}, {}
        now = self._clock()
        try:
            await self._database.run("write", lambda connection: _write(connection, runs, last, self._surfaces, now))
        except BaseException as error:
            # The counts may have been stored after all and are then counted twice. A count that is too high is safe for their purpose.
            for ran, number in runs.items():
                self._add(ran, number, last[ran])
            if not isinstance(error, Exception):
                raise
            self._metrics.failed("stores.tombstones")
            logger.warning("the counts of engines could not be stored: %s; this will be retried", type(error).__name__)
            return False
        return True

    def _add(self, ran: Ran, number: int, last_at: float) -> None:
        self._runs[ran] = self._runs.get(ran, 0) + number
        self._last[ran] = max(last_at, self._last.get(ran, last_at))

    async def _keep_flushing(self) -> None:
        while not self._stopping.is_set():
            await _wait(self._woken, self._beat_s)
            self._woken.clear()
            kept = await self.flush()
            if not kept:
                self._woken.set()
            await _wait(self._stopping, self._rest_s if kept else self._retry_s)


async def _wait(event: asyncio.Event, at_most_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(at_most_s):
            await event.wait()


def _write(connection: Connection, runs: Mapping[Ran, int], last: Mapping[Ran, float], surfaces: Collection[str], now: float) -> None:
    # The order is the same in every process, so that two processes cannot deadlock.
    counts = [{**ran._asdict(), "runs": runs[ran], "last_at": last[ran]} for ran in sorted(runs)]
    if counts:
        _upsert(connection, tombstones, counts)
    if surfaces:
        _upsert(connection, watched_days, [{"surface": surface, "day": int(now // DAY_S), "last_at": now} for surface in surfaces])


def _upsert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    insert = insert_into(connection, table)
    old, new = table.c, insert.excluded
    change: dict[str, Any] = {"last_at": case((new.last_at > old.last_at, new.last_at), else_=old.last_at)}
    if "runs" in old:
        change["runs"] = old.runs + new.runs
    connection.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=change), rows)
