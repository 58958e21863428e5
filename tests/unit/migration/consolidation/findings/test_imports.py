"""Import statements that reach an implementation, and the other names under which it can be imported."""

import pytest

from migration.consolidation.findings.imports import ImportFinder


def finder(understand, files):
    understood = understand(files)
    return ImportFinder(understood.names, understood.facts, understood.family)


@pytest.mark.parametrize(
    ("text", "form", "module", "targets"),
    [
        ("import pkg.engine", "import", "pkg.engine", ["pkg.engine"]),
        ("from pkg.engine import ExecutionEngine as Old, os", "from", "pkg.engine", ["pkg.engine:ExecutionEngine", None]),
        ("from pkg import engine", "from", "pkg", ["pkg.engine"]),
        ("from pkg.engine import *", "star", "pkg.engine", ["pkg.engine:ExecutionEngine", "pkg.engine:make_engine"]),
        ("def f():\n    from pkg.engine import make_engine", "from", "pkg.engine", ["pkg.engine:make_engine"]),
    ],
)
def test_a_statement_is_found_with_what_each_of_its_names_leads_to(understand, text, form, module, targets):
    [found] = [one for one in finder(understand, {"use.py": text}).imports() if one.path == "use.py"]
    assert (found.form, found.module, [name.target for name in found.names]) == (form, module, targets)
    assert found.reaches == ("pkg.engine",)


@pytest.mark.parametrize("text", ["import os", "from pkg import other_engine", "from elsewhere.engine import ExecutionEngine"])
def test_a_statement_that_reaches_no_implementation_is_not_found(understand, text):
    assert [one for one in finder(understand, {"use.py": text}).imports() if one.path == "use.py"] == []


def test_an_implementation_that_imports_itself_is_no_user_of_itself(understand):
    text = "from pkg.engine import make_engine\nclass ExecutionEngine: ..."
    assert list(finder(understand, {"pkg/engine.py": text}).imports()) == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("from pkg.engine import ExecutionEngine", "ExecutionEngine"),
        ("from pkg.engine import ExecutionEngine as Old", "Old"),
        ("import pkg.engine\nOld = pkg.engine.ExecutionEngine", "Old"),
    ],
)
def test_a_module_that_passes_a_class_on_exports_it(understand, module, name):
    exports = [(one.module, one.name, one.target) for one in finder(understand, {"shop.py": module}).exports()]
    assert exports == [("shop", name, "pkg.engine:ExecutionEngine")]


def test_a_star_import_of_the_top_level_exports_each_public_name(understand):
    exports = {one.name for one in finder(understand, {"shop.py": "from pkg.engine import *"}).exports()}
    assert exports == {"ExecutionEngine", "make_engine"}
