"""A user whom only the method is given: the target's constructor gets it, where nothing else can be meant."""

import pytest

HEAD = "from shop.legacy import ExecutionEngine\n"
NEW_HEAD = "from shop.target import UserExecutionEngine\nfrom shop.parts import AgentFactory, Emitter\n"
MADE = "UserExecutionEngine(u, AgentFactory(r), Emitter(b, u))"


def coroutine(text):
    return "async def f(r, b, u, c):\n" + "".join(f"    {line}\n" for line in text.split("\n"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("await ExecutionEngine(r, b).execute_agent(c, u)", f"await {MADE}.execute_agent(c)"),
        ("await ExecutionEngine(r, b).execute_agent(c, user=u)", f"await {MADE}.execute_agent(c)"),
        ("e = ExecutionEngine(r, b)\nawait e.execute_agent(c, u)", f"e = {MADE}\nawait e.execute_agent(c)"),
        (
            "e = ExecutionEngine(r, b)\nawait e.execute_agent(c, u)\nif e.is_active():\n    await e.execute_agent(context=c, user=u)",
            f"e = {MADE}\nawait e.execute_agent(c)\nif e.is_active():\n    await e.execute_agent(c)",
        ),
    ],
)
def test_the_user_of_every_call_is_given_to_the_constructor(rewrite, old, new):
    assert rewrite(HEAD + coroutine(old)).after == NEW_HEAD + coroutine(new)


@pytest.mark.parametrize(
    "text",
    [
        "await ExecutionEngine(r, b).execute_agent(c)",
        "await ExecutionEngine(r, b).execute_agent(c, None)",
        "await ExecutionEngine(r, b).execute_agent(c, u.user)",
        "await ExecutionEngine(r, b).execute_agent(c, g())",
        "e = ExecutionEngine(r, b)\nawait e.execute_agent(c, u)\nawait e.execute_agent(c)",
        "e = ExecutionEngine(r, b)\nawait e.execute_agent(c, u)\nawait e.execute_agent(c, r)",
        "e = ExecutionEngine(r, b)\nu = c.user\nawait e.execute_agent(c, u)",
        "e = ExecutionEngine(r, b)\nawait e.execute_agent(c, u)\nreturn e",
        "e = ExecutionEngine(r, b)\ng(e)\nawait e.execute_agent(c, u)",
        "e = ExecutionEngine(r, b)\ng(e.execute_agent)\nawait e.execute_agent(c, u)",
        "e = ExecutionEngine(r, b)\nasync def g(u):\n    await e.execute_agent(c, u)",
        "e = ExecutionEngine(r, b)\nfor u in c:\n    await e.execute_agent(c, u)",
        "e = ExecutionEngine(r, b)\nawait e.execute_agent(*c)",
    ],
)
def test_nobody_is_made_up(rewrite, text):
    done = rewrite(HEAD + coroutine(text))
    assert done.is_left
    assert any("user is not passed" in advice for advice in done.advice)


def test_an_engine_of_the_module_belongs_to_no_user(rewrite):
    done = rewrite(f"{HEAD}E = ExecutionEngine(1, 2)\nasync def f(c, u):\n    await E.execute_agent(c, u)\n")
    assert done.is_left
