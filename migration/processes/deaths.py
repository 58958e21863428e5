"""Finds processes that ended without recording their end. Of all processes that look for deaths, exactly one records each death."""

import logging
from collections import deque
from collections.abc import Callable, Sequence

from migration.history import Entry, History
from migration.processes.row import LOST_AFTER_S, ProcessRow
from migration.processes.table import ProcessTable

logger = logging.getLogger(__name__)
_REST_S = 60.0


def own_the_dead(table: ProcessTable, history: History, found_by: ProcessRow) -> list[ProcessRow]:
    """Find the processes that died or were lost, record them in the log, the table and the history, and return those recorded here.

    Only one process records each death.

    Raises:
        ProcessesError: the table cannot be read or written.
        HistoryError: the history cannot be written; the deaths are in the table and the log.
    """
    told = table.told()
    # A worker's death is handled by its server, and a worker dies with its server.
    gone = {one.row.process_id: one.state for one in told if one.row.role == "server" and one.state not in {"live", "silent"}}
    for how in ("died", "lost", "stopped"):
        parents = {process_id for process_id, state in gone.items() if state == how}
        table.ended([one.row.process_id for one in told if one.row.parent_id in parents and not one.noted], how)
    buried: list[ProcessRow] = []
    for how in ("died", "lost"):
        rows = {
            one.row.process_id: one.row
            for one in told
            if one.state == how and not one.noted and one.row.role == "server" and one.row.process_id != found_by.process_id
        }
        first = [rows[process_id] for process_id in table.ended(list(rows), how)]
        _write(history, first, how, found_by)
        buried += first
    return buried


def _write(history: History, rows: Sequence[ProcessRow], how: str, found_by: ProcessRow) -> None:
    for row in rows:
        what = f"{row.name} died" if how == "died" else f"{row.name} did not report for {LOST_AFTER_S / 60:.0f} minutes, and counts as dead"
        what += _taken_along(row)
        logger.error("%s", what)
        history.append_first(
            Entry(kind="process_died", what=what, who="", host=row.host, seen=f"by {found_by.name}"), f"death {row.process_id}"
        )


def _taken_along(row: ProcessRow) -> str:
    """Return what the process had only in memory at its last report; "": nothing."""
    runs = sum(row.runs.values())
    had = [f"{runs} runs were in progress" if runs else "", f"{row.shadow_waiting} shadow jobs waited" if row.shadow_waiting else ""]
    said = " and ".join(part for part in had if part)
    return f"; {said} in it when it last reported" if said else ""


class WorkerDeaths:
    """Writes the deaths of this process' shadow workers to the history: the first one immediately, later ones together once a minute.

    Args:
        history: receives the entries.
        name: the name of this process.
        clock: Unix seconds.
    """

    def __init__(self, history: History, name: str, clock: Callable[[], float]) -> None:
        self._history, self._name, self._clock = history, name, clock
        self._rests_until = 0.0

    def write(self, deaths: deque[tuple[int, int]]) -> None:
        """Write the deaths that are due, and remove them from the queue.

        Raises:
            HistoryError: the history cannot be written; the deaths stay in the queue.
        """
        if not deaths or self._clock() < self._rests_until:
            return
        dead = tuple(deaths)
        pid, status = dead[-1]
        ended = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        more = f"; so did {len(dead) - 1} before it" if len(dead) > 1 else ""
        what = f"shadow worker {pid} of {self._name} {ended}, and is replaced{more}"
        self._history.append(Entry(kind="process_died", what=what, who="", seen=f"by {self._name}", at=self._clock()))
        for _ in dead:
            deaths.popleft()
        self._rests_until = self._clock() + _REST_S
