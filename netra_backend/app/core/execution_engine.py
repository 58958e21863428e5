"""The legacy `ExecutionEngine` under an old path. Import `UserExecutionEngine` instead."""

import warnings

from netra_backend.app.agents.supervisor.execution_engine import ExecutionEngine

warnings.warn(
    "netra_backend.app.core.execution_engine is the old path of a deprecated engine; use UserExecutionEngine",
    DeprecationWarning,
    stacklevel=2,
)

__all__ = ["ExecutionEngine"]
