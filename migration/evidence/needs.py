"""How much each surface's gate needs more runs, by its last decision.

Gates write it, and serving processes read it in the background. While shadows cost too much, they first draw fewer runs where the
gate needs them least (`shadow/governor.py`).
"""

import time
from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import Column, Connection, Engine, Float, MetaData, String, Table, select

from migration.database import SqlDatabase, insert_into, make_tables
from migration.errors import EvidenceError
from migration.settings import MigrationSettings

metadata = MetaData()

gate_needs = Table(
    "migration_gate_needs",
    metadata,
    Column("surface", String(64), primary_key=True),
    Column("need", Float(53), nullable=False, comment="from 0 (the gate needs no more runs) to 1 (it is not known how many it needs)"),
    Column("at", Float(53), nullable=False, comment="Unix seconds of the gate's decision"),
)

_WAIT_S: Final = 2.0
#: An older need is not used, because the gate is no longer asked.
_OLD_S: Final = 600.0
#: If a gate still needs this many runs, its need is one half.
_HALF: Final = 300.0


def need_of(runs_needed: int | None) -> float:
    """Return how much a gate needs more runs, from 0 to 1.

    Args:
        runs_needed: the number of runs that it still needs; None: it is not known, which gives 1.
    """
    return 1.0 if runs_needed is None else runs_needed / (runs_needed + _HALF)


def note_need(connection: Connection, surface: str, runs_needed: int | None, now: float) -> None:
    """Record what a gate decided, in the transaction of the decision. `now`: Unix seconds."""
    row = {"need": need_of(runs_needed), "at": now}
    added = insert_into(connection, gate_needs).values(surface=surface, **row)
    connection.execute(added.on_conflict_do_update(index_elements=["surface"], set_=row))


def prepare_needs(engine: Engine) -> None:
    """Make the table if it is missing."""
    make_tables(engine, metadata)


class GateNeeds:
    """Reads the needs of gates. Threads may share it.

    Args:
        settings: name the evidence.
        clock: Unix seconds.

    Raises:
        ConfigurationError: the URL of the evidence does not parse or names another database.
    """

    def __init__(self, settings: MigrationSettings, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._database = SqlDatabase(
            settings.evidence(),
            holds="the needs of gates",
            setting="NETRA_MIGRATION_EVIDENCE_URL",
            prepare=prepare_needs,
            error=EvidenceError,
            wait_s=_WAIT_S,
        )

    def read(self) -> Mapping[str, float]:
        """Return the need of each surface whose gate was asked within ten minutes, from 0 (no more runs) to 1 (not known how many).

        Raises:
            EvidenceError: the database cannot be read.
        """
        since = self._clock() - _OLD_S
        with self._database.transaction("read") as connection:
            found = connection.execute(select(gate_needs.c.surface, gate_needs.c.need).where(gate_needs.c.at >= since)).all()
        return {row.surface: row.need for row in found}

    def close(self) -> None:
        """Close all connections. The next read connects again."""
        self._database.close()
