"""Names that a file uses and binds."""

import ast

import pytest

from migration.consolidation.removal.apply.used_names import bound_names, is_fixture, is_test, target_names, used_names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a = b.c", {"b"}),
        ("del a", {"a"}),
        ("def f(fixture): ...", {"fixture"}),
        ("x: 'list[A | B]'", {"list", "A", "B"}),
        ("@usefixtures('one', 'other')\ndef f(): ...", {"usefixtures", "one", "other"}),
        ('"""A docstring."""', set()),
        ("x = 'a sentence, with: marks!'", set()),
    ],
)
def test_a_name_is_used_where_it_is_read_or_may_be_meant_by_a_string(text, names):
    assert used_names(ast.parse(text)) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import a.b, c as d", {"a", "d"}),
        ("from a import b as c", {"c"}),
        ("if x:\n    a = 1\nelse:\n    b, c = 1, 2", {"a", "b", "c"}),
        ("try:\n    import a\nexcept ImportError:\n    a = None\nfinally:\n    b: int = 1", {"a", "b"}),
        ("class A:\n    b = 1\ndef f():\n    c = 1", {"A", "f"}),
    ],
)
def test_the_top_level_binds_names_also_inside_of_blocks(text, names):
    assert bound_names(ast.parse(text)) == names


def test_what_is_cut_neither_uses_nor_binds():
    module = ast.parse("import a\nb = c")
    assert (used_names(module, module.body[1:]), bound_names(module, module.body[:1])) == (set(), {"b"})


@pytest.mark.parametrize(
    ("text", "fixture", "test"),
    [
        ("@pytest.fixture(scope='module')\ndef f(): ...", True, False),
        ("async def test_a(): ...", False, True),
        ("class TestA: ...", False, True),
        ("@cache\ndef f(): ...", False, False),
        ("class Testing: ...", False, True),
        ("test_a = 1", False, False),
    ],
)
def test_fixtures_and_tests_are_known_as_pytest_knows_them(text, fixture, test):
    [node] = ast.parse(text).body
    assert (is_fixture(node), is_test(node)) == (fixture, test)


def test_only_an_assignment_has_targets():
    names = [list(target_names(statement)) for statement in ast.parse("a = b = c\nd: int = 1\ne(f)").body]
    assert names == [["a", "b"], ["d"], []]
