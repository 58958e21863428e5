"""A tree of texts as the finders see it: facts of each file, what names mean, and the implementations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from migration.consolidation.configuration import AuditConfiguration
from migration.consolidation.findings.implementations import Family
from migration.consolidation.findings.names import Names
from migration.consolidation.reading.facts import FileFacts, Question
from migration.consolidation.reading.reader import read_source
from migration.consolidation.sources.modules import ModuleNames

_QUESTION = Question(("ngine",), (), ("execute_agent",))
_ENGINES = {
    "pkg/__init__.py": "",
    "pkg/user_engine.py": """
class UserExecutionEngine:
    def __init__(self, context): ...
    async def execute_agent(self, context): ...
    def get_stats(self): ...
    def is_active(self): ...
""",
    "pkg/engine.py": '''
"""DEPRECATED"""

class ExecutionEngine:
    def __init__(self, registry, bridge): ...
    async def execute_agent(self, context, user=None): ...
    @property
    def engine_name(self): ...
    @classmethod
    def engine_of(cls, registry) -> "ExecutionEngine": ...

def make_engine(registry) -> ExecutionEngine: ...
''',
}


@dataclass(frozen=True)
class Understood:
    names: Names
    facts: Mapping[str, FileFacts]
    family: Family


Understand = Callable[[Mapping[str, str]], Understood]


@pytest.fixture
def understand(tmp_path: Path, configuration: AuditConfiguration) -> Understand:
    """Read files next to those of a target and a legacy engine."""

    def read(files: Mapping[str, str]) -> Understood:
        texts = {**_ENGINES, **files}
        facts = {path: read_source(text.encode(), path, _QUESTION) for path, text in texts.items()}
        names = Names(ModuleNames(tmp_path, texts, (".",)), facts)
        return Understood(names, facts, Family(names, facts, configuration, ""))

    return read
