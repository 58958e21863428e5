"""Evidence for gates, written without engines and comparisons."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from migration.database import insert_into
from migration.evidence.bases import BasisRows
from migration.evidence.database import Database
from migration.evidence.detections import add_detections
from migration.evidence.noise import add_round
from migration.evidence.tables import bases, comparisons, strata_sets, unseen_runs
from migration.model import Basis, Stage
from migration.settings import MigrationSettings

BASIS = Basis(policy="p", ledger="l", build="one", tool="t")


class Evidence:
    """Writes rows that a gate reads."""

    def __init__(self, settings: MigrationSettings) -> None:
        self.database, self._number = Database(settings.evidence()), 0

    def compared(self, runs: int, *, divergent: int = 0, build: str = "one", tenants: int = 10, **columns: Any) -> None:
        """Store comparisons, the divergent ones first."""
        basis = BasisRows()
        digest = basis.row(Basis(policy="p", ledger="l", build=build, tool="t"))
        with self.database.transaction("write") as connection:
            sets = [{"id": "set", "strata": [["tool_completed", "search", "completed"]]}]
            connection.execute(insert_into(connection, strata_sets).on_conflict_do_nothing(), sets)
            connection.execute(insert_into(connection, bases).on_conflict_do_nothing(), basis.new_rows())
            rows = [self._row(number < divergent, number % tenants, digest | columns) for number in range(runs)]
            connection.execute(comparisons.insert(), rows)

    def injected(self, number: int, *, seen: int | None = None, build: str = "one") -> None:
        """Count differences that were injected with the basis of that build."""
        digest = BasisRows().row(Basis(policy="p", ledger="l", build=build, tool="t"))["basis"]
        with self.database.transaction("write") as connection:
            add_detections(connection, "chat", str(digest), {"missing_event": (number, number if seen is None else seen)})

    def unseen(self, runs: int, *, stage: Stage = Stage.LIVE, tenant: str = "tenant-0", at: float = 2000.0, **columns: Any) -> None:
        """Store runs without a comparison."""
        with self.database.transaction("write") as connection:
            row = {"surface": "chat", "tenant_id": tenant, "stage": stage.value, "strata": "set", "reason": "queue_jobs", "runs": runs}
            connection.execute(unseen_runs.insert(), [row | {"at": at} | columns])

    def rounds(self, number: int) -> None:
        """Count rounds of noise."""
        with self.database.transaction("write") as connection:
            for one in range(number):
                add_round(connection, "chat", f"run {one}", control=(), candidate=(), now=0.0)

    def stored(self) -> int:
        """Return how many comparisons there are."""
        with self.database.transaction("read") as connection:
            return connection.execute(select(func.count()).select_from(comparisons)).scalar_one()

    def _row(self, divergent: bool, tenant: int, columns: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        plain: dict[str, Any] = {
            "surface": "chat",
            "run_id": f"run-{self._number}",
            "shadows": "control",
            "serving": "candidate",
            "tenant_id": f"tenant-{tenant}",
            "user_digest": "u",
            "thread_id": "t",
            "stage": Stage.LIVE.value,
            "verdict": "divergent" if divergent else "match",
            "severities": "contract" if divergent else None,
            "reasons": [],
            "divergence_count": int(divergent),
            "control_duration_s": 1.0,
            "control_effect_s": 0.0,
            "candidate_duration_s": 1.0,
            "candidate_effect_s": 0.0,
            "effects_recorded": 0,
            "effects_replayed": 0,
            "effects_missing": 0,
            "effects_performed_by_shadow": 0,
            "received_at": 2000.0,
            "compared_at": 2000.0,
            "strata": "set",
            "touched": "set" if divergent else None,
            "control_outcome": "completed",
            "candidate_outcome": "completed",
        }
        return plain | columns


@pytest.fixture
def migration_settings(tmp_path: Path) -> MigrationSettings:
    return MigrationSettings(home=tmp_path, surfaces=("chat",), ledger_dir=tmp_path / "ledger", stores="")


@pytest.fixture
def evidence(migration_settings: MigrationSettings) -> Iterator[Evidence]:
    found = Evidence(migration_settings)
    yield found
    found.database.close()
