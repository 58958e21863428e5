"""Ways in which a class gets to its calls without its name: `partial`, tables for `__getattr__`, counterparts by configuration."""

import pytest

IMPORT = "from shop.legacy import ExecutionEngine\n"
PARTIAL = f"from functools import partial\n{IMPORT}from app import r, b\n"
NEW_IMPORT = "from shop.target import UserExecutionEngine\nfrom shop.parts import AgentFactory, Emitter\n"
NEW_PARTIAL = f"from functools import partial\n{NEW_IMPORT}from app import r, b\n"
LAZY = """
import importlib
_WHERE = {
    "Engine": ("shop.legacy", "ExecutionEngine"),  # old
    "Settings": ("shop.legacy", "Settings"),
}
def __getattr__(name):
    module, attribute = _WHERE[name]
    return getattr(importlib.import_module(module), attribute)
"""


class TestPartial:
    def test_it_becomes_a_lambda_and_calls_of_what_it_makes_take_their_new_form(self, rewrite):
        done = rewrite(f"{PARTIAL}make = partial(ExecutionEngine, r, b)\nasync def f(c, u):\n    await make(u).execute_agent(c, u)\n")
        assert done.after == (
            f"{NEW_PARTIAL}make = lambda user: UserExecutionEngine(user, AgentFactory(r), Emitter(b, user))\n"
            "async def f(c, u):\n    await make(u).execute_agent(c)\n"
        )

    def test_all_that_is_missing_is_taken_in_the_old_order(self, rewrite):
        done = rewrite(f"{PARTIAL}make = partial(ExecutionEngine, r)\nasync def f(u):\n    make(b, u)\n")
        assert "make = lambda bridge, user: UserExecutionEngine(user, AgentFactory(r), Emitter(bridge, user))" in done.after

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("make = partial(ExecutionEngine, r, b)\nuse(make)", "is handed on"),
            ("make = partial(ExecutionEngine, r, b)\nmake()", "given other arguments"),
            ("make = partial(ExecutionEngine, r, b)\nmake(user=r)", "given other arguments"),
            ("make = partial(ExecutionEngine, r, bridge=b)", "by its place"),
            ("make = partial(ExecutionEngine, r, b, r)", "leaves nothing"),
            ("make = partial(ExecutionEngine, r(), b)", "by its place"),
            ("make = partial(ExecutionEngine, r, b)\nmake = 1", "not simply kept"),
            ("b = 1\nmake = partial(ExecutionEngine, r, b)", "may be something else when it is called"),
            ("def f():\n    make = partial(ExecutionEngine, r, b)\n    return make", "not simply kept"),
            ("make = partial(ExecutionEngine, r, b)\nuser = make(r)\nuser.send_thinking(1, 2)", "no method send_thinking"),
        ],
    )
    def test_what_is_not_certain_is_left_and_told(self, rewrite, text, why):
        done = rewrite(PARTIAL + text + "\n")
        assert done.is_left
        assert any(why in advice for advice in done.advice), done.advice

    @pytest.mark.parametrize("text", ["from use import make", "from use import *", "import use\nuse.make(1)"])
    def test_one_that_another_file_takes_is_left(self, rewrite, text):
        done = rewrite(f"{PARTIAL}make = partial(ExecutionEngine, r, b)\n", {"other.py": f"{text}\nExecutionEngine = None\n"})
        assert done.is_left

    def test_another_function_of_that_name_is_no_partial(self, rewrite):
        done = rewrite(PARTIAL.replace("functools", "app") + "make = partial(ExecutionEngine, r, b)\n")
        assert done.is_left


class TestTablesOfNames:
    def test_an_entry_gets_the_name_and_the_place_of_what_stays(self, plan_of):
        made = plan_of({"lazy.py": LAZY, "use.py": "from lazy import Engine\ndef f(r, b, u):\n    return Engine(r, b, u)\n"})
        after = {change.path: change.after.decode() for change in made.changes}
        assert '"UserExecutionEngine": ("shop.target", "UserExecutionEngine"),  # old' in after["lazy.py"]
        assert '"Settings": ("shop.parts", "Settings"),' in after["lazy.py"]
        assert after["use.py"].startswith(NEW_IMPORT)

    def test_the_table_stays_while_somebody_has_to_take_the_old_class_from_it(self, plan_of):
        made = plan_of({"lazy.py": LAZY, "use.py": "from lazy import Engine\nmade = Engine(1, 2)\n"})
        assert made.changes == ()
        assert any(item.path == "lazy.py" and "use.py:1 still takes a name from here" in item.advice for item in made.advice)

    def test_an_entry_that_would_stand_there_twice_is_left(self, plan_of):
        text = LAZY.replace('    "Settings"', '    "UserExecutionEngine": ("shop.target", "UserExecutionEngine"),\n    "Settings"')
        made = plan_of({"lazy.py": text})
        assert made.changes == ()
        assert any("has a UserExecutionEngine already" in item.advice for item in made.advice)


class TestCounterparts:
    def test_a_class_that_is_made_like_its_counterpart_keeps_its_arguments(self, rewrite):
        done = rewrite("from shop.legacy import Settings\nmine = Settings(limit=4)\n")
        assert done.after == "from shop.parts import Settings\nmine = Settings(limit=4)\n"

    def test_one_that_takes_other_arguments_is_left(self, rewrite):
        done = rewrite("from shop.legacy import OtherSettings\nmine = OtherSettings(4)\n")
        assert done.is_left
        assert any("no rule says what becomes of this call" in advice for advice in done.advice)
