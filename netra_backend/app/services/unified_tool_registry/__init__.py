"""Tools that agents may call: their definitions, their registry, their implementations."""

# The tools' own engine, under the same name as the other engines. This is kept on purpose: because of the name, two engines were taken for
# one.
from netra_backend.app.services.unified_tool_registry.execution_engine import ToolExecutionEngine as ExecutionEngine

__all__ = ["ExecutionEngine"]
