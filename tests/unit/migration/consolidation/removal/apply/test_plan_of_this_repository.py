"""The plans for this repository: each surface alone, and all. What they lead to is run by `make prove-removable`."""

import tomllib
from pathlib import Path

import pytest

from migration.consolidation.removal.apply.plan import plan_removal
from migration.consolidation.removal.manifest import load_manifest

ROOT = Path(__file__).parents[6]
MANIFEST = load_manifest(ROOT)
LEGACY_PARTS = "netra_backend/app/agents/supervisor/agent_execution_core.py", "netra_backend/app/agents/supervisor/response_cache.py"


@pytest.mark.parametrize("surface", MANIFEST.surfaces)
def test_one_surface_goes_alone_and_nothing_is_left_to_a_person(surface):
    plan = plan_removal(ROOT, [surface], MANIFEST)
    deleted = {item.path for item in plan.deleted}
    parts = MANIFEST.of(surface)
    others = {
        path for name, other in MANIFEST.surfaces.items() if name != surface for path in (*other.engines, other.adapter, other.ledger)
    }
    assert plan.left == ()
    assert {*parts.engines, parts.adapter, parts.ledger} <= deleted
    assert deleted.isdisjoint(others)
    assert not any(path.startswith(("migration/", "dashboards/", "tests/unit/netra_backend/")) for path in deleted)
    assert (set(LEGACY_PARTS) <= deleted) is (surface == "chat")


def test_with_all_only_the_backend_is_left_and_nothing_to_a_person():
    plan = plan_removal(ROOT, list(MANIFEST.surfaces), MANIFEST, whole=True)
    deleted = {item.path for item in plan.deleted}
    after = {change.path: change.after.decode() for change in plan.edited}
    assert plan.left == ()
    assert {"netra_backend/app/execution/__init__.py", "netra_backend/app/services/runs/legacy.py", "migration/facade.py"} <= deleted
    assert deleted.isdisjoint({"netra_backend/app/serving.py", "netra_backend/app/candidate.py", "tests/integration/test_golden_path.py"})
    assert "from netra_backend.app.serving import compose" in after["netra_backend/app/main.py"]
    assert "netra-migration" not in after["pyproject.toml"]
    assert "project" not in tomllib.loads(after["pyproject.toml"])
    assert "netra-strangler" not in after["netra_backend/pyproject.toml"]
    assert "Makefile" not in after  # what make does for the migration lies in a file that is deleted
