"""The statements of a file: where imports stand, what the top level binds, what classes say."""

import ast

import pytest

from migration.consolidation.reading.lines import Lines
from migration.consolidation.reading.outline import base_names, read_outline, top_level_aliases


def outline(text, lines=None):
    return read_outline(ast.parse(text), None if lines is None else Lines(lines), may_warn=True)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("import a", ()),
        ("def f():\n    import a", ("function",)),
        ("class A:\n    def f(self):\n        import a", ("class", "function")),
        ("if x:\n    import a", ("if",)),
        ("if typing.TYPE_CHECKING:\n    import a", ("type-checking",)),
        ("if TYPE_CHECKING: ...\nelse:\n    import a", ("if",)),
        ("try:\n    import a\nexcept ImportError: ...", ("try",)),
        ("try: ...\nexcept ImportError:\n    import a", ("except",)),
        ("with x:\n    import a", ()),
        ("match x:\n    case 1:\n        import a", ()),
    ],
)
def test_an_import_says_what_surrounds_it(text, where):
    assert [statement.where for statement in outline(text).imports] == [where]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a = b = 1", ["a", "b"]),
        ("a, (b, *c) = x", ["a", "b", "c"]),
        ("a: int = 1\nb: int", ["a"]),
        ("for a, b in x: ...", ["a", "b"]),
        ("with x as a, y: ...", ["a"]),
        ("def a():\n    b = 1", ["a"]),
        ("class A:\n    b = 1", ["A"]),
        ("if x:\n    a = 1\nelse:\n    b = 2", ["a", "b"]),
    ],
)
def test_the_top_level_binds_names_by_definition_and_by_value(text, names):
    assert outline(text).definitions == names


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("x = 1", None),
        ("__all__ = ['a', 'b']", ("a", "b")),
        ("__all__ = ('a',)\n__all__ += ['b']", ("a", "b")),
        ("__all__ = ['a']\n__all__ = ['b']", ("b",)),
        ("__all__ = make()", None),
    ],
)
def test_public_names_are_those_that_all_gives_literally(text, public):
    assert outline(text).public_names == public


def test_an_alias_is_a_dotted_name_without_a_call():
    text = "a = b.c\nd = e()\nif x:\n    f = g\n"
    assert [(alias.name, alias.value) for alias in outline(text).aliases] == [("a", "b.c"), ("f", "g")]
    assert list(top_level_aliases(ast.parse(text).body)) == [("a", "b.c"), ("f", "g")]


@pytest.mark.parametrize(
    ("head", "body", "generated", "deprecated"),
    [
        ("class A:", "pass", False, False),
        ("@dataclass\nclass A:", "pass", True, False),
        ("@attrs.define(slots=True)\nclass A:", "pass", True, False),
        ("class A(NamedTuple):", "pass", True, False),
        ("class A:", '"""Deprecated: use B."""', False, True),
        ("@deprecated('use B')\nclass A:", "pass", False, True),
        ("class A:", "def __init__(self): warn('x', DeprecationWarning)", False, True),
        ("class A:", "def run(self): warn('x', DeprecationWarning)", False, False),
    ],
)
def test_a_class_says_who_writes_its_constructor_and_whether_it_is_deprecated(head, body, generated, deprecated):
    [item] = outline(f"{head}\n    {body}\n").classes
    assert (item.generated_init, item.deprecated) == (generated, deprecated)


def test_scopes_are_numbered_as_they_begin_and_know_the_one_around():
    scopes = outline("class A:\n    def f(self):\n        def g(): ...\ndef h(x): ...").scopes
    assert [(scope.name, scope.parent, scope.self_name) for scope in scopes] == [
        ("", -1, ""),
        ("A", 0, ""),
        ("A.f", 1, "self"),
        ("A.f.g", 2, ""),
        ("h", 0, ""),
    ]


def test_of_a_function_without_a_line_that_matters_only_what_it_returns_is_kept():
    leaves = outline("def f():\n    a = 1\n    if a:\n        return b\n    return c\nd = 1", lines=[6]).leaves
    assert [(leaf.first, leaf.only_result) for leaf in leaves] == [(4, True), (5, True), (6, False)]


def test_bases_are_named_without_their_type_arguments():
    [node] = ast.parse("class A(b.C, Generic[T], x or y, metaclass=M): ...").body
    assert list(base_names(node)) == ["b.C", "Generic"]
