"""An instance that gets out of sight holds its file back where a call that the target does not accept may reach it, and nowhere else."""

import pytest

IMPORT = "from shop.legacy import ExecutionEngine\n"


@pytest.mark.parametrize(
    "text",
    [
        "def f(r, b, u, c):\n    es = [ExecutionEngine(r, b, u)]\n    return es[0].send_thinking(c, 1)",
        "def f(r, b, u, c):\n    a, d = ExecutionEngine(r, b, u), 3\n    return a.send_thinking(c, 1)",
        "def f(r, b, u, c):\n    for e in (ExecutionEngine(r, b, u),):\n        e.send_thinking(c, 1)",
        "def f(r, b, u, c):\n    by = {1: ExecutionEngine(r, b, u)}\n    return by[1].get_stats()",
        "def f(r, b, u, c, o):\n    o.e = ExecutionEngine(r, b, u)\n    return o.e.get_stats()",
        "def g(x): return x.get_stats()\ndef f(r, b, u):\n    return g(ExecutionEngine(r, b, u))",
        "def g(x): return x.get_stats()\ndef f(e: ExecutionEngine):\n    return g(e)",
        "def f(r, b, u):\n    return (lambda x: x.get_stats())(ExecutionEngine(r, b, u))",
        "def f(r, b, u, o):\n    e = o\n    [e := ExecutionEngine(r, b, u) for _ in r]\n    return e.get_stats()",
        "def f(e, r, b, u):\n    e.is_active()\n    e = ExecutionEngine(r, b, u)\n    return e.is_active()",
    ],
)
def test_it_is_left_with_its_reason(rewrite, text):
    done = rewrite(f"{IMPORT}{text}\n")
    assert done.is_left
    assert done.advice


@pytest.mark.parametrize(
    "text",
    [
        "def f(r, b, u, c):\n    es = [ExecutionEngine(r, b, u)]\n    return es[0].is_active()",
        "def f(r, b, u, o):\n    o.get_stats()\n    return ExecutionEngine(r, b, u).is_active()",
        "def f(r, b, u):\n    if (e := ExecutionEngine(r, b, u)) is not None:\n        return e.is_active()",
    ],
)
def test_a_method_of_that_name_alone_is_not_a_reason(rewrite, text):
    assert not rewrite(f"{IMPORT}{text}\n").is_left


def test_a_variable_of_the_module_is_followed_through_global(rewrite):
    done = rewrite(
        f"{IMPORT}current = None\ndef start(r, b, u):\n    global current\n    current = ExecutionEngine(r, b, u)\n"
        "async def report():\n    return await current.get_stats()\n"
    )
    assert "current = UserExecutionEngine(u, AgentFactory(r), Emitter(b, u))" in done.after
    assert "return current.stats()" in done.after
