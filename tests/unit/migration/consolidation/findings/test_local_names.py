"""Names that one file gives, each in its own scope."""

import pytest

from migration.consolidation.findings.local_names import LocalNames
from migration.consolidation.reading.facts import Question
from migration.consolidation.reading.reader import read_source

SOURCE = """
import pkg.engine
import pkg.engine as short
from a import *
from b import Engine
from c import Engine

class Outer:
    class Inner_engine: ...

def build_engine():
    from d import local_engine
    from e import *
    engine = Engine()
    engine = other_engine
"""


@pytest.fixture
def names():
    return LocalNames({"a.py": read_source(SOURCE.encode(), "a.py", Question(("ngine",), (), ()))})


@pytest.mark.parametrize(
    ("scope", "name", "modules"),
    [(0, "pkg", [""]), (0, "short", [""]), (0, "Engine", ["b", "c"]), (3, "local_engine", ["d"]), (0, "local_engine", [])],
)
def test_an_import_gives_a_name_in_its_own_scope_and_in_order(names, scope, name, modules):
    assert [statement.module for statement, _ in names.imported("a.py", scope, name)] == modules


@pytest.mark.parametrize(("name", "defined"), [("Outer", True), ("build_engine", True), ("Outer.Inner_engine", False), ("Engine", False)])
def test_only_classes_and_functions_of_the_top_level_are_defined(names, name, defined):
    assert names.defines("a.py", name) is defined


def test_a_class_inside_of_another_has_a_dotted_name(names):
    assert names.class_named("a.py", "Outer.Inner_engine").scope == 1


def test_only_star_imports_of_the_top_level_count(names):
    assert [statement.module for statement in names.stars("a.py")] == ["a"]


def test_the_first_value_of_a_variable_gives_it_its_type(names):
    assert names.bound("a.py", 3, "engine").values == ("Engine()",)
    assert names.bound("a.py", 0, "engine") is None
