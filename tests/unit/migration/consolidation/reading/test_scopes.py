"""Names are resolved by binding, exactly as CPython does it; `tests/nightly/test_scopes_of_real_files.py` compares 5,000 files."""

import ast
from textwrap import dedent

import pytest

from migration.consolidation.reading.facts import Question
from migration.consolidation.reading.reader import read_source
from migration.consolidation.reading.scopes import Scopes
from tests.migration.compiled_names import differences, real_files


def test_the_compiler_resolves_the_names_of_real_files_in_the_same_way():
    compared = 0
    for path, data in real_files(40, seed=7):
        count, wrong = differences(data)
        compared += count
        assert wrong == [], path
    assert compared > 3000


@pytest.mark.parametrize(
    ("binding", "kinds"),
    [
        ("def f(X):\n    return X", ["parameter"]),
        ("def f(*X):\n    return X", ["parameter"]),
        ("def f(r):\n    X = r\n    return X", ["name"]),
        ("def f(r):\n    return X\n    X = r", ["name"]),
        ("def f(r):\n    for X in r: pass\n    return X", ["name"]),
        ("def f(r):\n    with r as X: pass\n    return X", ["name"]),
        ("def f(r):\n    import a as X\n    return X", ["import"]),
        ("def f(r):\n    def X(): pass\n    return X", ["definition"]),
        ("def f(r):\n    try: pass\n    except r as X: return X", ["other"]),
        ("def f(r):\n    match r:\n        case [X]: return X", ["other"]),
        ("def f(r):\n    match r:\n        case {**X}: return X", ["other"]),
        ("def f(r):\n    del X\n    return X", ["delete"]),
        ("def f(r):\n    [X := i for i in r]\n    return X", ["name"]),
        ("def f(r):\n    return [X for X in r]", ["name"]),
        ("def f(r):\n    return lambda X: X", ["parameter"]),
        ("def f(r):\n    X = 1\n    def g():\n        nonlocal X\n        X = 2\n        return X", ["name", "name"]),
        ("def f(r):\n    return [i for i in X]", ["import"]),
        ("class C:\n    X = 1\n    def f(self):\n        return X", ["import"]),
        ("class C:\n    X = X\n    Y = X", ["name", "import"]),
        ("def f():\n    global X\n    X = 1\n    return X", ["import", "name"]),
    ],
)
def test_a_scope_that_binds_a_name_hides_the_outer_one(binding, kinds):
    text = f"from a import X\n{binding}\n"
    tree = ast.parse(text)
    scopes = Scopes(tree, text)
    read = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "X" and isinstance(node.ctx, ast.Load)]
    last = max(read, key=lambda node: (node.lineno, node.col_offset))
    table = scopes.at(last.lineno, last.col_offset)
    assert [site.kind for site in scopes.sites(table, "X")] == kinds


def test_several_scopes_on_one_line_are_told_apart():
    text = "x = [lambda a, d=(lambda b: b): a, [c for c in [e for e in (lambda g: g)]], {k: (lambda h: h) for k in {m for m in ()}}]\n"
    tree = ast.parse(text)
    scopes = Scopes(tree, text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id != "x":
            assert scopes.owner(scopes.at(node.lineno, node.col_offset), node.id) is not scopes.module


def test_facts_say_what_each_scope_hides():
    text = """
        from shop.legacy import Engine
        def f(Engine):
            def g():
                nonlocal Engine
                Engine = 1
        def h():
            global Engine
            Engine = 2
    """
    facts = read_source(dedent(text).encode(), "m.py", Question(("Engine",), (), ()))
    by_name = {scope.name: scope for scope in facts.scopes}
    assert (by_name["f"].hides, by_name["f"].parameters) == (("Engine",), ("Engine",))
    assert by_name["f.g"].from_function == ("Engine",)
    assert by_name["h"].from_module == ("Engine",)


def test_an_annotation_that_is_never_evaluated_has_no_scopes():
    text = "from __future__ import annotations\nx: A[lambda y: y] = [y for y in z]\n"
    scopes = Scopes(ast.parse(text), text)
    assert sorted(scopes.module.sites) == ["annotations", "x"]
