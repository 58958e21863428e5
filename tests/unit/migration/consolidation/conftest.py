"""Trees to audit: the fixture project, with the table that was made for it by hand, and small ones written by a test."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from migration.consolidation.auditing import audit
from migration.consolidation.configuration import AuditConfiguration
from migration.consolidation.inventory import Inventory

_FIXTURES = Path(__file__).parents[3] / "migration" / "fixtures" / "consolidation"

_TARGET = """
class UserExecutionEngine:
    def __init__(self, context): ...
    async def execute_agent(self, context): ...
    async def execute_tool(self, tool_name, parameters): ...
    def get_stats(self): ...
    def is_active(self): ...
    async def cleanup(self): ...
"""

_LEGACY = '''
"""DEPRECATED"""

class ExecutionEngine:
    def __init__(self, registry, bridge, user=None): ...
    async def execute_agent(self, context, user=None): ...
'''

WriteTree = Callable[[Mapping[str, str | bytes]], Path]
AuditTree = Callable[[Mapping[str, str | bytes]], Inventory]


@pytest.fixture(scope="session")
def project() -> Path:
    return _FIXTURES / "project"


@pytest.fixture(scope="session")
def expected() -> dict[str, Any]:
    return tomllib.loads((_FIXTURES / "expected.toml").read_text())


@pytest.fixture(scope="session")
def inventory(project: Path) -> Inventory:
    return audit(project)


@pytest.fixture
def configuration(tmp_path: Path) -> AuditConfiguration:
    """Of a tree with a package `pkg`, its target in `pkg/user_engine.py`."""
    return AuditConfiguration(
        base=str(tmp_path), explicit=False, target="pkg.user_engine:UserExecutionEngine", factory="pkg.factory:ExecutionEngineFactory"
    )


@pytest.fixture
def write_tree(tmp_path: Path) -> WriteTree:
    """Write files into a folder that has a target and a legacy engine, `pkg/engine.py`, already."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        for path, content in {"pkg/__init__.py": "", "pkg/user_engine.py": _TARGET, "pkg/engine.py": _LEGACY, **files}.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path

    return write


@pytest.fixture
def audit_tree(write_tree: WriteTree, configuration: AuditConfiguration) -> AuditTree:
    return lambda files: audit(write_tree(files), configuration=configuration)
