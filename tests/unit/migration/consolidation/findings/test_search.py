"""What is looked into: everything that can lead to an implementation, and little else."""

import pytest

from migration.consolidation.sources.workers import Workers

USER = "from pkg.engine import ExecutionEngine\n"
#: A module that only passes the class on, under a name that is everywhere.
PASSED_ON = {"pkg/__init__.py": "", "pkg/sub/__init__.py": "", "pkg/sub/text.py": USER}


@pytest.fixture
def read(monkeypatch):
    """The files that were parsed, in order."""
    paths = []
    original = Workers.read
    monkeypatch.setattr(Workers, "read", lambda self, some, question: paths.extend(some) or original(self, some, question))
    return paths


@pytest.mark.parametrize(
    "text",
    [
        "from .text import ExecutionEngine\n",
        "from . import text\n",
        "from . import (\n    other,\n    text,\n)\n",
        "from . import (other,  # why (not)\n    text as t)\n",
        "from . import other, \\\n    text\n",
        "from . import (\n    a, text, b,\n)\n",
        "if True: from . import text\n",
        "import os; from . import text\n",
        "from ..sub import text\n",
        "from .. import sub\nsub.text.ExecutionEngine\n",
        "import pkg.sub.text\n",
        "import pkg\npkg.sub.text.ExecutionEngine\n",
        "from importlib import import_module\nx = import_module('.text', 'pkg.sub')\n",
        "from unittest.mock import patch\npatch('pkg.sub.text.ExecutionEngine')\n",
        "from . import text\r\n",
    ],
)
def test_a_module_with_an_ordinary_name_is_found_in_every_form_of_import(audit_tree, text):
    inventory = audit_tree({**PASSED_ON, "pkg/sub/user.py": text.encode()})
    assert "pkg/sub/user.py" in inventory.consumer_files


@pytest.mark.parametrize("text", ["text = 1\n", "def f(text):\n    return text\n", "x.text\n", "use(a,\n    text=1)\n", '"text"\n'])
def test_a_neighbour_that_only_uses_the_word_is_not_parsed(audit_tree, read, text):
    audit_tree({**PASSED_ON, "pkg/sub/neighbour.py": text})
    assert "pkg/sub/text.py" in read
    assert "pkg/sub/neighbour.py" not in read


def test_a_word_that_was_looked_for_is_found_again_for_another_module(audit_tree):
    files = {
        "pkg/__init__.py": "",
        "pkg/a.py": USER + "Motor = ExecutionEngine\nx = 1\n",
        "pkg/b.py": "from pkg.a import Motor\ny = 2\n",
        "other/c.py": "from pkg.b import Motor\nz = 3\n",
        "other/d.py": "from other.c import Motor\n",
    }
    assert {item.path for item in audit_tree(files).imports} == {"pkg/a.py", "pkg/b.py", "other/c.py", "other/d.py"}


@pytest.mark.parametrize(
    "body",
    [
        "return _held",
        "if _x:\n        return None\n    return _held",
        "try:\n        return _held\n    finally:\n        pass",
        "with _x:\n        for _y in _x:\n            return _held",
    ],
)
def test_what_a_function_returns_is_known_though_none_of_its_lines_names_an_engine(audit_tree, body):
    maker = f"{USER}_held = ExecutionEngine(1, 2)\n\ndef held():\n    {body}\n"
    inventory = audit_tree({"pkg/maker.py": maker, "pkg/user.py": USER + "from pkg.maker import held\nheld().execute_agent(1)\n"})
    assert ("pkg/user.py", "ExecutionEngine.execute_agent") in {(call.path, call.name) for call in inventory.calls}


def test_what_a_nested_function_returns_is_not_what_the_outer_one_does(audit_tree):
    maker = f"{USER}_held = ExecutionEngine(1, 2)\n\ndef held():\n    def inner():\n        return _held\n    return 1\n"
    inventory = audit_tree({"pkg/maker.py": maker, "pkg/user.py": USER + "from pkg.maker import held\nheld().execute_agent(1)\n"})
    assert not [call for call in inventory.calls if call.path == "pkg/user.py"]
