"""200 users at once on SQLite against 50 of the build before it had one writer a file: both builds in turn, on each surface.

Every user asks, waits for the end, thinks for `THINK_S` on average, and asks again; all are connected before the first asks. The clients
are the same for both builds, and so are the installed packages. `BASE` of the environment names another commit, or a folder with a
build; `SURFACE` one surface alone.
"""

import os
from statistics import median
from typing import Any, Final

from tests.benchmarks.builds import build
from tests.benchmarks.measuring import Measured, alone, beside
from tests.integration import postgres_server
from tests.nightly.load_of_users import SURFACES, measure

USERS: Final = 200
USERS_BEFORE: Final = 50
BEFORE: Final = "a2b7ca7"
TIMES: Final = 8
THINK_S: Final = 2.0  #: at most twice that, which is less than the 5 s after which an idle connection is closed
ROUNDS: Final = 3
_PARTS: Final = ("netra_backend", "migration", "ledger")


def run() -> dict[str, Measured]:
    """Return p50 and p99 of both builds, as medians of the rounds, and those with PostgreSQL.

    Raises:
        RuntimeError: on SQLite a run was refused, a file was locked, or an error logged.
    """
    rows: dict[str, Measured] = {}
    chosen = os.environ.get("SURFACE")
    with build(os.environ.get("BASE", BEFORE), *_PARTS) as folder:
        for surface in [chosen] if chosen else SURFACES:
            pairs = [(_ours(surface), _asked(surface, USERS_BEFORE, build=folder)) for _ in range(ROUNDS)]
            on_postgres = _on_postgres(surface)
            for quantile in ("p50_ms", "p99_ms"):
                ours, before = (median(found[quantile] for found in side) for side in zip(*pairs, strict=True))
                name = f"{surface}, {USERS} users, {quantile.removesuffix('_ms')}"
                rows[name] = beside(ours, "ms", f"{BEFORE}, {USERS_BEFORE} users", before, before / ours)
                if on_postgres is not None:
                    rows[f"{name}, PostgreSQL"] = beside(on_postgres[quantile], "ms", "SQLite", ours, ours / on_postgres[quantile])
            if on_postgres is not None:
                refused = USERS * TIMES - on_postgres["ends"].get("completed", 0)
                rows[f"{surface}, {USERS} users, not completed, PostgreSQL"] = alone(refused, f"of {USERS * TIMES}")
    return rows


def _asked(surface: str, users: int, **options: Any) -> dict[str, Any]:
    return measure(surface, users, TIMES, pause_s=THINK_S, **options)


def _ours(surface: str) -> dict[str, Any]:
    found = _asked(surface, USERS)
    if (found["ends"], found["locked"], found["log_errors"]) != ({"completed": USERS * TIMES}, 0, 0):
        raise RuntimeError(f"not every run completed: {found}")
    return found


def _on_postgres(surface: str) -> dict[str, Any] | None:
    """Return the same on PostgreSQL, which waits for the disk as it does by default; None: it is not installed."""
    if not postgres_server.installed():
        return None
    with postgres_server.running(flush=True) as url:
        plain = url.replace("+psycopg", "")
        return _asked(surface, USERS, NETRA_DATABASE_URL=url, NETRA_MIGRATION_STORES_URL=plain, NETRA_MIGRATION_EVIDENCE_URL=plain)
