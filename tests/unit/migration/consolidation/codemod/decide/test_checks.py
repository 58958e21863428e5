"""The class of an object is asked for anew only if the object is known, or comes from a caller while no old object is made."""

import pytest

IMPORT = "from shop.legacy import ExecutionEngine\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("isinstance(x, ExecutionEngine)", "isinstance(x, UserExecutionEngine)"),
        ("isinstance(x, ExecutionEngine | int)", "isinstance(x, UserExecutionEngine | int)"),
        ("type(x) is ExecutionEngine", "type(x) is UserExecutionEngine"),
        ("ExecutionEngine == type(x)", "UserExecutionEngine == type(x)"),
    ],
)
def test_a_parameter_may_be_asked_about(rewrite, old, new):
    done = rewrite(f"{IMPORT}def f(x):\n    return {old}\n")
    assert done.after == f"from shop.target import UserExecutionEngine\ndef f(x):\n    return {new}\n"


@pytest.mark.parametrize(
    "text",
    [
        "def f(m): return isinstance(m.engine, ExecutionEngine)",
        "def f(m): return isinstance(m(), ExecutionEngine)",
        "def f(m):\n    x = m()\n    return isinstance(x, ExecutionEngine)",
        "def f(m):\n    for x in m:\n        return isinstance(x, ExecutionEngine)",
        "def test_it(x): assert isinstance(x, ExecutionEngine)",
        "def f(x):\n    match x:\n        case ExecutionEngine(waits=w): return w",
    ],
)
def test_an_object_that_may_stay_an_old_one_may_not(rewrite, text):
    done = rewrite(f"{IMPORT}{text}\n")
    assert done.is_left
    assert done.advice


def test_nothing_is_asked_anew_while_old_objects_are_made_anywhere(plan_of):
    plan = plan_of(
        {
            "old.py": f"{IMPORT}e = ExecutionEngine(r, b)\n",
            "use.py": f"{IMPORT}def f(x):\n    return isinstance(x, ExecutionEngine)\n",
        }
    )
    assert plan.changes == ()
    assert any(item.path == "use.py" and "old instance of old.py:2 may get here" in item.advice for item in plan.advice)
