"""Tools that agents may call: their definitions, their registry, their implementations."""

# The tools' own engine under the plain name of the others. Kept on purpose: this is how two engines were mistaken for one.
from netra_backend.app.services.unified_tool_registry.execution_engine import ToolExecutionEngine as ExecutionEngine

__all__ = ["ExecutionEngine"]
