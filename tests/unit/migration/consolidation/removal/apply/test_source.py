"""Cuts in Python: whatever is taken out, the rest keeps its text, and what is left parses."""

import ast

from hypothesis import given
from hypothesis import strategies as st

from migration.consolidation.removal.apply.source import RemovalSource, elements, line_before, without

NAMES = ("aa", "bb", "cc", "dd")
CHOICE = st.sets(st.sampled_from(range(len(NAMES))), max_size=len(NAMES))
LAYOUTS = {
    "import": ("from m import {}\n", ", "),
    "import in brackets": ("from m import (\n    {},\n)\n", ",\n    "),
    "list": ("x = [{}]\n", ", "),
    "tuple": ("x = ({})\n", ", "),
    "list in lines": ("x = [\n    {},\n]\n", ",  # why\n    "),
    "set": ("x = {{{}}}\n", ", "),
    "dict": ("x = {{{}}}\n", ", "),
}


def source_of(text: str) -> RemovalSource:
    return RemovalSource(text.encode(), ast.parse(text))


def holder_of(source: RemovalSource) -> ast.AST:
    return next(node for node in ast.walk(source.module) if elements(node))


@given(layout=st.sampled_from(sorted(LAYOUTS)), gone=CHOICE)
def test_the_rows_that_are_cut_are_the_only_ones_that_are_missing(layout, gone):
    frame, comma = LAYOUTS[layout]
    rows = [f"'{name}': {name}" if layout == "dict" else name for name in NAMES]
    source = source_of(frame.format(comma.join(rows)))
    holder = holder_of(source)
    cut = {last for index, (_, last) in enumerate(elements(holder)) if index in gone}
    if not cut or (layout.startswith("import") and len(cut) == len(NAMES)):
        return
    after = without(source, [], {holder: cut}).decode()
    kept = [row for index, row in enumerate(rows) if index not in gone]
    expected = frame.format(comma.join(kept) + ("," if layout == "tuple" and len(kept) == 1 else "")) if kept else None
    if expected is None:
        assert ast.dump(ast.parse(after)) == ast.dump(
            ast.parse("x = ()\n" if layout == "tuple" else "x = {}\n" if layout in {"set", "dict"} else "x = []\n")
        )
    else:
        assert ast.dump(ast.parse(after)) == ast.dump(ast.parse(expected))


STATEMENTS = (
    "import os\n",
    "\n\n# about f\n@decorated\ndef f():\n    '''Text.\n\n    More.\n    '''\n    return 'ü'\n",
    "\n\nclass A:\n    x = 1\n\n    def g(self):\n        return 2\n",
    "\n\nX = [\n    1,\n]\n",
    "\n\ndef last():\n    pass\n",
)


@given(gone=st.sets(st.sampled_from(range(len(STATEMENTS)))))
def test_statements_go_with_their_comments_and_decorators_and_the_gaps_stay_as_wide(gone):
    source = source_of("".join(STATEMENTS))
    after = without(source, [node for index, node in enumerate(source.module.body) if index in gone], {}).decode()
    kept = "".join(text for index, text in enumerate(STATEMENTS) if index not in gone)
    assert after == kept.lstrip("\n")


def test_one_of_several_statements_on_a_line_goes_alone():
    source = source_of("a = 1; b = 2; c = 3\nd = 4\n")
    assert without(source, [source.module.body[1]], {}) == b"a = 1; c = 3\nd = 4\n"


def test_line_ends_and_a_byte_order_mark_stay():
    data = b"\xef\xbb\xbfimport os\r\nimport re\r\n\r\nx = 1\r\n"
    source = RemovalSource(data, ast.parse(data))
    assert without(source, [source.module.body[1]], {}) == b"\xef\xbb\xbfimport os\r\n\r\nx = 1\r\n"
    assert without(source, [source.module.body[0]], {}) == b"\xef\xbb\xbfimport re\r\n\r\nx = 1\r\n"


def test_a_line_afterwards_is_found_where_it_was():
    before, after = b"a\nb\nc\nd\n", b"a\nd\n"
    assert [line_before(before, after, line) for line in (0, 1, 2)] == [0, 1, 4]
