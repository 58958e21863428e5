"""The audit of this repository, which is its reason."""

from pathlib import Path

from migration.consolidation.auditing import audit

SUPERVISOR = "netra_backend/app/agents/supervisor"
SEVEN = {
    f"{SUPERVISOR}/user_execution_engine.py": ("target", "UserExecutionEngine"),
    f"{SUPERVISOR}/execution_engine_factory.py": ("factory", "ExecutionEngineFactory"),
    f"{SUPERVISOR}/execution_engine.py": ("deprecated", "ExecutionEngine"),
    "netra_backend/app/agents/execution_engine_consolidated.py": ("duplicate", "ExecutionEngine"),
    f"{SUPERVISOR}/request_scoped_execution_engine.py": ("duplicate", "RequestScopedExecutionEngine"),
    "netra_backend/app/services/unified_tool_registry/execution_engine.py": ("duplicate", "ToolExecutionEngine"),
    "netra_backend/app/core/execution_engine.py": ("re-export", "ExecutionEngine"),
}


def test_it_lists_exactly_the_seven_with_their_roles():
    inventory = audit(Path(__file__).parents[4])
    assert {item.path: (item.role, item.name) for item in inventory.implementations} == SEVEN
    assert inventory.problems == ()
    assert inventory.broken_imports == ()
