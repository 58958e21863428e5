"""Dotted names: of expressions, of annotations, inside of text."""

import ast

import pytest

from migration.consolidation.reading.dotted import annotation_names, dotted_name, names_in_text


def expression(text):
    return ast.parse(text, mode="eval").body


@pytest.mark.parametrize(
    ("text", "name"),
    [("a.b.c", "a.b.c"), ("a", "a"), ("make().run", "make().run"), ("a[0].b", None), ("(a or b).c", None), ("1 .real", None)],
)
def test_an_expression_has_a_dotted_name_or_none(text, name):
    assert dotted_name(expression(text)) == name


def test_await_is_looked_through():
    (statement,) = ast.parse("async def f():\n    (await a.b()).c").body
    assert dotted_name(statement.body[0].value) == "a.b().c"


@pytest.mark.parametrize(
    ("text", "names"),
    [("list[a.B]", ("list", "a.B")), ("'a.B | None'", ("a.B",)), ("Annotated[x.Y, 'some words here']", ("Annotated", "x.Y"))],
)
def test_annotations_are_read_also_inside_of_quotes(text, names):
    assert annotation_names(expression(text)) == names


def test_without_an_annotation_there_are_no_names():
    assert annotation_names(None) == ()


def test_text_is_searched_for_modules_objects_and_paths_of_files():
    text = "See shop.engines:build, ./shop/old.py and .near; e.g. version 1.5 is not one."
    assert list(names_in_text(text))[:3] == ["shop.engines:build", "./shop/old.py", ".near"]
