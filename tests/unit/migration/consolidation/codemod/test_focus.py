"""Which parts of a file the codemod leaves unread."""

import ast
from textwrap import dedent

import pytest

from migration.consolidation.codemod.read.focus import Wanted, left_out, without

WANTED = Wanted(("ExecutionEngine",), ("legacy",), ("execute_agent",))
FILLER = '    """Does something else, and says so at some length, because a short function is not worth leaving out."""\n    return 1\n'


def _left(text: str) -> tuple[str, list[str]]:
    data = ("import os\n" + dedent(text)).encode()
    spans = left_out(data, ast.parse(data), WANTED)
    return without(data, spans).decode(), [span.name for span in spans]


def test_a_function_that_names_nothing_wanted_is_left_out():
    assert _left(f"def plain():\n{FILLER}")[1] == ["plain"]


@pytest.mark.parametrize(
    "line",
    [
        "ExecutionEngine()",
        "MyExecutionEngines",
        "legacy.x",
        "thing.execute_agent(1)",
        "patch('a.b')",
        "globals()[name]",
        "thing.assert_called_once()",
    ],
)
def test_a_function_with_a_wanted_word_or_one_that_may_reach_anything_stays(line):
    assert _left(f"def used():\n    {line}\n{FILLER}")[1] == []


@pytest.mark.parametrize("first", ["made = ExecutionEngine()", "def made():\n    return ExecutionEngine()", "from legacy import made"])
def test_what_uses_a_name_that_a_wanted_part_gives_stays(first):
    assert _left(f"{first}\ndef later():\n    made.stop\n{FILLER}def plain():\n{FILLER}")[1] == ["plain"]


def test_methods_that_read_an_attribute_set_to_something_wanted_stay():
    methods = f"    def go(self):\n        self.engine.stop\n    {FILLER}"
    text = f"class Uses:\n    x = 1\n    def __init__(self):\n        self.engine = ExecutionEngine()\n{methods}"
    assert _left(text)[1] == []


def test_all_methods_of_a_class_that_inherits_from_something_wanted_stay():
    text = f"class Heir(legacy.Base):\n    x = 1\n    def go(self):\n        return self.anything.of_it\n{FILLER}"
    assert _left(text)[1] == []


def test_lines_and_bytes_of_everything_else_keep_their_places():
    text = f"def plain():\n    # größer\n{FILLER}\nused = ExecutionEngine()\n"
    whole = ("import os\n" + text).encode()
    left = _left(text)[0].encode()
    assert (len(left), left.count(b"\n"), left.index(b"used")) == (len(whole), whole.count(b"\n"), whole.index(b"used"))
    assert [node.lineno for node in ast.parse(left).body] == [node.lineno for node in ast.parse(whole).body]


def test_the_first_statement_stays_because_a_string_there_would_be_a_docstring():
    data = f"def plain():\n{FILLER}".encode()
    assert left_out(data, ast.parse(data), WANTED) == ()


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"# coding: latin-1\n", b"import os\r\n"])
def test_a_file_with_unusual_bytes_is_read_whole(start):
    data = start + f"import os\ndef plain():\n{FILLER}".encode()
    assert left_out(data, ast.parse(data), WANTED) == ()
