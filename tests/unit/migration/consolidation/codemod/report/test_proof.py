"""A change that does not hold is not offered, and neither is what depends on it."""

import pytest

from migration.consolidation.codemod import plan as planning

USE = "from shop.legacy import ExecutionEngine\nimport os\ndef f(r, b, u):\n    return ExecutionEngine(r, b, u).is_active(), os\n"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"    return", b"    return (", "would not parse"),
        (b"import os\n", b"import re\n", "os would not be defined"),
        (b"from shop.target import", b"from shop.nowhere import", "could not be imported"),
        (b"import UserExecutionEngine", b"import Nobody as UserExecutionEngine", "shop.target.Nobody could not be imported"),
        (b"def f(r, b, u):", b"def f(r, b, u, k=1):", "has nothing to do with the rewrite"),
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
