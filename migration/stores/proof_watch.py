"""Checks the proofs of backfills slowly in the background, in one process at a time."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from migration.stores.coverage import Coverage
from migration.stores.database import StoresDatabase
from migration.stores.outbox import Outbox
from migration.stores.proofs import ProofCheck
from migration.stores.run import StoresOpener

if TYPE_CHECKING:
    from migration.telemetry import Metrics

logger = logging.getLogger(__name__)

_EVERY_S: Final = 600.0
_LOOK_S: Final = 30.0
_STOP_S: Final = 3.0
#: After each page the check rests this many times as long as the page took, so that it uses at most a twentieth of a processor.
_REST: Final = 19.0


class ProofWatch:
    """Checks every proof that no process has begun to check for ten minutes.

    Args:
        url: SQLAlchemy URL of the outbox's database, which contains the proofs.
        opener: returns the function that opens the backend's run stores; called in the watch's own thread.
        metrics: count checks that could not be made.
        every_s: seconds between two checks of a proof.
        look_s: seconds between two searches for a proof whose check is due.

    Raises:
        ConfigurationError: the URL cannot be used.
    """

    def __init__(
        self, url: str, opener: Callable[[], StoresOpener], metrics: "Metrics", *, every_s: float = _EVERY_S, look_s: float = _LOOK_S
    ) -> None:
        self._database = StoresDatabase(url)
        self._opener, self._metrics, self._every_s, self._look_s = opener, metrics, every_s, look_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="migration-proofs", daemon=True)

    def start(self) -> None:
        """Start."""
        self._thread.start()

    def close(self) -> None:
        """Stop. An unfinished check is dropped; another process does it later."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        self._database.close()

    def _run(self) -> None:
        while not self._stop.wait(self._look_s):
            try:
                asyncio.run(self.check_due())
            except _StoppedError:
                return
            except Exception as error:  # noqa: BLE001 - whatever it was, the watch continues; it is counted
                self._metrics.failed("stores.proofs")
                logger.warning("the proof that the run stores are complete could not be checked: %s", type(error).__name__)

    async def check_due(self) -> None:
        """Check each proof whose check is due. Raises the errors of the stores, of the outbox and of the opener."""
        coverage = Coverage(self._database)
        for surface, store in coverage.proved_now():
            if not await coverage.claim(surface, store, self._every_s):
                continue
            async with self._opener()() as stores:
                check = ProofCheck(surface, store, stores=stores, coverage=coverage, outbox=Outbox(self._database), rest=_Rest(self._stop))
                reason = await check.run()
            if reason is not None:
                logger.error("%s: the %s store is not proved to have every run: %s; run the backfill again", surface, store, reason)


class _StoppedError(Exception):
    """The watch was stopped during a check."""


class _Rest:
    """Pauses a check after each page."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop, self._begun = stop, time.monotonic()

    async def __call__(self) -> None:
        took = time.monotonic() - self._begun
        if self._stop.is_set():
            raise _StoppedError
        await asyncio.sleep(min(1.0, took * _REST))
        self._begun = time.monotonic()
