import ast

import pytest

from migration.consolidation.reading.facts import CallFact
from migration.consolidation.reading.signatures import misfit, read_function


def _misfit(definition: str, call: str, *, in_class: bool = False) -> str | None:
    function = ast.parse(definition + ": ...").body[0]
    node = ast.parse(call, mode="eval").body
    assert isinstance(function, ast.FunctionDef)
    assert isinstance(node, ast.Call)
    keywords = tuple(keyword.arg for keyword in node.keywords if keyword.arg)
    positional = sum(not isinstance(argument, ast.Starred) for argument in node.args)
    unpacks = len(keywords) < len(node.keywords) or positional < len(node.args)
    fact = CallFact(1, 0, 0, "f", positional, keywords, unpacks)
    return misfit(read_function(function, in_class=in_class).signature, fact)


@pytest.mark.parametrize(
    ("definition", "call", "why"),
    [
        ("def f()", "f()", None),
        ("def f(a, b=1)", "f(1)", None),
        ("def f(a, b)", "f(1)", "misses b"),
        ("def f(a, b, c)", "f()", "misses a, b and c"),
        ("def f(a)", "f(1, 2)", "takes at most 1 positional argument, is given 2"),
        ("def f(a, b=1)", "f(1, 2, 3)", "takes at most 2 positional arguments, is given 3"),
        ("def f(*a)", "f(1, 2, 3)", None),
        ("def f(a)", "f(b=1)", "has no parameter b"),
        ("def f(**a)", "f(b=1)", None),
        ("def f(a)", "f(1, a=2)", "a is given twice"),
        ("def f(*, a)", "f()", "misses a"),
        ("def f(*, a)", "f(1)", "takes at most 0 positional arguments, is given 1"),
        ("def f(a, /)", "f(a=1)", "has no parameter a"),
        ("def f(a, /, **k)", "f(1, a=2)", None),
        ("def f(a, /, **k)", "f(a=1)", "misses a"),
        ("def f(a, b)", "f(*x)", None),
        ("def f(a, b)", "f(**x)", None),
        ("def f(a)", "f(1, 2, *x)", "takes at most 1 positional argument, is given 2"),
    ],
)
def test_a_call_that_python_refuses_is_told_and_why(definition, call, why):
    assert _misfit(definition, call) == why


def test_self_is_not_counted():
    assert _misfit("def f(self, a)", "f(1)", in_class=True) is None


def test_a_static_method_has_no_self():
    assert _misfit("@staticmethod\ndef f(a)", "f(1)", in_class=True) is None
