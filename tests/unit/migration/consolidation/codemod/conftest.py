"""A small shop with one engine that stays and two that go, the rules for its calls, and a way to rewrite one file of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from migration.consolidation.codemod.configuration import CodemodConfiguration, load_codemod_configuration
from migration.consolidation.codemod.plan import plan_codemod
from migration.consolidation.codemod.report.values import CodemodPlan
from migration.consolidation.configuration import AuditConfiguration

_SHOP = {
    "shop/__init__.py": "",
    "shop/parts.py": """
        from dataclasses import dataclass
        @dataclass
        class Settings:
            limit: int = 3
        class AgentFactory:
            def __init__(self, registry): ...
        class Emitter:
            def __init__(self, bridge, user): ...
        """,
    "shop/target.py": """
        class UserExecutionEngine:
            LIMIT = 3
            def __init__(self, context, agents, emitter):
                self.context = context
            async def execute_agent(self, context): ...
            async def execute_steps(self, steps, context): ...
            def stats(self): ...
            def is_active(self): ...
            async def cleanup(self): ...
        """,
    "shop/factory.py": """
        from shop.target import UserExecutionEngine
        class ExecutionEngineFactory:
            async def create_for_user(self, context) -> UserExecutionEngine: ...
        """,
    "shop/legacy.py": '''
        """DEPRECATED"""
        from dataclasses import dataclass
        HISTORY = []
        @dataclass
        class Settings:
            limit: int = 3
        @dataclass
        class OtherSettings:
            limit: int
        class ExecutionEngine:
            LIMIT = 10
            def __init__(self, registry, bridge, user=None):
                self.waits = []
            @classmethod
            def _init_from_factory(cls, registry, bridge, user): ...
            async def execute_agent(self, context, user=None): ...
            async def execute_pipeline(self, steps, context, user=None): ...
            async def get_stats(self): ...
            def is_active(self): ...
            async def send_thinking(self, context, text): ...
        def create_scoped_engine(user, registry, bridge) -> ExecutionEngine: ...
        ''',
    "shop/scoped.py": """
        class ScopedExecutionEngine:
            def __init__(self, user, registry, bridge, most=3): ...
            async def execute_agent(self, context, state=None): ...
        """,
    "shop/old.py": '''
        """An old path."""
        from shop.legacy import ExecutionEngine
        __all__ = ["ExecutionEngine"]
        ''',
}

_NEW = "shop.target:UserExecutionEngine({user}, shop.parts:AgentFactory({registry}), shop.parts:Emitter({bridge}, {user}))"
_CALLS = [
    ("shop.legacy:ExecutionEngine(registry, bridge, user@execute_agent)", _NEW),
    ("shop.legacy:ExecutionEngine._init_from_factory(registry, bridge, user)", "await shop.app:FACTORY.create_for_user({user})"),
    ("shop.legacy:create_scoped_engine(user, registry, bridge)", "await shop.app:FACTORY.create_for_user({user})"),
    ("shop.legacy:ExecutionEngine.execute_agent(context, user=...)", "{self}.execute_agent({context})"),
    ("shop.legacy:ExecutionEngine.execute_pipeline(steps, context, user=...)", "{self}.execute_steps({steps}, {context})"),
    ("await shop.legacy:ExecutionEngine.get_stats()", "{self}.stats()"),
    ("shop.scoped:ScopedExecutionEngine(user, registry, bridge, most=3)", _NEW),
    ("shop.scoped:ScopedExecutionEngine.execute_agent(context, state=None)", "{self}.execute_agent({context})"),
]


@dataclass(frozen=True)
class Rewritten:
    """One file before and after, and what was said of it."""

    before: str
    after: str
    advice: tuple[str, ...]
    plan: CodemodPlan

    @property
    def is_left(self) -> bool:
        return self.after == self.before


WriteShop = Callable[[Mapping[str, str | bytes]], Path]


@pytest.fixture
def shop(tmp_path: Path) -> WriteShop:
    """Write the shop with further files; returns its folder."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        for path, content in {**_SHOP, **files}.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else dedent(content).lstrip("\n").encode())
        return tmp_path

    return write


@pytest.fixture
def audit_configuration(tmp_path: Path) -> AuditConfiguration:
    return AuditConfiguration(
        base=str(tmp_path), explicit=True, target="shop.target:UserExecutionEngine", factory="shop.factory:ExecutionEngineFactory"
    )


@pytest.fixture
def codemod_configuration(tmp_path: Path) -> CodemodConfiguration:
    rules = tmp_path / "rules.toml"
    calls = "".join(f"[[tool.netra-migration.codemod.calls]]\nold = '{old}'\nnew = '{new}'\n" for old, new in _CALLS)
    names = "".join(f"'shop.legacy:{name}' = 'shop.parts:Settings'\n" for name in ("Settings", "OtherSettings"))
    rules.write_text(f"{calls}[tool.netra-migration.codemod.names]\n{names}")
    return load_codemod_configuration(tmp_path, rules)


@pytest.fixture
def plan_of(shop, audit_configuration, codemod_configuration) -> Callable[[Mapping[str, str | bytes]], CodemodPlan]:
    """Return the plan of a shop with further files."""
    return lambda files: plan_codemod(shop(files), audit=audit_configuration, codemod=codemod_configuration)


@pytest.fixture
def rewrite(plan_of) -> Callable[..., Rewritten]:
    """Rewrite the file `use.py` of a shop with this text; other files are given by path."""

    def run(text: str, others: Mapping[str, str | bytes] | None = None, path: str = "use.py") -> Rewritten:
        text = dedent(text).lstrip("\n")
        made = plan_of({**(others or {}), path: text})
        after = next((change.after.decode() for change in made.changes if change.path == path), text)
        return Rewritten(text, after, tuple(f"{item.path}:{item.line}: {item.advice}" for item in made.advice), made)

    return run
