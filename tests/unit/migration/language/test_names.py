"""The names in the code: control's things and candidate's are named after them, and a class has a name of its own."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .prose import ROOT

FOLDERS = ("migration/comparison", "tests/unit/migration/comparison")
#: names that leave open which of the two engines is meant
SIDELESS = {"ours", "theirs", "a", "b"}
#: read line by line, because parsing all files takes seconds
_CLASS = re.compile(r"\s*class ([A-Za-z]\w*)[(:]")


def bound(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield the names of parameters, variables, fields and attributes that are set, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr.strip("_"), node.lineno


def parsed(folder: str) -> list[tuple[Path, ast.Module]]:
    return [(path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))) for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("folder", FOLDERS)
def test_things_of_the_two_engines_are_named_after_control_and_candidate(folder: str) -> None:
    files = parsed(folder)
    assert len(files) > 10
    found = [f"{path}:{line}: {name}" for path, tree in files for name, line in bound(tree) if name in SIDELESS]
    assert found == [], "say control or candidate"


def test_no_class_of_the_migration_has_the_name_of_another_one() -> None:
    places: dict[str, list[str]] = {}
    for path in sorted((ROOT / "migration").rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if found := _CLASS.match(line):
                places.setdefault(found[1], []).append(f"{path.relative_to(ROOT)}:{number}")
    assert len(places) > 300
    assert {name: where for name, where in places.items() if len(where) > 1} == {}, "one name, one meaning"
