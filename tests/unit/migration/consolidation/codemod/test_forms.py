"""Every form of import and of naming a class is followed, and written anew in the file's own style."""

import pytest

NEW = "UserExecutionEngine(u, AgentFactory(r), Emitter(b, u))"
PARTS = "from shop.parts import AgentFactory, Emitter"
TARGET = "from shop.target import UserExecutionEngine"
IMPORT = "from shop.legacy import ExecutionEngine\n"
CALL = "ExecutionEngine(r, b, u)"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from shop.legacy import ExecutionEngine\ne = ExecutionEngine(r, b, u)\n", f"{TARGET}\n{PARTS}\ne = {NEW}\n"),
        (
            "from shop.legacy import ExecutionEngine as Engine\ne = Engine(r, b, u)\n",
            f"{TARGET} as Engine\n{PARTS}\ne = {NEW.replace('UserExecutionEngine', 'Engine')}\n",
        ),
        ("from shop import legacy\ne = legacy.ExecutionEngine(r, b, u)\n", f"{TARGET}\n{PARTS}\ne = {NEW}\n"),
        ("import shop.legacy\ne = shop.legacy.ExecutionEngine(r, b, u)\n", f"{TARGET}\n{PARTS}\ne = {NEW}\n"),
        ("import os, shop.legacy as x\ne = x.ExecutionEngine(r, b, u)\n", f"import os\n{TARGET}\n{PARTS}\ne = {NEW}\n"),
        ("from shop.old import *  # everything\ne = ExecutionEngine(r, b, u)\n", f"{TARGET}\n{PARTS}  # everything\ne = {NEW}\n"),
        (
            "import os; from shop.legacy import ExecutionEngine\ne = ExecutionEngine(r, b, u)\n",
            f"import os; {TARGET}; {PARTS}\ne = {NEW}\n",
        ),
        (
            f"try:\n    {IMPORT}except Exception:\n    ExecutionEngine = None\ne = {CALL}\n",
            f"try:\n    {TARGET}\n    {PARTS}\nexcept Exception:\n    UserExecutionEngine = None\ne = {NEW}\n",
        ),
        (
            "def f(u):\n    from shop.legacy import ExecutionEngine\n    def g():\n        return ExecutionEngine(r, b, u)\n",
            f"def f(u):\n    {TARGET}\n    {PARTS}\n    def g():\n        return {NEW}\n",
        ),
        (
            "from shop.legacy import (  # the old one\n    ExecutionEngine,  # goes\n)\nx = [ExecutionEngine.__name__]\n",
            "from shop.target import (  # the old one\n    UserExecutionEngine,  # goes\n)\nx = [UserExecutionEngine.__name__]\n",
        ),
        (
            f"if TYPE_CHECKING:\n    {IMPORT}def f(e: 'list[ExecutionEngine] | None', g: 'My.ExecutionEngine'): ...\n",
            f"if TYPE_CHECKING:\n    {TARGET}\ndef f(e: 'list[UserExecutionEngine] | None', g: 'My.ExecutionEngine'): ...\n",
        ),
        (
            f"{IMPORT}Engine = ExecutionEngine\nx = isinstance(x, (int, Engine)), Engine(r, b, u)\n",
            f"{TARGET}\n{PARTS}\nEngine = UserExecutionEngine\nx = isinstance(x, (int, Engine)), Engine{NEW[19:]}\n",
        ),
        (
            f"{TARGET}\nfrom shop.legacy import ExecutionEngine\nx = (UserExecutionEngine, ExecutionEngine is None)\n",
            f"{TARGET}\nx = (UserExecutionEngine, UserExecutionEngine is None)\n",
        ),
        (
            "import importlib\nm = importlib.import_module('shop.legacy')\ne = m.ExecutionEngine(r, b, u)\n",
            f"import importlib\n{PARTS}\nm = importlib.import_module('shop.target')\ne = m.{NEW}\n",
        ),
        ("from shop.legacy import ExecutionEngine, create_scoped_engine\n", "from shop.target import UserExecutionEngine\n"),
    ],
    ids=range(15),
)
def test_a_form_is_rewritten(rewrite, old, new):
    assert rewrite(old).after == new


