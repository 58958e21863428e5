"""What is generated has one mechanism: `make docs` writes it, `make check` finds what is out of date."""

import re

import pytest

from docs.generated import FILES, PARTS, ROOT, main, renewed, unused


def test_every_part_that_something_makes_stands_on_a_page():
    assert unused(ROOT, PARTS) == set()


def test_a_part_that_nothing_makes_is_an_error_that_names_those_there_are():
    with pytest.raises(LookupError, match="nothing makes the part `nonsense`; name one of one, other"):
        renewed("<!-- generated: nonsense -->\n<!-- end -->", {"one": str, "other": str})


def test_only_the_marked_part_of_a_page_is_made_anew_and_what_cannot_be_made_stays():
    page = "a\n<!-- generated: one -->\nold\n<!-- end -->\nb\n<!-- generated: other -->\nkept\n<!-- end -->\n"
    made = renewed(page, {"one": lambda: "new\n", "other": lambda: None})
    assert made == page.replace("\nold\n", "\n\nnew\n\n")
    assert renewed(made, {"one": lambda: "new\n", "other": lambda: None}) == made


def test_every_generated_file_is_written_and_no_page_has_a_mark_that_is_not_closed():
    assert [path for path in FILES if not (ROOT / path).is_file()] == []
    for page in (ROOT / "docs").rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert len(re.findall("^<!-- generated: ", text, re.MULTILINE)) == len(re.findall("^<!-- end -->$", text, re.MULTILINE)), page


@pytest.fixture
def copy(tmp_path):
    """A root of its own with one page, whose port is misspelt."""
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "settings.md"
    page.write_text((ROOT / "docs" / "settings.md").read_text(encoding="utf-8").replace("`NETRA_PORT`", "`NETRA_POTR`"), encoding="utf-8")
    return page


def test_a_page_that_is_out_of_date_is_shown_with_its_difference_and_left_alone(copy, capsys):
    assert main(["--check", str(copy)], copy.parents[1]) == 1
    shown = capsys.readouterr()
    assert "-| `NETRA_POTR` |" in shown.out
    assert "make docs" in shown.err
    assert "NETRA_POTR" in copy.read_text(encoding="utf-8")


def test_writing_names_what_was_out_of_date_and_a_second_time_nothing_is(copy, capsys):
    assert main([str(copy)], copy.parents[1]) == 0
    assert capsys.readouterr().out == "docs/settings.md\n"
    assert main(["--check", str(copy)], copy.parents[1]) == 0
