"""Tables for people."""

import pytest

from migration.cli.table import table


def test_a_table_is_as_wide_as_its_cells():
    assert table("Title", ["a", "number"], [["x", "1"], ["yy", "22"]], 80).splitlines() == [
        "Title",
        "┏━━━━┳━━━━━━━━┓",
        "┃ a  ┃ number ┃",
        "┡━━━━╇━━━━━━━━┩",
        "│ x  │ 1      │",
        "│ yy │ 22     │",
        "└────┴────────┘",
    ]


@pytest.mark.parametrize("width", [40, 60])
def test_what_is_too_wide_is_folded_and_nothing_is_lost(width):
    text, path = "some more words that go on and on", "a/path/without/any/blank/in/it/that/is/long"
    lines = table("T", ["name", "what", "where"], [["n", text, path]], width).splitlines()
    assert {len(line) for line in lines[1:]} == {width}
    cells = list(zip(*([cell.strip() for cell in line[1:-1].split("│")] for line in lines[4:-1]), strict=True))
    assert (" ".join(cells[1]).split(), "".join(cells[2])) == (text.split(), path)


def test_wide_letters_take_two_columns_and_control_characters_none_of_the_terminal():
    lines = table("T", ["a"], [["日本"], ["\x1b[31mred\n"]], 80).splitlines()
    assert lines[4:6] == ["│ 日本      │", "│ [31mred   │"]
    assert "\x1b" not in "".join(lines)


def test_a_table_without_rows_has_its_head():
    assert len(table("T", ["a"], [], 80).splitlines()) == 5
