"""Strings, comments and docstrings that name an implementation, and what they use it for."""

import pytest

from migration.consolidation.findings.strings import Reference, find_mentions, find_strings


def found(understand, text, path="use.py"):
    understood = understand({path: text})
    return [(item.line, item.use, item.module) for item in find_strings(understood.facts, Reference(understood.names, understood.family))]


def mentions(understand, text, path="use.py"):
    understood = understand({path: text})
    reference = Reference(understood.names, understood.family)
    return [(item.line, item.kind, item.module) for item in find_mentions(understood.facts, reference)]


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("import_module('pkg.engine')", "import"),
        ("for engine in ['pkg.engine']:\n    import_module(engine)", "import"),
        ("engines = ['pkg.engine']\nfor one in engines:\n    for engine in one:\n        import_module(engine)", "import"),
        ("mock.patch('pkg.engine.ExecutionEngine')", "patch"),
        ("patch.object('pkg.engine', 'x')", "patch"),
        ("thing.object('pkg.engine')", "other"),
        ("monkeypatch.setattr('pkg.engine.make_engine', None)", "patch"),
        ("logging.getLogger('pkg.engine')", "logger"),
        ("run('./pkg/engine.py')", "path"),
        ("engine = 'pkg.engine:ExecutionEngine'", "other"),
    ],
)
def test_a_string_is_used_for_what_takes_it(understand, text, use):
    assert [(kind, module) for _, kind, module in found(understand, text)] == [(use, "pkg.engine")]


def test_a_name_that_one_call_takes_twice_is_found_once(understand):
    assert found(understand, "run('pkg.engine', 'pkg.engine')") == [(1, "other", "pkg.engine")]


def test_an_implementation_may_name_itself(understand):
    assert found(understand, "class ExecutionEngine: ...\nname = 'pkg.engine.ExecutionEngine'", path="pkg/engine.py") == []


def test_a_relative_name_starts_from_the_package_that_the_call_gives(understand):
    assert found(understand, "import_module('.engine', 'pkg')") == [(1, "import", "pkg.engine")]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("# from pkg.engine import ExecutionEngine", "commented-import"),
        ("# import os, pkg.engine", "commented-import"),
        ("# from pkg import engine as old, other", "commented-import"),
        ("# see pkg.engine.ExecutionEngine", "comment"),
        ('"""Uses pkg.engine."""', "docstring"),
    ],
)
def test_a_mention_says_whether_it_was_code_once(understand, text, kind):
    assert mentions(understand, text) == [(1, kind, "pkg.engine")]


def test_a_comment_about_something_else_is_not_a_mention(understand):
    assert mentions(understand, "# the engine of a car: elsewhere.engine") == []
