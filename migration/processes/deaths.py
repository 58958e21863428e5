"""Finds processes that ended without saying so, and has exactly one of those that look write it down."""

import logging
from collections.abc import Sequence

from migration.history import Entry, History
from migration.processes.row import LOST_AFTER_S, ProcessRow
from migration.processes.table import ProcessTable

logger = logging.getLogger(__name__)


def own_the_dead(table: ProcessTable, history: History, found_by: ProcessRow) -> list[ProcessRow]:
    """Write the death of every process that died or was lost into log, table and history, once among all that look; return them.

    Raises:
        ProcessesError: the table cannot be read or written.
        HistoryError: the history cannot be written; the deaths are in the table and the log.
    """
    told = [one for one in table.told() if one.state in {"died", "lost"} and one.row.process_id != found_by.process_id]
    buried: list[ProcessRow] = []
    for how in ("died", "lost"):
        rows = {one.row.process_id: one.row for one in told if one.state == how}
        buried += [rows[process_id] for process_id in table.ended(list(rows), how)]
        _write(history, [row for row in buried if row.process_id in rows], how, found_by)
    return buried


def _write(history: History, rows: Sequence[ProcessRow], how: str, found_by: ProcessRow) -> None:
    for row in rows:
        what = (
            f"{row.name} died" if how == "died" else f"{row.name} was not heard of for {LOST_AFTER_S / 60:.0f} minutes, and counts as dead"
        )
        waited = f"; {row.shadow_waiting} shadow jobs waited in it when it was last heard of" if row.shadow_waiting else ""
        logger.error("%s%s", what, waited)
        history.append_first(
            Entry(kind="process_died", what=what + waited, who="", host=row.host, seen=f"by {found_by.name}"), f"death {row.process_id}"
        )
