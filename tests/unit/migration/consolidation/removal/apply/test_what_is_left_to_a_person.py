"""What a plan does not dare: it is told, and nothing is written."""

import pytest


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("app/main.py", "from app.controls.alpha import ControlAlpha\n\nprint(ControlAlpha())\n", 3),
        ("app/main.py", "from app.controls.alpha import *\n", 1),
        ("app/main.py", "def f(x):\n    from app.controls.alpha import ControlAlpha\n\n    return isinstance(x, (int, ControlAlpha))\n", 4),
        ("app/main.py", "import app.controls.alpha\n\nprint(app.controls.alpha.ControlAlpha)\n", 3),
        ("app/main.py", 'ENGINE = "app.controls.alpha"\n', 1),
        ("app/main.py", "# see OldAlpha\n", 1),
        ("config/a.yaml", "x: 1\nengine: app.engines.old_alpha.OldAlpha\n", 2),
        ("docs/a.md", "See\n`engines/old_alpha.py`.\n", 2),
        ("docs/a.md", "old_alpha.py is the oldest\n", 1),
    ],
    ids=["call", "star", "tuple", "dotted", "string", "comment", "configuration", "path", "file name"],
)
def test_what_still_names_something_that_goes_is_told_with_its_place(removed, path, text, line):
    plan = removed({path: text}, "alpha")
    assert f"{path}:{line}" in plan.left


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("docs/history/a.md", "OldAlpha was the first.\n"),
        ("docs/a.md", "NotOldAlpha, OldAlphabet and other/beta/alpha.py stay, and so does old_beta.py\n"),
        ("app/other.py", "class OldAlpha:\n    pass\n"),
        ("app/newer/old_alpha.py", "# old_alpha.py, newer.old_alpha\n"),
    ],
    ids=["history", "longer names", "another class of that name", "another file of that name"],
)
def test_what_only_looks_like_it_is_not_told(removed, path, text):
    assert removed({path: text}, "alpha").left == []


def test_history_goes_with_the_migration_where_it_tells_of_what_goes(removed):
    files = {"docs/history/a.md": "scaffold-command moved it.\n", "docs/history/b.md": "We use tabs.\n"}
    plan = removed({**files, "docs/a.md": "- [why](history/a.md)\n- [tabs](history/b.md)\n"}, "alpha", "beta", whole=True)
    assert (plan.left, "docs/history/a.md" in plan.deleted, "docs/history/b.md" in plan.deleted) == ([], True, False)
    assert plan.text["docs/a.md"] == "- [tabs](history/b.md)\n"


def test_words_that_nothing_may_say_without_the_migration_are_told(removed):
    assert removed({"Makefile": "go:\n\tscaffold-command\n"}, "alpha", "beta", whole=True).left == ["Makefile:2"]


def test_a_file_that_would_not_parse_afterwards_is_told(removed):
    text = "def f():\n    # goes with: alpha\n    return 1\n    # stays\n"
    plan = removed({"app/main.py": text}, "alpha")
    assert plan.left == ["app/main.py:0"]
