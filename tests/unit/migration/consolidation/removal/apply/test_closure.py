"""Which modules go: those that are named, and those that only these need."""

import pytest

from migration.consolidation.removal.apply.closure import going_modules


@pytest.mark.parametrize(
    ("edges", "going"),
    [
        ({"a": ["b"], "b": []}, {"a", "b"}),
        ({"a": ["b"], "b": [], "x": ["b"]}, {"a"}),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, {"a", "b", "c"}),
        ({"a": ["b"], "b": ["c"], "c": [], "x": ["b"]}, {"a"}),
        ({"a": [], "unused": []}, {"a"}),
        ({"a": ["n"], "n": ["m"], "m": []}, {"a"}),
        ({"a": ["p/__init__.py"], "p/__init__.py": []}, {"a"}),
    ],
    ids=["only user", "another user", "circle", "what stays keeps what it needs", "unused before", "needed by name", "a package"],
)
def test_a_module_goes_with_the_last_one_that_imports_it(edges, going):
    assert set(going_modules(edges, ["a"], {"n"})) == going


def test_a_package_of_which_only_its_init_is_left_goes_too():
    edges = {"p/__init__.py": [], "p/a.py": ["p/b.py"], "p/b.py": []}
    assert set(going_modules(edges, ["p/a.py"], ())) == set(edges)


def test_each_module_has_the_one_that_causes_it():
    assert going_modules({"a": ["b"], "b": ["c"], "c": []}, ["a"], ()) == {"a": "a", "b": "a", "c": "b"}
