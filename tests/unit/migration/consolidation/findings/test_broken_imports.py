"""Imports of the family that lead nowhere are found; what cannot be known is not judged."""

import pytest

from migration.consolidation.findings.broken_imports import BrokenImportFinder


@pytest.fixture
def broken(understand, configuration):
    def find(text, **more):
        understood = understand({"use.py": text, **{path.replace("__", "/") + ".py": content for path, content in more.items()}})
        finder = BrokenImportFinder(understood.names, understood.facts, understood.family, configuration)
        return [(one.module, one.name, one.guarded, one.form) for one in (*finder.in_statements(), *finder.in_strings())]

    return find


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import pkg.old_execution_engine", ("pkg.old_execution_engine", None, False, "import")),
        ("from pkg.old_execution_engine import x", ("pkg.old_execution_engine", None, False, "import")),
        ("from pkg.engine import FasterExecutionEngine", ("pkg.engine", "FasterExecutionEngine", False, "import")),
        ("from pkg.engine import nothing", ("pkg.engine", "nothing", False, "import")),
        ("try:\n    import pkg.execution_engine\nexcept ImportError: ...", ("pkg.execution_engine", None, True, "import")),
        ("import_module('pkg.old_execution_engine')", ("pkg.old_execution_engine", None, False, "string")),
        ("patch('pkg.engine.GoneExecutionEngine')", ("pkg.engine", "GoneExecutionEngine", False, "string")),
    ],
)
def test_a_name_of_the_family_that_does_not_exist_is_found(broken, text, found):
    assert broken(text) == [found]


@pytest.mark.parametrize(
    "text",
    [
        "from pkg.engine import ExecutionEngine, __name__",
        "import pkg.user_engine",
        "import elsewhere.execution_engine",
        "from pkg import something",
        "run('pkg.old_execution_engine')",
        '"""Was pkg.old_execution_engine once."""',
    ],
    ids=["there", "module", "installed elsewhere", "not of the family", "not imported", "docstring"],
)
def test_what_exists_and_what_is_not_of_the_family_is_not_found(broken, text):
    assert broken(text) == []


@pytest.mark.parametrize(
    "module",
    ["def __getattr__(name): ...\nclass OldExecutionEngine: ...", "from elsewhere import *\nclass OldExecutionEngine: ..."],
    ids=["makes names up", "star of elsewhere"],
)
def test_a_module_whose_names_cannot_be_known_is_not_judged(broken, module):
    assert broken("from shop import FastExecutionEngine", shop=module) == []
