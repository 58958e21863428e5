"""A small code base with one surface whose control nobody uses, and keys to sign with."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from migration.consolidation.configuration import load_configuration
from migration.consolidation.removal.criteria import CRITERIA, Criterion, SurfaceReadiness
from migration.consolidation.removal.digest import digests
from migration.consolidation.removal.manifest import RemovalManifest, load_manifest

PYPROJECT = """
[tool.netra-migration.audit]
target = "pkg.user_engine:UserExecutionEngine"
factory = "pkg.factory:ExecutionEngineFactory"

[tool.netra-migration.removal]
days = 14
max-divergence = 0.02

[tool.netra-migration.removal.surfaces.chat]
engines = ["pkg/engine.py"]
adapter = "pkg/controls/chat.py"
ledger = "ledger/chat.toml"

[tool.netra-migration.removal.surfaces.tools]
engines = ["pkg/tool_engine.py"]
adapter = "pkg/controls/tools.py"
ledger = "ledger/tools.toml"
"""

FILES = {
    "pyproject.toml": PYPROJECT,
    "pkg/__init__.py": "",
    "pkg/user_engine.py": "class UserExecutionEngine:\n    async def execute_agent(self, context): ...\n",
    "pkg/factory.py": "class ExecutionEngineFactory: ...\n",
    "pkg/engine.py": "class ExecutionEngine:\n    async def execute_agent(self, context, user=None): ...\n",
    "pkg/tool_engine.py": "class ToolExecutionEngine:\n    async def execute_tool(self, name): ...\n",
    "pkg/controls/__init__.py": "",
    "pkg/controls/chat.py": "from pkg.engine import ExecutionEngine\n\nENGINE = ExecutionEngine()\n",
    "pkg/controls/tools.py": "from pkg.tool_engine import ToolExecutionEngine\n\nENGINE = ToolExecutionEngine()\n",
    "tests/test_engine.py": "from pkg.engine import ExecutionEngine\n",
    "ledger/chat.toml": "",
}


@dataclass(frozen=True)
class Tree:
    """A code base in a folder."""

    root: Path

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def append(self, path: str, text: str) -> None:
        self.write(path, (self.root / path).read_text(encoding="utf-8") + text)

    @property
    def manifest(self) -> RemovalManifest:
        return load_manifest(self.root)

    @property
    def configuration(self):
        return load_configuration(self.root)

    def digest(self, surface: str = "chat") -> str:
        return digests(self.root, self.manifest, [surface])[surface]


@pytest.fixture
def tree(tmp_path) -> Tree:
    made = Tree(tmp_path / "project")
    for path, text in FILES.items():
        made.write(path, text)
    return made


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def ready() -> Callable[..., SurfaceReadiness]:
    """Makes a surface of which every criterion is met, but for those that are named."""

    def make(surface: str = "chat", unmet: tuple[str, ...] = ()) -> SurfaceReadiness:
        return SurfaceReadiness.of(surface, [Criterion(name=name, met=name not in unmet, detail="Seen.", evidence={}) for name in CRITERIA])

    return make
