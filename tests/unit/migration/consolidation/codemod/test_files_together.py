"""What hangs together across files is rewritten together, or not at all."""

HEAD = "from shop.legacy import ExecutionEngine\n"
NEW_HEAD = "from shop.target import UserExecutionEngine\n"
PARTS = "from shop.parts import AgentFactory, Emitter\n"
MADE = "UserExecutionEngine(u, AgentFactory(r), Emitter(b, u))"
EXPORT = (
    "from shop.legacy import ExecutionEngine, create_scoped_engine\n__all__ = ['ExecutionEngine', 'create_scoped_engine', 'x']\nx = 1\n"
)


def changed(plan):
    return {change.path: change.after.decode() for change in plan.changes}


def advised(plan):
    return [f"{item.path}:{item.line}" for item in plan.advice]


def test_an_importer_of_a_re_export_goes_to_the_target_and_the_re_export_follows(plan_of):
    after = changed(
        plan_of({"shop/api/__init__.py": EXPORT, "use.py": "from shop.api import ExecutionEngine, x\ne = ExecutionEngine(r, b, u)\n"})
    )
    assert after["use.py"] == f"from shop.api import x\n{NEW_HEAD}{PARTS}e = {MADE}\n"
    assert after["shop/api/__init__.py"] == f"{NEW_HEAD}__all__ = ['UserExecutionEngine', 'x']\nx = 1\n"


def test_a_re_export_stays_as_long_as_somebody_needs_it(plan_of):
    plan = plan_of(
        {
            "shop/api/__init__.py": EXPORT,
            "use.py": "from shop.api import ExecutionEngine\ne = ExecutionEngine(r, b)\n",
            "other.py": "from shop.api import ExecutionEngine\ne = ExecutionEngine(r, b, u)\n",
        }
    )
    assert sorted(changed(plan)) == ["other.py"]
    assert "use.py:1 still takes a name from here" in next(item.advice for item in plan.advice if item.path == "shop/api/__init__.py")


def test_a_re_export_stays_as_long_as_somebody_uses_it_through_its_module(plan_of):
    plan = plan_of({"shop/api/__init__.py": EXPORT, "use.py": "import shop.api as api\ne = api.ExecutionEngine(r, b)\n"})
    assert changed(plan) == {}


def test_an_alias_that_a_package_offers_is_not_kept_for_a_class_with_another_signature(plan_of):
    after = changed(plan_of({"shop/api/__init__.py": "from shop.legacy import ExecutionEngine as Engine\n__all__ = ['Engine']\n"}))
    assert after["shop/api/__init__.py"] == f"{NEW_HEAD}__all__ = ['UserExecutionEngine']\n"


def test_what_one_file_makes_and_another_uses_without_naming_it_moves_together(plan_of):
    files = {
        "make.py": HEAD + "def build(r, b, u):\n    engine = ExecutionEngine(r, b, u)\n    return engine\n",
        "use.py": "from make import build\nasync def f(c, u):\n    return await build(1, 2, u).execute_agent(c, u)\n",
    }
    after = changed(plan_of(files))
    assert "execute_agent(c)\n" in after["use.py"]
    assert "engine = UserExecutionEngine(" in after["make.py"]


def test_what_one_file_makes_and_another_uses_in_an_uncertain_way_stays_together(plan_of):
    files = {
        "make.py": HEAD + "def build(r, b, u):\n    return ExecutionEngine(r, b, u)\n",
        "use.py": "from make import build\nasync def f(c, u):\n    return await build(1, 2, u).send_thinking(c, u)\n",
    }
    plan = plan_of(files)
    assert changed(plan) == {}
    assert advised(plan) == ["make.py:1", "use.py:3"]


def test_a_call_in_the_old_form_on_something_unknown_keeps_the_file_and_its_neighbours(plan_of):
    files = {
        "make.py": HEAD + "from run import run\ne = ExecutionEngine(r, b, u)\nrun(e)\n",
        "run.py": "async def run(engine, c, u):\n    return await engine.execute_agent(c, u)\n",
        "far.py": HEAD + "e = ExecutionEngine(r, b, u)\n",
    }
    plan = plan_of(files)
    assert sorted(changed(plan)) == ["far.py"]
    assert advised(plan) == ["make.py:1", "run.py:2"]


def test_a_call_in_the_target_s_form_on_something_unknown_says_nothing(plan_of):
    files = {
        "make.py": HEAD + "e = ExecutionEngine(r, b, u)\n",
        "run.py": "async def run(engine, c):\n    return await engine.execute_agent(c)\n",
    }
    plan = plan_of(files)
    assert (sorted(changed(plan)), advised(plan)) == (["make.py"], [])


