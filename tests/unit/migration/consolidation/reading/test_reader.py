import pytest

from migration.consolidation.reading.facts import FileFacts, Question
from migration.consolidation.reading.reader import read_source

QUESTION = Question(("ExecutionEngine", "execution_engine"), ("engine",), ("execute_agent",))


def _read(text: str | bytes) -> FileFacts:
    return read_source(text if isinstance(text, bytes) else text.encode(), "a.py", QUESTION)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"def (:\n", "unparsable"),
        (b"x = 1\0\n", "unparsable"),
        (b"x = " + b"(" * 500 + b")" * 500, "unparsable"),
        (b"x = " + b"-" * 200_000 + b"1", "unparsable"),
        (b"x = '" + b"\xf6" + b"'\n", "encoding"),
        (b"# coding: klingon\n", "encoding"),
        (b"# coding: utf-8\nx = '\xf6'\n", "encoding"),
    ],
    ids=["syntax", "null byte", "too many brackets", "too deep", "not UTF-8", "unknown encoding", "wrong encoding"],
)
def test_a_file_that_cannot_be_read_is_a_problem_and_no_error(data, kind):
    problem = _read(data).problem
    assert problem is not None
    assert (problem.path, problem.kind) == ("a.py", kind)
    assert problem.detail


@pytest.mark.parametrize(
    "data",
    [
        "# -*- coding: latin-1 -*-\nfrom pkg.engine import ExecutionEngine  # Köln\n".encode("latin-1"),
        "\ufefffrom pkg.engine import ExecutionEngine  # Köln\n".encode(),
        "\ufeff# coding: utf-8\nfrom pkg.engine import ExecutionEngine\n".encode(),
        b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nfrom pkg.engine import ExecutionEngine # \x80\n",
    ],
    ids=["latin-1", "mark", "mark and declaration", "second line"],
)
def test_other_encodings_are_read_as_python_reads_them(data):
    facts = _read(data)
    assert facts.problem is None
    assert [statement.module for statement in facts.imports] == ["pkg.engine"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_python_counts_them(end):
    facts = _read(end.join(["import os", "", "from pkg.engine import ExecutionEngine", "# see pkg.engine", ""]))
    assert facts.lines == 4
    assert [statement.line for statement in facts.imports] == [1, 3]
    assert [comment.line for comment in facts.comments] == [4]


def test_a_file_without_a_last_line_end_has_its_last_line():
    assert _read("x = 1\ny = 2").lines == 2


def test_an_empty_file_has_no_line():
    assert _read("").lines == 0


@pytest.mark.parametrize(
    ("line", "comment"),
    [
        ("x = engine  # the engine", "the engine"),
        ("#engine", "engine"),
        ("## engine ##", "engine ##"),
        ('x = "# engine"', None),
        ("x = '\\'# engine'", None),
        ('x = "#"  # engine', "engine"),
        ('x = """\n# engine\n"""', None),
        ('x = """engine\n"""  # engine', None),  # the last line of a string is not looked at
        ("x = f'''\n# engine {x}\n'''", None),
    ],
)
def test_only_comments_are_comments(line, comment):
    found = [item.text for item in _read(line + "\n").comments]
    assert found == ([] if comment is None else [comment])


def test_statements_without_a_word_of_the_question_are_not_looked_into():
    facts = _read("from pkg.engine import run\n\nprint('a.b.c')\nrun('a.engine.c')\n")
    assert [call.callee for call in facts.calls] == ["run"]
    assert [string.text for string in facts.strings] == ["a.engine.c"]


def test_the_files_own_name_for_something_of_the_family_is_a_word_of_the_question():
    facts = _read("from pkg.engine import ExecutionEngine as Motor\n\n\n\nmade = Motor(1)\n")
    assert [(call.line, call.callee) for call in facts.calls] == [(5, "Motor")]


def test_a_name_of_a_name_is_one_too():
    facts = _read("from pkg.engine import ExecutionEngine as Motor\nDrive = Motor\nmade = Drive(1)\n")
    assert [call.callee for call in facts.calls] == ["Drive"]


@pytest.mark.parametrize(
    ("block", "where"),
    [
        ("if TYPE_CHECKING:\n    {}", ["type-checking"]),
        ("if typing.TYPE_CHECKING:\n    {}", ["type-checking"]),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    {}", ["if"]),
        ("if x:\n    pass\nelif y:\n    {}", ["if", "if"]),
        ("try:\n    {}\nexcept ImportError:\n    pass", ["try"]),
        ("try:\n    pass\nexcept ImportError:\n    {}", ["except"]),
        ("try:\n    pass\nfinally:\n    {}", ["try"]),
        ("for x in y:\n    {}", []),
        ("while x:\n    {}", []),
        ("with x:\n    {}", []),
        ("match x:\n    case 1:\n        {}", []),
        ("async def f():\n    if x:\n        {}", ["function", "if"]),
        ("class A:\n    def f(self):\n        {}", ["class", "function"]),
        ("lambda: 0\n{}", []),
    ],
)
def test_an_import_is_found_wherever_it_stands(block, where):
    facts = _read(block.format("from pkg.engine import ExecutionEngine") + "\n")
    assert [list(statement.where) for statement in facts.imports] == [where]


@pytest.mark.parametrize(
    "text",
    [
        "import_module('pkg.engine')",
        "name = 'pkg.engine'\nimport_module(name)",
        "for name in ('pkg.engine', 'b.c'):\n    import_module(name)",
        "NAMES = ['pkg.engine']\nfor name in NAMES:\n    import_module(name)",
        "NAMES = {'a': 'pkg.engine'}\n[import_module(name) for name in NAMES.values()]",
        "NAMES = {'a': ('pkg.engine', 'x')}\nmodule, attribute = NAMES[key]\nimport_module(module)",
        "@pytest.mark.parametrize('name', ['pkg.engine'])\ndef test(name):\n    import_module(name)",
        "@pytest.mark.parametrize('name, other', [('pkg.engine', 1)])\ndef test(name, other):\n    import_module(name)",
    ],
)
def test_strings_are_followed_to_the_import_function(text):
    facts = _read(text + "\n")
    reached = {*facts.imported_variables}
    while more := {source for source, sink in facts.flows if sink in reached} - reached:
        reached |= more
    engine = next(string for string in facts.strings if string.text == "pkg.engine")
    assert engine.callee == "import_module" or engine.flows_to in reached
