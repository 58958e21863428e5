"""Paths, and the one pattern language of policies and ledgers."""

import pytest

from migration.comparison import paths


def test_a_path_is_written_as_people_write_it_and_its_indexes_are_split_as_patterns_see_them():
    path = ("payload", "items", 2, "id")
    assert paths.text(path) == "payload.items[2].id"
    assert paths.split(paths.text(path)) == paths.segments(path) == ("payload", "items", "[]", "id")
    assert paths.text(()) == ""


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        ("payload.id", "payload.id", "payload.id.x"),
        ("payload.*_ms", "payload.run_ms", "payload.ms"),
        ("payload.**.id", "payload.a.b[3].id", "payload.a.ids"),
        ("payload.**.id", "payload.id", "id"),
        ("**", "anything.at.all", None),
        ("messages.[].text", "messages[7].text", "messages.text"),
        ("messages[].text", "messages[7].text", "messages.seven.text"),
    ],
)
def test_a_pattern_matches_whole_paths(pattern, fits, does_not):
    assert paths.matches(pattern, paths.split(fits))
    assert does_not is None or not paths.matches(pattern, paths.split(does_not))


def test_a_walk_can_tell_early_that_nothing_below_matches():
    pattern = paths.compiled("payload.id")
    assert pattern.step(pattern.start(), "payload")
    assert not pattern.step(pattern.start(), "other")


def test_characters_that_mean_something_to_regular_expressions_mean_themselves():
    assert paths.glob("a.b*")("a.bc")
    assert not paths.glob("a.b*")("axbc")
    assert paths.glob("two*lines")("two\nlines")


def test_what_varies_from_run_to_run_is_left_out_of_a_shape():
    assert paths.shape("data/usage#1") == paths.shape("data/usage#2")
    assert paths.shape("items[3].id") == "items[].id"
