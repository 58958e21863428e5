"""Laws that hold for every file: it parses afterwards, a second run finds nothing, nothing is half rewritten, no comment is lost."""

import ast
import re
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migration.consolidation.codemod.plan import plan_codemod

IMPORTS = (
    "from shop.legacy import ExecutionEngine  # one",
    "from shop.legacy import (  # open\n    ExecutionEngine,  # two\n    create_scoped_engine,  # three\n)",
    "from shop.old import ExecutionEngine",
    "from shop.legacy import *",
    "from shop.legacy import ExecutionEngine; import os",
    "try:\n    from shop.legacy import ExecutionEngine\nexcept ImportError:  # four\n    ExecutionEngine = None",
    "from shop.legacy import ExecutionEngine\nfrom shop.legacy import create_scoped_engine\nfrom shop.target import UserExecutionEngine",
)
STATEMENTS = (
    "e = ExecutionEngine(r, b, u)  # five",
    "e = ExecutionEngine(\n    r,  # six\n    b,\n    # seven\n    user=u,\n)",
    "e = ExecutionEngine(r, b)",
    "e = (  # eight\n    ExecutionEngine(r, b, u)\n)",
    "x = await ExecutionEngine(r, b, u).execute_agent(c, u)",
    "x = await e.execute_agent(\n    c,  # nine\n    u,  # ten\n)",
    "x = [await e.execute_agent(await ExecutionEngine(r, b, u).get_stats(), user=u)]",
    "e: ExecutionEngine | None = None",
    "assert isinstance(e, ExecutionEngine), 'ä'",
    "if ExecutionEngine is not None:  # eleven\n        x = e.is_active()",
    "x = ExecutionEngine.LIMIT; y = 1",
    "x = [ExecutionEngine]",
    "x = ExecutionEngine._init_from_factory(r, b, u)",
    "def g(e: 'ExecutionEngine', ExecutionEngine=1): return ExecutionEngine",
    "x = lambda: ExecutionEngine(r, b, u)",
    "x = [ExecutionEngine for ExecutionEngine in c]",
    "x = ExecutionEngine(*(r, b),  # twelve\n    user=u)",
    "p = (r, b)  # thirteen\nx = ExecutionEngine(*p, u)",
    "x = await ExecutionEngine(r, b).execute_agent(c,  # fourteen\n    u)",
    "z = ExecutionEngine(r, b)  # fifteen\nx = await z.execute_agent(c, user=u)",
    "x = await make(u).execute_agent(c, u)  # sixteen",
    "x = await TABLE['a'](r, b,  # seventeen\n    u).execute_agent(c)",
    "x = make or TABLE",
)
MODULE = (
    "",
    "from functools import partial\nfrom app import R, B\nmake = partial(\n    ExecutionEngine,  # eighteen\n    R, B,  # nineteen\n)",
    "TABLE = {\n    'a': ExecutionEngine,  # twenty\n    'b': 1,\n}",
)
COMMENT = re.compile(r"# \w+")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.tuples(st.sampled_from(IMPORTS), st.sampled_from(MODULE)).map("\n".join),
    statements=st.lists(st.sampled_from(STATEMENTS), max_size=5),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_a_rewritten_file_obeys_the_laws(shop, audit_configuration, codemod_configuration, *, head, statements, newline):
    body = "\n".join(f"    {line}" for statement in statements for line in statement.split("\n"))
    before = f"{head}\nasync def f(r, b, u, c, e=None):\n{body}\n    return e\n".replace("\n", newline)
    root = shop({"use.py": before.encode()})
    made = plan_codemod(root, audit=audit_configuration, codemod=codemod_configuration)
    after = next((change.after.decode() for change in made.changes if change.path == "use.py"), before)
    tree = ast.parse(after)
    assert Counter(COMMENT.findall(after)) == Counter(COMMENT.findall(before))
    assert after.count("\n") == after.count(newline)
    assert not [item for item in made.advice if "would not parse" in item.advice]
    if after == before:
        assert "ExecutionEngine" not in body or made.advice
        return
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not modules & {"shop.legacy", "shop.old"}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made_here = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "UserExecutionEngine"]
    asked = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "execute_agent"]
    assert [len(call.args) for call in (*made_here, *asked)] == [3] * len(made_here) + [1] * len(asked)
    (root / "use.py").write_bytes(after.encode())
    assert plan_codemod(root, audit=audit_configuration, codemod=codemod_configuration).changes == ()
