"""Comments are found by line, without reading the file as a whole."""

import pytest

from migration.consolidation.reading.comments import read_comments


def texts(source, multiline=()):
    lines = source.splitlines()
    return [(found.line, found.text) for found in read_comments(lines, range(1, len(lines) + 1), multiline)]


def test_a_comment_is_found_with_its_line_and_without_its_mark():
    assert texts("x = 1  # the first\n#: the second\ny = 2") == [(1, "the first"), (2, ": the second")]


@pytest.mark.parametrize("line", ["x = '#'", 'x = "a # b"', r"x = '\'# no'", "x = 1"])
def test_a_hash_in_a_string_is_not_a_comment(line):
    assert texts(line) == []


def test_a_comment_after_a_string_with_a_hash_is_one():
    assert texts("x = '#'  # yes") == [(1, "yes")]


def test_what_looks_like_a_comment_inside_of_a_long_string_is_not_one():
    assert texts('x = """\n# no\n"""\n# yes', [(1, 3)]) == [(4, "yes")]


def test_lines_that_are_not_there_have_no_comment():
    assert read_comments(["# one"], [1, 9], []) == read_comments(["# one"], [1], [])
