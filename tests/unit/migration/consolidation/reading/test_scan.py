"""The first look at a file's bytes: which words it has, and whether they can come from where they matter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.consolidation.reading.scan import Scanner, Words, content_digest, is_whole_word, lines_with

WORDS = Words(literals=("Engine",), words=("build", "make"), near=(("shop",), ("",)), methods=("run",), stems=("engine",))


def scan(text):
    return Scanner(WORDS).scan(text.encode())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("class FastEngineX: ...", ("Engine",)),
        ("build()", ("build",)),
        ("rebuild(); build_all()", ()),
        ("x.build + make", ("build", "make")),
    ],
)
def test_a_literal_is_found_in_longer_words_and_a_word_only_whole(text, words):
    assert scan(text).words == words


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("from shop import build", (("build", "shop"),)),
        ("from my.shop import (\n    other,\n    build,\n)", (("build", "shop"),)),
        ("from shop import other, \\\n    build\n", (("build", "shop"),)),
        ("from shop import other, \\\r\n    build\r\n", (("build", "shop"),)),
        ("import shop\nshop.build()", (("build", "shop"),)),
        ("from other import build", ()),
        ("build = 1", ()),
        ("from anywhere import make", (("make", ""),)),
        ("from . import make", (("make", ""),)),
        ("make()", ()),
    ],
)
def test_a_common_word_counts_where_it_can_come_from_one_of_its_modules(text, near):
    assert scan(text).near == near


@pytest.mark.parametrize(("text", "defines"), [("class AnEngine(X): ...", True), ("Engine = 1", False), ("# class: Engine", False)])
def test_a_class_is_defined_where_its_statement_names_it(text, defines):
    assert scan(text).defines_class is defines


def test_methods_are_counted_and_star_imports_listed():
    found = scan("from a.b import *\nclass X:\n    def run(self): ...\n    def running(self): ...\n")
    assert (found.methods, found.stars) == (1, ("a.b",))


@pytest.mark.parametrize(
    ("text", "imports"), [("import old_engine", True), ("x = 'pkg.engine'", True), ("# an engine", False), ("Engine, engine", False)]
)
def test_a_stem_counts_where_something_is_imported_or_a_string_begins(text, imports):
    assert scan(text).imports_stem is imports


def test_the_digest_is_left_out_when_it_is_not_wanted():
    assert Scanner(WORDS).scan(b"x", digest=False).content == ""
    assert scan("x").content == content_digest(b"x")


@pytest.mark.parametrize(("text", "whole"), [("ab", True), ("xab", False), ("ab_", False), ("(ab)", True), ("aböl", False)])
def test_a_whole_word_is_not_part_of_a_longer_identifier(text, whole):
    data = text.encode()
    start = data.find(b"ab")
    assert is_whole_word(data, start, start + 2) is whole


@given(st.lists(st.sampled_from(["engine", "x", "an engine here", ""])))
def test_lines_with_a_word_are_those_that_contain_it(lines):
    assert lines_with("\n".join(lines).encode(), ["engine"]) == [n for n, line in enumerate(lines, 1) if "engine" in line]