def test_a_relative_import_stays_relative(rewrite):
    done = rewrite("from ..legacy import ExecutionEngine\ne = ExecutionEngine(r, b, u)\n", {"shop/sub/__init__.py": ""}, "shop/sub/use.py")
    assert done.after == f"from ..target import UserExecutionEngine\nfrom ..parts import AgentFactory, Emitter\ne = {NEW}\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{IMPORT}class Mine(ExecutionEngine): ...", "a subclass overrides and calls methods that the target does not have"),
        (f"{IMPORT}import functools\nx = [functools.partial(ExecutionEngine, r)]", "the result of partial is not assigned to one variable"),
        (f"{IMPORT}x = {{'chat': ExecutionEngine}}\nuse(x)", "the class is passed on"),
        (f"{IMPORT}def f(): return ExecutionEngine", "the class is passed on"),
        (f"{IMPORT}x = ExecutionEngine.waits", "UserExecutionEngine has no attribute waits"),
        (f"{IMPORT}if x: ExecutionEngine = object\nx = ExecutionEngine(r, b, u)", "is bound in more than one way"),
        (f"class C:\n    {IMPORT}", "is imported in a class body"),
        ("from shop.legacy import HISTORY\nx = len(HISTORY)", "HISTORY has no counterpart on the target"),
        ("from shop.legacy import Gone", "shop.legacy has no Gone"),
        (
            "if x:\n    from shop import legacy as e\nelse:\n    from shop import scoped as e\nx = e.ExecutionEngine",
            "more than one",
        ),
        ("import shop.legacy\nx = shop.parts\ny = shop.legacy.ExecutionEngine", "is also used here for something other"),
        ("from shop import legacy\nx = vars(legacy)", "it cannot be determined what is done with legacy"),
        ("import importlib\nx = [importlib.import_module(n) for n in ('shop.legacy',)]", "a string imports it"),
        (
            "import importlib\nm = importlib.import_module('shop.legacy')\nx = getattr(m, name)",
            "the uses of m cannot all be seen",
        ),
        (f"{IMPORT}e = {CALL}\ne.is_active()\ne = other()", "e may have another value too"),
        (f"{IMPORT}e = {CALL} if x else other()\ne.is_active()", "e may have another value too"),
        (
            f"{IMPORT}class C:\n  def f(self): self.e = {CALL}\n  def g(self, x): self.e = x\n  def h(self): self.e.is_active()",
            "self.e may have",
        ),
        ("NAME = 'shop.legacy.ExecutionEngine'", "it is not known which code reads it"),
        ("import logging\nlogging.getLogger('shop.legacy')", "a logger has its name"),
    ],
    ids=range(19),
)
def test_what_cannot_be_followed_is_left_and_told(rewrite, text, why):
    done = rewrite(text + "\n")
    assert done.is_left
    assert any(why in advice for advice in done.advice), done.advice


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf# K\xc3\xb6ln\nfrom shop.legacy import ExecutionEngine\ne = ExecutionEngine(r, b, u)\n",
        b"# coding: latin-1\n# K\xf6ln\nfrom shop.legacy import ExecutionEngine\ne = ExecutionEngine(r, b, u)\n",
        b"# windows\r\nfrom shop.legacy import ExecutionEngine\r\ne = ExecutionEngine(r, b, u)\r\n",
        b"# no end of line\nfrom shop.legacy import ExecutionEngine\ne = ExecutionEngine(r, b, u)",
    ],
)
def test_encoding_byte_order_mark_and_line_ends_stay(plan_of, data):
    (change,) = plan_of({"use.py": data}).changes
    newline = b"\r\n" if b"\r" in data else b"\n"
    start = data[: data.index(b"from")]
    imports = newline.join([TARGET.encode(), PARTS.encode()])
    assert change.after == start + imports + newline + f"e = {NEW}".encode() + (newline if data.endswith(newline) else b"")


def test_code_that_is_not_concerned_keeps_every_character(rewrite):
    tail = "x  =  [ 1,2 ,\n   3 ] ;y = 'a'   # odd\n\n\n\ndef  f( ) :\n\treturn\\\n\t  1\n"
    done = rewrite("from shop.legacy import ExecutionEngine\ne = ExecutionEngine(r, b, u)\n" + tail)
    assert done.after == f"{TARGET}\n{PARTS}\ne = {NEW}\n{tail}"
