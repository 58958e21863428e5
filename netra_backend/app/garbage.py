"""Garbage collection of a server process: no collection pauses the users' runs for long.

A full collection looks at everything that a server keeps: modules, tens of thousands of open connections, current runs. Objects that
survive it are not garbage, so after a long collection they are left out of later ones (`gc.freeze`). They are still freed when their last
reference ends: connections and runs leave no reference cycles, which tests check.
"""

import gc
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

#: A full collection that takes at least this many seconds of processor time is long.
LONG_S: Final = 0.005
_FULL: Final = 2
#: What exists after these numbers of new objects, of collections of the youngest, and of collections of the middle generation is looked at
#: together: some 30,000 objects. The first number is larger than the objects of a few chats, which end before it is reached.
_OFTEN: Final = (3000, 5, 2)


class Garbage:
    """Watches the collections of this process.

    Args:
        clock: seconds of processor time of the current thread.
        freeze: leaves everything that exists out of later collections.
    """

    def __init__(self, clock: Callable[[], float] = time.thread_time, freeze: Callable[[], None] = gc.freeze) -> None:
        self._clock, self._freeze, self._began = clock, freeze, 0.0
        self._threshold = gc.get_threshold()

    def start(self) -> None:
        """Collect the garbage of the start, leave out the objects that exist now, and from now on those that survive a long collection."""
        self._threshold = gc.get_threshold()
        gc.enable()
        gc.set_threshold(*_OFTEN)
        gc.collect()
        self._freeze()
        gc.collect()  # sees no objects; the next full collection begins when the objects have grown by a quarter since this one
        gc.callbacks.append(self.collected)

    def stop(self) -> None:
        """Stop watching; objects that were left out are collected again. Idempotent."""
        if self.collected in gc.callbacks:
            gc.callbacks.remove(self.collected)
            gc.set_threshold(*self._threshold)
            gc.unfreeze()

    def collected(self, phase: str, about: Mapping[str, Any]) -> None:
        """Called by the interpreter before ("start") and after ("stop") each collection, in the thread that collects."""
        if about["generation"] != _FULL:
            return
        if phase == "start":
            self._began = self._clock()
        elif self._clock() - self._began >= LONG_S:
            self._freeze()