def test_a_file_that_is_given_engines_waits_until_no_old_one_is_made(plan_of):
    use = HEAD + "async def run(engine: ExecutionEngine, c, u):\n    return await engine.execute_agent({})\n"
    makers = {"old.py": HEAD + "e = ExecutionEngine(r, b)\n", "new.py": HEAD + "e = ExecutionEngine(r, b, u)\n"}
    waiting = plan_of({**makers, "use.py": use.format("c, u")})
    assert sorted(changed(waiting)) == ["new.py"]
    assert "use.py:1" in advised(waiting)
    assert sorted(changed(plan_of({**makers, "use.py": use.format("c")}))) == ["new.py", "use.py"]
    assert sorted(changed(plan_of({"old.py": makers["new.py"], "new.py": makers["new.py"], "use.py": use.format("c, u")}))) == [
        "new.py",
        "old.py",
        "use.py",
    ]


def test_a_fixture_tells_what_the_parameter_of_a_test_is(plan_of):
    files = {
        "tests/conftest.py": "import pytest\n" + HEAD + "@pytest.fixture\ndef engine(r, b, u):\n    yield ExecutionEngine(r, b, u)\n",
        "tests/deep/test_it.py": "async def test_it(engine, c, u):\n    assert await engine.execute_agent(c, u)\n",
    }
    after = changed(plan_of(files))
    assert after["tests/deep/test_it.py"] == "async def test_it(engine, c, u):\n    assert await engine.execute_agent(c)\n"
    assert "yield UserExecutionEngine(" in after["tests/conftest.py"]


def test_a_mock_with_a_specification_counts_as_an_instance(rewrite):
    text = HEAD + "from unittest.mock import AsyncMock\ndef test_it():\n    engine = AsyncMock(spec=ExecutionEngine)\n    engine.{}\n"
    assert "AsyncMock(spec=UserExecutionEngine)" in rewrite(text.format("execute_agent.return_value = 1")).after
    assert rewrite(text.format("execute_agent.assert_called_with(1, 2)")).is_left
    assert rewrite(text.format("execute_pipeline.return_value = 1")).is_left


def test_a_patched_name_follows_the_module_that_it_is_patched_in(plan_of):
    files = {
        "use.py": HEAD + "def f(r, b, u):\n    return ExecutionEngine(r, b, u)\n",
        "tests/test_use.py": """
            from unittest.mock import patch
            @patch('use.ExecutionEngine')
            @patch("shop.legacy.ExecutionEngine.execute_agent")
            def test_it(a, b): ...
            """,
    }
    after = changed(plan_of(files))
    assert "@patch('use.UserExecutionEngine')\n@patch(\"shop.target.UserExecutionEngine.execute_agent\")\n" in after["tests/test_use.py"]


def test_a_patched_name_keeps_its_module_and_the_other_way_round(plan_of):
    test = "from unittest.mock import patch\n@patch('use.ExecutionEngine')\ndef test_it(engine):\n    engine.assert_called_with(1, 2)\n"
    plan = plan_of({"use.py": HEAD + "e = ExecutionEngine(r, b, u)\n", "tests/test_use.py": test})
    assert changed(plan) == {}
    plan = plan_of(
        {"use.py": HEAD + "e = ExecutionEngine(r, b)\n", "tests/test_use.py": test.replace("    engine.assert", "    engine.is")}
    )
    assert changed(plan) == {}


def test_a_patched_name_that_its_module_will_not_have_is_told(plan_of):
    test = "from unittest.mock import patch\n@patch('use.ExecutionEngine')\ndef test_it(engine): ...\n"
    use = HEAD + "async def f(r, b, u):\n    return ExecutionEngine._init_from_factory(r, b, u)\n"
    plan = plan_of({"use.py": use, "tests/test_use.py": test})
    assert changed(plan) == {}
    assert any("will no longer use ExecutionEngine" in item.advice for item in plan.advice)


def test_a_name_in_configuration_is_told_and_left(plan_of):
    plan = plan_of({"app.toml": "engine = 'shop.legacy:ExecutionEngine'\n"})
    assert (changed(plan), advised(plan)) == ({}, ["app.toml:1"])


def test_a_file_that_does_not_parse_is_a_problem_and_stays(plan_of):
    plan = plan_of({"use.py": HEAD + "def (:\n"})
    assert (changed(plan), [problem.path for problem in plan.problems]) == ({}, ["use.py"])
