"""`netra serve`, watched: which parts of the code take its processor time. SIGUSR1 begins, SIGUSR2 writes what was found.

The event loop's thread is sampled by processor time (`ITIMER_PROF`); of every other thread its own clock is read. `CHAT_PARTS` of the
environment names the file that is written: {part: processor seconds}. `CHAT_PARTS_ALONE` serves without the migration, by `serving.py`.
"""

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

_PERIOD_S: Final = 0.001
LOOP: Final = "event loop, system calls"
#: The innermost frame that one of these names says whose time it is. What is not listed (asyncio, msgspec, ...) is its caller's time.
_PLACES: Final = (
    ("validation", ("jsonschema/", "jsonschema_specifications/", "referencing/", "pydantic/", "api/chat_messages.py", "api/auth.py")),
    ("SQL", ("sqlalchemy/", "aiosqlite/", "services/transactions.py", "services/database_threads.py", "services/usage_data.py")),
    ("SQL", ("services/action_plans.py", "services/threads.py", "services/runs/sql_runs.py", "migration/stores/", "migration/database.py")),
    ("scripted model", ("app/services/llm/",)),
    ("socket", ("uvicorn/", "websockets/", "starlette/", "fastapi/", "websocket/connections.py", "app/protocols.py", "app/api/")),
    ("socket", ("app/draining.py",)),
    ("telemetry", ("migration/telemetry/", "prometheus_client/", "/logging/", "app/metrics.py", "app/logs.py", "opentelemetry/")),
    ("effects", ("migration/effects/", "execution/recorded_ports.py", "migration/isolation/")),
    ("facade", ("migration/", "app/execution/", "app/serving.py")),
    ("engine", ("netra_backend/app/",)),
)
#: Whose time a thread is, by the first part of its name. Any other is the migration's own: flags, heartbeat, emergency switch.
_THREADS: Final = (
    ("SQL", ("database-", "run-stores", "Thread-", "asyncio_")),
    ("shadow", ("migration-shadow",)),
    ("telemetry", ("Otel", "ring")),
)
PARTS: Final = (*dict.fromkeys(part for part, _ in (*_PLACES, *_THREADS)), "other threads", LOOP)


class Watch:
    """Samples of the main thread, and the clocks of the others."""

    def __init__(self) -> None:
        self._found: Counter[str] = Counter()
        self._known: dict[str, str | None] = {}
        self._before: dict[int, float] = {}

    def begin(self, *_signal: object) -> None:
        """Forget what was found so far."""
        self._found.clear()
        self._before = {thread.ident or 0: _cpu_s(thread) for thread in threading.enumerate()}
        signal.setitimer(signal.ITIMER_PROF, _PERIOD_S, _PERIOD_S)

    def sample(self, _signal: int, frame: FrameType | None) -> None:
        """Count where the main thread is."""
        self._found[self._part(frame)] += 1

    def write(self, *_signal: object) -> None:
        """Write what was found."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        took = {thread: _cpu_s(thread) - self._before.get(thread.ident or 0, 0.0) for thread in threading.enumerate()}
        main_s, samples = took.pop(threading.main_thread()), self._found.total()
        parts = {part: main_s * count / samples for part, count in self._found.items()}
        for thread, seconds in took.items():
            part = next((part for part, names in _THREADS if thread.name.startswith(names)), "other threads")
            parts[part] = parts.get(part, 0.0) + seconds
        path = Path(os.environ["CHAT_PARTS"])
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(parts))
        partial.rename(path)

    def _part(self, frame: FrameType | None) -> str:
        if frame is not None and frame.f_code.co_filename.endswith("asyncio/runners.py"):
            return LOOP  # no Python code runs
        while frame is not None:
            name = frame.f_code.co_filename
            if name not in self._known:
                self._known[name] = next((part for part, places in _PLACES if any(place in name for place in places)), None)
            if (part := self._known[name]) is not None:
                return part
            frame = frame.f_back
        return LOOP


def _cpu_s(thread: threading.Thread) -> float:
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident or 0))


def main() -> None:
    """Serve as `netra serve` does."""
    import netra_backend.app.main
    from netra_backend.app import serving
    from netra_backend.app.cli import main as netra

    if os.environ.get("CHAT_PARTS_ALONE"):
        netra_backend.app.main._compose = serving.compose
    watch = Watch()
    signal.signal(signal.SIGUSR1, watch.begin)
    signal.signal(signal.SIGPROF, watch.sample)
    signal.signal(signal.SIGUSR2, watch.write)
    sys.argv[0] = "netra"
    netra()


if __name__ == "__main__":
    main()
