"""A change that does not hold is not offered, and neither is what depends on it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migration.consolidation.codemod import plan as planning
from migration.consolidation.codemod.report import proof
from migration.consolidation.codemod.report.applying import as_diff
from migration.consolidation.codemod.report.patching import applied
from migration.consolidation.codemod.report.values import CodemodChange

LINES = [b"x\n", b"y\n", b"\x0c\n", b"z\r\n", b"a\rb\n", b"\xe2\x80\xa8\n", b"K\xf6ln\n", b"\n", b"end", b"\xef\xbb\xbfx\n"]

USE = "from shop.legacy import ExecutionEngine\nimport os\ndef f(r, b, u):\n    return ExecutionEngine(r, b, u).is_active(), os\n"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"    return", b"    return (", "would not parse"),
        (b"import os\n", b"import re\n", "os would not be defined"),
        (b"from shop.target import", b"from shop.nowhere import", "could not be imported"),
        (b"import UserExecutionEngine", b"import Nobody as UserExecutionEngine", "shop.target.Nobody could not be imported"),
        (b"def f(r, b, u):", b"def f(r, b, u, k=1):", "has nothing to do with the rewrite"),
        (b"import os\n", b"import os\nimport shop.legacy\n", "a second run would change the file again"),
    ],
)
def test_a_file_that_fails_a_check_stays_with_the_reason(plan_of, monkeypatch, old, new, why):
    apply = planning.apply_edits
    monkeypatch.setattr(planning, "apply_edits", lambda text, edits: apply(text, edits).replace(old, new))
    plan = plan_of({"use.py": USE})
    assert plan.changes == ()
    assert any(why in item.advice for item in plan.advice), plan.advice


def test_a_name_that_another_file_still_imports_is_not_taken_away(plan_of, monkeypatch):
    apply = planning.apply_edits
    monkeypatch.setattr(planning, "apply_edits", lambda text, edits: apply(text, edits).replace(b"made =", b"done ="))
    use = "from shop.legacy import ExecutionEngine\nmade = ExecutionEngine(1, 2, 3)\n"
    plan = plan_of({"use.py": use, "far.py": "from use import made\n"})
    assert plan.changes == ()
    assert any("far.py imports a name that would be missing here" in item.advice for item in plan.advice)


def test_sound_changes_are_offered(plan_of):
    assert [change.path for change in plan_of({"use.py": USE, "far.py": "from use import f\n"}).changes] == ["use.py"]


def test_a_diff_that_would_not_make_the_new_file_is_not_offered(plan_of, monkeypatch):
    right = proof.as_diff
    monkeypatch.setattr(proof, "as_diff", lambda change: right(change).replace("import os", "import  os"))
    plan = plan_of({"use.py": USE})
    assert plan.changes == ()
    assert any("the diff would not make the new file" in item.advice for item in plan.advice)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(LINES), max_size=8), st.lists(st.sampled_from(LINES), max_size=8))
def test_a_diff_makes_the_new_file_of_the_old_one_whatever_the_lines_are_like(before, after):
    old, new = b"".join(before), b"".join(after)
    change = CodemodChange(path="use.py", before=old, after=new, modules=(), lines=frozenset())
    if old != new:
        assert applied(as_diff(change).encode(errors="surrogateescape"), old) == new


@pytest.mark.parametrize("diff", [b"", b"--- a\n", b"--- a\n+++ b\n@@ -1 +1 @@\n-y\n+z\n", b"--- a\n+++ b\n@@ -1 +1 @@\n?x\n"])
def test_a_diff_that_does_not_fit_is_not_applied(diff):
    assert applied(diff, b"x\n") is None
