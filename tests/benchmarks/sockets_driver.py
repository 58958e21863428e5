"""`netra serve`, which writes the longest pause of its garbage collections since its start into the file that `PAUSES` names."""

import gc
import json
import os
import sys
import time
from pathlib import Path


class Pauses:
    """Measures each collection."""

    def __init__(self, path: Path) -> None:
        self._path, self._began, self._longest_ms = path, 0.0, 0.0

    def __call__(self, phase: str, _about: dict[str, int]) -> None:
        """Called by the interpreter before and after a collection."""
        if phase == "start":
            self._began = time.thread_time()
            return
        took_ms = (time.thread_time() - self._began) * 1e3
        if took_ms > self._longest_ms:
            self._longest_ms = took_ms
            self._path.write_text(json.dumps({"longest_ms": took_ms}))


if __name__ == "__main__":
    from netra_backend.app.cli import main

    pauses = Pauses(Path(os.environ["PAUSES"]))
    sys.argv[0] = "netra"
    if "serve" in sys.argv:
        from netra_backend.app.garbage import Garbage

        # The collections of the start are not those of its users.
        start = Garbage.start

        def measured_from_here(garbage: Garbage) -> None:
            """Start, and measure from then on."""
            start(garbage)
            gc.callbacks.append(pauses)

        Garbage.start = measured_from_here  # type: ignore[method-assign]  # measured, not changed
    main()
