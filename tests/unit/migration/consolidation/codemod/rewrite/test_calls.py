"""Calls get their new form where that is certain; otherwise the whole file keeps its old names."""

import pytest

HEAD = "from shop.legacy import ExecutionEngine\n"
NEW_HEAD = "from shop.target import UserExecutionEngine\nfrom shop.parts import AgentFactory, Emitter\n"


def body(text, indent="    "):
    return "".join(f"{indent}{line}\n" if line else "\n" for line in text.split("\n"))


def coroutine(text):
    return f"{HEAD}async def f(r, b, u, c):\n{body(text)}"


def rewritten(text, head=NEW_HEAD):
    return f"{head}async def f(r, b, u, c):\n{body(text)}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("e = ExecutionEngine(r, b, u)", "e = UserExecutionEngine(u, AgentFactory(r), Emitter(b, u))"),
        ("e = ExecutionEngine(bridge=b, user=u, registry=r)", "e = UserExecutionEngine(u, AgentFactory(r), Emitter(b, u))"),
        (
            "e = ExecutionEngine(r, b, u)\nawait e.execute_agent(c, u)",
            "e = UserExecutionEngine(u, AgentFactory(r), Emitter(b, u))\nawait e.execute_agent(c)",
        ),
        (
            "await ExecutionEngine(r, b, u).execute_agent(context=c, user=u)",
            "await UserExecutionEngine(u, AgentFactory(r), Emitter(b, u)).execute_agent(c)",
        ),
        (
            "e = ExecutionEngine(r, b, u)\nreturn await e.execute_pipeline([c], c, u), await e.get_stats(), e.is_active(), e.LIMIT",
            (
                "e = UserExecutionEngine(u, AgentFactory(r), Emitter(b, u))\n"
                "return await e.execute_steps([c], c), e.stats(), e.is_active(), e.LIMIT"
            ),
        ),
        (
            "e = ExecutionEngine(r, b, u if c else r)",
            None,  # the user would be evaluated twice
        ),
        (
            "if (e := ExecutionEngine(r, b, c.user)) is not None:\n    return e",
            "if (e := UserExecutionEngine(c.user, AgentFactory(r), Emitter(b, c.user))) is not None:\n    return e",
        ),
    ],
)
async def test_a_call_takes_its_new_form(rewrite, old, new):
    done = rewrite(coroutine(old))
    assert done.after == (rewritten(new) if new is not None else done.before)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ExecutionEngine(r, b)", "user is not passed, and the codemod must not invent it"),
        ("ExecutionEngine(r, b, None)", "user is not passed, and the codemod must not invent it"),
        ("ExecutionEngine(r, b, u, 3)", "the call has 4 arguments"),
        ("ExecutionEngine(r, b, owner=u)", "owner is not a parameter"),
        ("ExecutionEngine(r, b, user=u, registry=r)", "registry is not a parameter of the rule, or is passed twice"),
        ("ExecutionEngine(*c)", "unpacked arguments hide what is passed"),
        ("ExecutionEngine(r, b, make_user())", "would be evaluated twice"),
        ("ExecutionEngine(make_r(), make_b(), u)", None),
        ("ExecutionEngine(bridge=make_b(), registry=make_r(), user=u)", "evaluated in another order"),
        ("ExecutionEngine(r, b, u).send_thinking(c, '')", "UserExecutionEngine has no method send_thinking"),
        ("ExecutionEngine(r, b, u).execute_agent(c, make_user())", "the argument user would no longer be evaluated"),
        ("ExecutionEngine(r, b, u).execute_agent(*c)", "unpacked arguments hide what is passed"),
        ("ExecutionEngine(r, b, u).get_stats()", "the call is not awaited directly"),
        ("ExecutionEngine(r, b, u).waits", "UserExecutionEngine has no attribute waits"),
        ("ExecutionEngine(r, b, u).execute_agent", "execute_agent has another signature on UserExecutionEngine"),
    ],
)
def test_a_call_that_is_not_certain_leaves_the_file_as_it_is_and_is_told(rewrite, text, why):
    done = rewrite(coroutine(f"e = {text}"))
    assert done.is_left is (why is not None)
    assert why is None or any(why in advice and advice.startswith("use.py:3: ") for advice in done.advice)


