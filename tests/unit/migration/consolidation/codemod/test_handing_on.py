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
            ("make = partial(ExecutionEngine, r, b)\nuse(make)", "is passed on"),
            ("make = partial(ExecutionEngine, r, b)\nmake()", "called with other values"),
            ("make = partial(ExecutionEngine, r, b)\nmake(user=r)", "called with other values"),
            ("make = partial(ExecutionEngine, r, bridge=b)", "passed by keyword"),
            ("make = partial(ExecutionEngine, r, b, r)", "no required argument"),
            ("make = partial(ExecutionEngine, r(), b)", "passed by keyword"),
            ("make = partial(ExecutionEngine, r, b)\nmake = 1", "not assigned to one variable"),
            ("b = 1\nmake = partial(ExecutionEngine, r, b)", "may have another value when the result is called"),
            ("def f():\n    make = partial(ExecutionEngine, r, b)\n    return make", "not assigned to one variable"),
            ("make = partial(ExecutionEngine, r, b)\nuser = make(r)\nuser.send_thinking(1, 2)", "no method send_thinking"),
        ],
    )
    def test_what_is_not_certain_is_left_and_told(self, rewrite, text, why):
        done = rewrite(PARTIAL + text + "\n")
        assert done.is_left
        assert any(why in advice for advice in done.advice), done.advice

    @pytest.mark.parametrize(
        "text",
        [
            "from pkg.use import make",
            "from pkg.use import *",
            "import pkg.use\npkg.use.make(1)",
            "from pkg import use",
            "x = import_module('pkg.use')",
        ],
    )
    def test_one_that_another_file_takes_is_left(self, rewrite, text):
        module = f"{PARTIAL}make = partial(ExecutionEngine, r, b)\n"
        assert rewrite(module, {"other.py": f"{text}\nmake = 1\n"}, "pkg/use.py").is_left
        assert not rewrite(module, {"other.py": "from pkg.use import r\nmake = 1\n"}, "pkg/use.py").is_left

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
        assert any("no rule says what this call becomes" in advice for advice in done.advice)


TABLE = f"{IMPORT}from app import r, b\nENGINES = {{'chat': ExecutionEngine, 'other': dict}}\n"
NEW_TABLE = f"{NEW_IMPORT}from app import r, b\nENGINES = {{'chat': UserExecutionEngine, 'other': dict}}\n"


class TestTablesOfClasses:
    def test_a_call_by_a_literal_key_takes_its_new_form_and_so_does_the_method(self, rewrite):
        done = rewrite(TABLE + "async def f(c, u):\n    await ENGINES['chat'](r, b, u).execute_agent(c)\n    ENGINES['other'](a=1)\n")
        call = "ENGINES['chat'](u, AgentFactory(r), Emitter(b, u)).execute_agent(c)"
        assert done.after == f"{NEW_TABLE}async def f(c, u):\n    await {call}\n    ENGINES['other'](a=1)\n"

    @pytest.mark.parametrize(
        "text",
        [
            "ENGINES[key](r, b, 1).execute_agent(2)",
            "ENGINES['chat'](r, b).execute_agent(2)",
            "ENGINES['chat'](r, b, 1).send_thinking(2, 3)",
            "ENGINES['chat'](r, b, 1).execute_agent(2, 3)",
            "engine = ENGINES['chat'](r, b, 1)",
            "made = ENGINES['chat']",
            "use(ENGINES)",
            "for engine in ENGINES.values(): pass",
            "ENGINES['new'] = 1",
            "ENGINES = {}",
        ],
    )
    def test_a_table_of_which_not_every_use_is_such_a_call_is_left(self, rewrite, text):
        assert rewrite(f"{TABLE}{text}\n").is_left

    def test_a_table_that_another_file_takes_is_left(self, rewrite):
        assert rewrite(TABLE, {"other.py": "from use import ENGINES\nENGINES['chat'](1, 2)\n"}).is_left


