"""A name that may come from one legacy module or from another is rewritten where that makes no difference."""

import pytest

EITHER = """\
import os
if os.environ.get("X"):
    from shop.legacy import create_scoped_engine as make
else:
    from shop.scoped import ScopedExecutionEngine as make
async def f(r, b, u, c):
    await make(u, r, b).execute_agent(c)
"""


@pytest.fixture
def alike(codemod_configuration, monkeypatch):
    """Rules by which both become the same."""
    from migration.consolidation.codemod.rules import parse_rule

    new = "shop.target:UserExecutionEngine({user}, shop.parts:AgentFactory({registry}), shop.parts:Emitter({bridge}, {user}))"
    old = "shop.legacy:create_scoped_engine"
    monkeypatch.setitem(codemod_configuration.rules, old, [parse_rule(f"{old}(user, registry, bridge)", new, "here")])


@pytest.mark.usefixtures("alike")
class TestAlike:
    def test_both_imports_become_the_same_and_so_does_the_call(self, rewrite):
        done = rewrite(EITHER)
        imports = "    from shop.target import UserExecutionEngine\n    from shop.parts import AgentFactory, Emitter\n"
        assert done.after == (
            f'import os\nif os.environ.get("X"):\n{imports}else:\n{imports}'
            "async def f(r, b, u, c):\n    await UserExecutionEngine(u, AgentFactory(r), Emitter(b, u)).execute_agent(c)\n"
        )

    @pytest.mark.parametrize(
        "more",
        [
            "x = make",
            "x = make(1, 2, 3)",
            "__all__ = ['make']",
            "def g(e: 'make'): ...",
            "make = None",
            "async def g(u, c):\n    await make(u, 1, 2).execute_agent(c, {})",
            "async def g(u, c):\n    await make(u, 1).execute_agent(c)",
            "from shop.legacy import ExecutionEngine\nx = ExecutionEngine(1, 2)",
            "from shop.scoped import ScopedExecutionEngine\nx = ScopedExecutionEngine(1)",
        ],
    )
    def test_what_makes_a_difference_for_one_of_them_leaves_both(self, rewrite, more):
        assert rewrite(f"{EITHER}{more}\n").is_left

    def test_a_name_that_another_file_takes_is_left(self, rewrite):
        assert rewrite(EITHER, {"other.py": "from use import make\n"}).is_left


def test_rules_that_differ_leave_both(rewrite):
    done = rewrite(EITHER)
    assert done.is_left
    assert any("make is imported from more than one module" in advice for advice in done.advice)