def test_the_name_is_never_rewritten_while_one_call_keeps_its_old_arguments(rewrite):
    done = rewrite(coroutine("e = ExecutionEngine(r, b, u)\nawait e.execute_agent(c, u)\nreturn ExecutionEngine(r, b)"))
    assert done.is_left
    assert done.advice == ("use.py:5: ExecutionEngine(...): user is not passed, and the codemod must not invent it; pass it",)


def test_another_legacy_module_in_the_same_file_does_not_wait(rewrite):
    done = rewrite(
        f"{HEAD}from shop.scoped import ScopedExecutionEngine\nx = ExecutionEngine(r, b)\ny = ScopedExecutionEngine(u, r, b, 3)\n"
    )
    assert "x = ExecutionEngine(r, b)\ny = UserExecutionEngine(u, AgentFactory(r), Emitter(b, u))\n" in done.after


@pytest.mark.parametrize(("given", "is_left"), [("", False), (", 3", False), (", most=3", False), (", 4", True), (", most=m", True)])
def test_an_argument_without_counterpart_may_only_have_the_value_that_means_nothing(rewrite, given, is_left):
    assert rewrite(f"from shop.scoped import ScopedExecutionEngine\ne = ScopedExecutionEngine(u, r, b{given})\n").is_left is is_left


def test_line_breaks_and_comments_of_a_call_stay_and_comments_of_what_goes_move_above_it(rewrite):
    done = rewrite(
        coroutine(
            "e = ExecutionEngine(r, b, u)\n"
            "x = await e.execute_agent(\n    c,  # what is asked\n    # who asks\n    u,\n)  # done\n"
            "return await e.execute_pipeline(\n    steps,\n    c,\n)"
        )
    )
    assert done.after == rewritten(
        "e = UserExecutionEngine(u, AgentFactory(r), Emitter(b, u))\n"
        "# what is asked\n# who asks\n"
        "x = await e.execute_agent(\n    c,\n)  # done\n"
        "return await e.execute_steps(\n    steps,\n    c,\n)"
    )


def test_a_coroutine_makes_the_engine_only_where_it_can_be_awaited_and_in_parentheses_where_that_matters(rewrite):
    head = "from shop.legacy import create_scoped_engine\n"
    awaited = rewrite(f"{head}async def f():\n    return create_scoped_engine(u, r, b).is_active()\n")
    assert awaited.after == "from shop.app import FACTORY\nasync def f():\n    return (await FACTORY.create_for_user(u)).is_active()\n"
    for text in (
        "def f():\n    return create_scoped_engine(u, r, b)\n",
        "async def f():\n    return lambda: create_scoped_engine(u, r, b)\n",
    ):
        plain = rewrite(head + text)
        assert plain.is_left
        assert "make the engine in a coroutine" in plain.advice[0]


def test_a_class_method_has_rules_of_its_own(rewrite):
    done = rewrite(coroutine("return ExecutionEngine._init_from_factory(r, b, u)"))
    assert done.after == rewritten("return await FACTORY.create_for_user(u)", "from shop.app import FACTORY\n")


def test_a_method_that_is_called_on_its_class_is_left_to_a_person_and_its_instance_taken_for_no_argument(rewrite):
    done = rewrite(HEAD + "async def f(e, c, u):\n    return await ExecutionEngine.execute_agent(e, c, u)\n")
    assert done.is_left
    assert any("call the method on the engine" in advice for advice in done.advice)


def test_a_call_inside_of_another_is_rewritten_with_it(rewrite):
    done = rewrite(coroutine("return await ExecutionEngine(r, b, u).execute_agent(await ExecutionEngine(r, b, u).get_stats(), u)"))
    new = "UserExecutionEngine(u, AgentFactory(r), Emitter(b, u))"
    assert done.after == rewritten(f"return await {new}.execute_agent({new}.stats())")


def test_a_name_that_the_file_uses_for_something_else_is_not_taken(rewrite):
    done = rewrite(HEAD + "class Emitter: ...\ne = ExecutionEngine(r, b, u)\n")
    assert done.is_left
    assert done.advice == ("use.py:3: something else is called Emitter in this file; give it another name",)


def test_a_parameter_of_the_same_name_is_not_the_class(rewrite):
    done = rewrite(HEAD + "e = ExecutionEngine(r, b, u)\ndef f(ExecutionEngine):\n    return ExecutionEngine(1)\n")
    assert done.after.endswith("def f(ExecutionEngine):\n    return ExecutionEngine(1)\n")
    assert "e = UserExecutionEngine(" in done.after
