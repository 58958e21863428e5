"""What docs/migration/operations.md and docs/running.md say of the migration's own limits is what holds."""

import inspect
from pathlib import Path

import pytest

from migration import composition
from migration.processes import row
from migration.settings import MigrationSettings
from migration.shadow import dispatch, worker
from migration.stores.writer import DualWriter
from migration.telemetry import delivery
from netra_backend.app import server

DOCS = Path(__file__).parents[3] / "docs"
OPERATIONS, RUNNING = (" ".join((DOCS / name).read_text(encoding="utf-8").split()) for name in ("migration/operations.md", "running.md"))
PATIENCE_S = inspect.signature(DualWriter).parameters["patience_s"].default


@pytest.mark.parametrize(
    ("docs", "sentence"),
    [
        (OPERATIONS, f"a server has {composition._DELIVERY_S:g} s to deliver its traces, and its worker has {worker._DELIVERY_S:g} s."),
        (OPERATIONS, f"At most {delivery.WAITING:,} units of"),
        (OPERATIONS, f"every {row.BEAT_S:g} s, and immediately when its evaluation of the kill switch or a flag has changed"),
        (OPERATIONS, f"| live | its row is younger than {row.SILENT_AFTER_S:g} s |"),
        (OPERATIONS, f"silent for {row.LOST_AFTER_S / 60:g} minutes"),
        (OPERATIONS, f"it was not ready after {MigrationSettings(home=Path()).shadow_start_s:g} s"),
        (RUNNING, f"Waiting shadow jobs get {composition._DRAIN_S:g} s;"),
        (RUNNING, f"which takes at most {composition._DELIVERY_S:g} s."),
        (RUNNING, f"waits {PATIENCE_S:g} s for its run store"),
    ],
)
def test_the_docs_say_what_holds(docs: str, sentence: str) -> None:
    assert sentence in docs


def test_closing_takes_no_longer_than_a_server_allows() -> None:
    takes_s = composition._DRAIN_S + 2 * dispatch._EXIT_S + composition._DELIVERY_S
    assert takes_s < server.CLOSE_S