class TestUnpackedArguments:
    @pytest.mark.parametrize(
        "given",
        [
            "*(r, b, u)",
            "r, *[b, u]",
            "*(r, b), user=u",
            "*(r, b), **{'user': u}",
            "**{'registry': r, 'bridge': b, 'user': u}",
        ],
    )
    def test_literals_are_seen_through(self, rewrite, given):
        done = rewrite(f"{IMPORT}def f(r, b, u):\n    return ExecutionEngine({given}).is_active()\n")
        made = "UserExecutionEngine(u, AgentFactory(r), Emitter(b, u))"
        assert done.after == f"{NEW_IMPORT}def f(r, b, u):\n    return {made}.is_active()\n"

    def test_a_variable_that_only_ever_holds_one_tuple_is_seen_through(self, rewrite):
        done = rewrite(f"{IMPORT}def f(r, b, u):\n    parts = (r, b)\n    return ExecutionEngine(*parts, u).is_active()\n")
        assert "return UserExecutionEngine(u, AgentFactory(r), Emitter(b, u)).is_active()" in done.after

    @pytest.mark.parametrize(
        ("before", "given"),
        [
            ("", "*p"),
            ("parts = [r, b]", "*parts, u"),
            ("parts = (r, b)\n    parts = (b, r)", "*parts, u"),
            ("parts = (r, b)\n    r = 1", "*parts, u"),
            ("parts = (r, b())", "*parts, u"),
            ("parts = (r, *b)", "*parts, u"),
            ("rest = {'user': u}", "r, b, **rest"),
            ("", "r, b, **{k: u}"),
            ("", "r, b, **{**u}"),
            ("", "**{'user': u}, *(r, b)"),
        ],
    )
    def test_anything_else_hides_what_is_given(self, rewrite, before, given):
        done = rewrite(f"{IMPORT}def f(r, b, u, p, k):\n    {before or 'pass'}\n    return ExecutionEngine({given}).is_active()\n")
        assert done.is_left


LOAD = "import importlib\ndef f(r, b, u, k):\n    "


class TestNamesInVariables:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (
                "where = 'shop.legacy'\n    m = importlib.import_module(where)\n    return m.ExecutionEngine(r, b, u).is_active()",
                "where = 'shop.target'\n    m = importlib.import_module(where)\n    return m.UserExecutionEngine(u, {}).is_active()",
            ),
            (
                "m = importlib.import_module('shop.legacy')\n    return getattr(m, 'ExecutionEngine')(r, b, u).is_active()",
                "m = importlib.import_module('shop.target')\n    return getattr(m, 'UserExecutionEngine')(u, {}).is_active()",
            ),
        ],
    )
    def test_a_module_named_in_a_variable_and_a_class_named_to_getattr_are_followed(self, rewrite, old, new):
        done = rewrite(LOAD + old + "\n")
        made = new.format("AgentFactory(r), Emitter(b, u)")
        assert done.after == f"import importlib\nfrom shop.parts import AgentFactory, Emitter\ndef f(r, b, u, k):\n    {made}\n"

    @pytest.mark.parametrize(
        "text",
        [
            f"{LOAD}where = 'shop.legacy'\n    m = importlib.import_module(where)\n    print(where)\n    m.ExecutionEngine(r, b, u)",
            f"{LOAD}where = 'shop.legacy'\n    where = k\n    m = importlib.import_module(where)\n    m.ExecutionEngine(r, b, u)",
            f"{LOAD}m = importlib.import_module('shop.legacy')\n    getattr(m, k)(r, b, u)",
            f"{LOAD}m = importlib.import_module('shop.legacy')\n    getattr(m, 'ExecutionEngine', None)(r, b, u)",
            f"{LOAD}m = importlib.import_module('shop.legacy')\n    getattr(m, 'ExecutionEngine')(r, b)",
            f"{LOAD}m = importlib.import_module('shop.legacy')\n    getattr(m, 'HISTORY')",
            f"WHERE = 'shop.legacy'\n{LOAD}m = importlib.import_module(WHERE)\n    m.ExecutionEngine(r, b, u)",
        ],
    )
    def test_what_is_not_certain_stays_whole(self, rewrite, text):
        assert rewrite(text + "\n").is_left

    def test_getattr_of_an_imported_module_gives_way_to_an_import(self, rewrite):
        done = rewrite("import shop.legacy as old\ndef f(r, b, u):\n    return getattr(old, 'ExecutionEngine')(r, b, u)\n")
        assert done.after == (f"{NEW_IMPORT}def f(r, b, u):\n    return UserExecutionEngine(u, AgentFactory(r), Emitter(b, u))\n")
