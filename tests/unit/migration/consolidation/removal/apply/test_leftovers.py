"""Names of what went that are still said somewhere."""

import pytest

from migration.consolidation.removal.apply.leftovers import find_leftovers, names_of

BEFORE = {
    "pkg/old.py": b"class OldEngine: ...\nclass Shared: ...\nclass _Own: ...\n",
    "pkg/new.py": b"class Shared: ...\n",
    "docs/old.md": b"",
}
NAMES = names_of(["pkg/old.py"], BEFORE, ["pkg/old.py"])


def found(text, path="a.md", words=()):
    return [(left.line, left.advice.split("`")[1]) for left in find_leftovers({path: text.encode()}, NAMES, words)]


def test_names_are_places_and_classes_that_nothing_else_has():
    assert set(NAMES) == {"pkg/old.py", "old.py", "pkg.old", "OldEngine"}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("See pkg/old.py.\n", [(1, "pkg/old.py")]),
        ("one\nimport pkg.old\n", [(2, "pkg.old")]),
        ("OldEngine, OldEngine\nOldEngine", [(1, "OldEngine"), (2, "OldEngine")]),
        ("MyOldEngine OldEngines older.py other/old.py", []),
        ("\0OldEngine", []),
    ],
)
def test_a_line_that_says_a_name_is_found_once(text, left):
    assert found(text) == left


@pytest.mark.parametrize(("text", "left"), [("NETRA_X=1", [(1, "NETRA_")]), ("MY_NETRA_X=1", [])])
def test_a_word_that_ends_in_a_mark_may_go_on_but_not_begin_earlier(text, left):
    assert found(text, words=["NETRA_"]) == left


def test_without_names_nothing_is_looked_for():
    assert list(find_leftovers({"a": b"OldEngine"}, {}, ())) == []
