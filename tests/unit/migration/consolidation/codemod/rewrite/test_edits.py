"""Edits of a text: what no edit touches keeps every character, and edits inside of a kept piece apply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.consolidation.codemod.rewrite.edits import Edit, apply_edits

TEXT = b"0123456789"


@pytest.mark.parametrize(
    ("edits", "after"),
    [
        ([Edit((2, 4), ("x",))], b"01x456789"),
        ([Edit((4, 6), ("y",)), Edit((0, 1), ("x",))], b"x123y6789"),
        ([Edit((5, 5), ("a",)), Edit((5, 5), ("b",))], b"01234ab56789"),
        ([Edit((10, 10), ("!",))], b"0123456789!"),
        ([Edit((2, 8), ("<", (4, 6), ">")), Edit((4, 5), ("x",))], b"01<x5>89"),
        ([Edit((2, 8), ("<", (4, 6), ">")), Edit((2, 3), ("lost",))], b"01<45>89"),
        ([Edit((2, 4), ("x",))] * 2, b"01x456789"),
        ([Edit((3, 3), ("+",)), Edit((3, 5), ("x",))], b"012+x56789"),
    ],
    ids=["replaced", "in any order", "insertions", "at the end", "inside a piece", "outside a piece", "twice", "before what is replaced"],
)
def test_edits_apply_where_they_are(edits, after):
    assert apply_edits(TEXT, edits) == after


@pytest.mark.parametrize(
    ("edit", "changes"), [(Edit((2, 4), ("23",)), False), (Edit((2, 4), ((2, 4),)), False), (Edit((2, 4), ("x",)), True)]
)
def test_an_edit_that_puts_back_what_was_there_changes_nothing(edit, changes):
    assert edit.changes(TEXT) is changes


@given(st.lists(st.integers(0, 10), min_size=2, max_size=8, unique=True).map(sorted))
def test_edits_that_put_back_what_was_there_leave_the_text_as_it_was(cuts):
    edits = [Edit((start, end), ((start, end),)) for start, end in zip(cuts[::2], cuts[1::2], strict=False)]
    assert apply_edits(TEXT, edits) == TEXT
