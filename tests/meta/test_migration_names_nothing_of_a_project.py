"""`migration/` works for any project: it names no event, tool, surface or module of the one that it lies beside."""

import ast
from pathlib import Path
from typing import get_args

import pytest

from migration.project import read_project
from netra_backend.app.services.unified_tool_registry.catalogue import default_registry
from netra_backend.app.websocket.events import EventType

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "migration").rglob("*.py"))
SURFACES = set(read_project(ROOT / "pyproject.toml").surfaces)
THEIRS = {*get_args(EventType), "run_result", *default_registry().names, *SURFACES}
#: `tools` is a word of the OpenAI chat format, of which recordings are made, and what any surface calls its tools.
THEIRS.discard("tools")
#: GenAI's conventions call an operation so.
OWN = {("migration/recordings/genai.py", "chat"), ("migration/telemetry/spans.py", "chat")}


def words(tree):
    """Yield whole texts and identifiers; texts that somebody reads, docstrings and messages, are longer than one word."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        for name in ("id", "arg", "attr", "name", "asname"):
            if isinstance(word := getattr(node, name, None), str):
                yield word


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT / "migration")))
def test_no_text_and_no_identifier_is_a_name_of_the_project(file):
    path = str(file.relative_to(ROOT))
    found = {word for word in words(ast.parse(file.read_text())) if word in THEIRS or word.startswith("netra_backend")}
    assert {word for word in found if (path, word) not in OWN} == set()


def test_there_is_something_to_look_for():
    assert {"agent_started", "agent_death", "chat", "oneshot", "batch", "usage_summary", "save_action_plan", "run_result"} <= THEIRS
    assert len(FILES) > 300
