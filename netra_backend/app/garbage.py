"""Garbage collection of a server process: no collection pauses the users' runs for long.

A full collection looks at everything that a server keeps: modules, tens of thousands of open connections, current runs. What survived it is
not garbage, so after a long one all of that is left out of later ones (`gc.freeze`). It is still freed with its last reference:
connections and runs leave no cycles behind, which tests hold.
"""

import gc
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

#: Seconds of processor time from which on a full collection is long. The next ones begin at nothing, and each may take a quarter more.
LONG_S: Final = 0.01
_FULL: Final = 2


class Garbage:
    """Watches the collections of this process.

    Args:
        clock: seconds of processor time of the current thread.
        freeze: leaves everything that exists out of later collections.
    """

    def __init__(self, clock: Callable[[], float] = time.thread_time, freeze: Callable[[], None] = gc.freeze) -> None:
        self._clock, self._freeze, self._began = clock, freeze, 0.0

    def start(self) -> None:
        """Leave out what exists now, and from here on what survives a long collection."""
        gc.collect()
        self._freeze()
        gc.collect()  # the next full one comes when a quarter has been added to what this one saw: nothing
        gc.callbacks.append(self.collected)

    def stop(self) -> None:
        """Watch no more; what was left out is looked at again. Idempotent."""
        if self.collected in gc.callbacks:
            gc.callbacks.remove(self.collected)
            gc.unfreeze()

    def collected(self, phase: str, about: Mapping[str, Any]) -> None:
        """Called by the interpreter before ("start") and after ("stop") each collection, in the thread that collects."""
        if about["generation"] != _FULL:
            return
        if phase == "start":
            self._began = self._clock()
        elif self._clock() - self._began >= LONG_S:
            self._freeze()
