"""Marked regions: what is cut, what stays, and marks that are wrong."""

import pytest

from migration.consolidation.removal.apply.regions import cut_regions
from migration.errors import ConfigurationError

MARKDOWN = b"one\n\n<!-- goes with: alpha -->\n\ntwo\n\n<!-- stays -->\n\nthree\n"
PYTHON = b"a = 1\n# goes with: alpha, beta\nb = 2\n# stays\nc = [\n    1,  # goes with: beta\n    2,\n]\n"


def cut(data: bytes, *going: str, staying: tuple[str, ...] = ()) -> bytes:
    return cut_regions("file", data, going, staying)


def test_a_region_goes_with_its_marks_and_leaves_one_gap():
    assert cut(MARKDOWN, "alpha") == b"one\n\nthree\n"


def test_a_region_of_another_surface_stays_with_its_marks():
    assert cut(MARKDOWN, "beta", staying=("alpha",)) == MARKDOWN


@pytest.mark.parametrize(("going", "staying", "goes"), [(["alpha"], ["beta"], False), (["beta"], [], True), (["alpha", "beta"], [], True)])
def test_a_region_of_several_surfaces_goes_with_the_last_of_them(going, staying, goes):
    assert (b"b = 2" not in cut(PYTHON, *going, staying=tuple(staying))) is goes


def test_a_mark_at_the_end_of_a_line_is_for_that_line():
    assert cut(PYTHON, "beta", staying=("alpha",)) == PYTHON.replace(b"    1,  # goes with: beta\n", b"")


def test_what_goes_at_the_beginning_or_end_of_a_file_leaves_no_blank_lines_there():
    assert cut(b"# goes with: alpha\na\n# stays\n\nb\n", "alpha") == b"b\n"
    assert cut(b"b\n\n# goes with: alpha\na\n# stays\n", "alpha") == b"b\n"


@pytest.mark.parametrize(
    "text", [b"no marks\n", b"it goes with: alpha\n", b"x = '# goes with: alpha' + y\n", b"\xff\x00 goes with: alpha\n"]
)
def test_what_is_no_mark_stays_byte_by_byte(text):
    assert cut(text, "alpha") == text


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("# goes with: alpha|x", "file:1: the region does not end"),
        ("x|# stays|# goes with: alpha", "file:2: `stays` without"),
        ("# goes with: alpha|# goes with: beta|# stays", "file:2: a region begins inside the region that begins on line 1"),
    ],
)
def test_marks_that_do_not_fit_are_told_with_their_place(lines, told):
    with pytest.raises(ConfigurationError, match=told):
        cut(lines.replace("|", "\n").encode() + b"\n", "beta")
