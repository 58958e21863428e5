"""Which statements of a file stand on lines that matter."""

import ast

import pytest

from migration.consolidation.reading.lines import Lines, touched

SOURCE = """\
import a
def f():
    x = 1
    if x:
        y = 2
class B:
    z = [
        3,
    ]
"""


def on(*numbers):
    return [ast.unparse(node).splitlines()[0] for node in touched(ast.parse(SOURCE).body, Lines(numbers))]


@pytest.mark.parametrize(("first", "last", "touches"), [(3, 3, True), (1, 2, False), (2, 4, True), (6, 9, True), (8, 9, False)])
def test_lines_touch_a_range_that_holds_one_of_them(first, last, touches):
    assert Lines([3, 7]).touch(first, last) is touches


def test_a_statement_comes_before_those_inside_of_it():
    assert on(5) == ["def f():", "if x:", "y = 2"]


def test_a_statement_of_several_lines_is_touched_by_any_of_them():
    assert on(8) == ["class B:", "z = [3]"]


def test_without_lines_nothing_is_touched():
    assert on() == []
