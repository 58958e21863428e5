"""A TOML text whose errors name the line."""

import msgspec
import pytest

from migration.errors import ConfigurationError
from migration.toml_text import TomlText


class Row(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    at: int = 0


class Whole(msgspec.Struct, forbid_unknown_fields=True):
    rows: list[Row] = []
    names: dict[str, int] = {}


TEXT = """\
title = "x"

[[rows]]
id = "a"

[[rows]]
id = "b"
at = 2

[names]
"with dots" = 1
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 1),
        (("rows", 0), 3),
        (("rows", 1, "at"), 8),
        (("rows", 1, "unknown"), 6),
        (("names", "with dots"), 11),
        (("nothing",), None),
    ],
)
def test_a_place_is_the_closest_line_that_there_is(path, line):
    assert TomlText(TEXT, "a.toml").place(*path) == ("a.toml" if line is None else f"a.toml:{line}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[[rows]]\nid = "a"\n[[rows]]\nid = 7\n', 4),
        ('[[rows]]\nid = "a"\nwrong = 1\n', 3),
        ("[[rows]]\nat = 1\n", 1),
        ('[names]\n"a" = 1\n"b" = "x"\n', 1),
    ],
    ids=["type", "unknown", "missing", "arbitrary keys"],
)
def test_what_does_not_fit_is_an_error_at_its_line(text, line):
    with pytest.raises(ConfigurationError, match=rf"^a\.toml:{line}: "):
        TomlText(text, "a.toml").read(Whole)


def test_a_table_that_is_missing_counts_as_empty():
    assert TomlText(TEXT, "a.toml").read(Whole, "tool", "none") == Whole()


def test_text_that_is_not_toml_says_where_and_what_to_do():
    with pytest.raises(ConfigurationError, match=r"^a\.toml:2: .*; repair the TOML$"):
        TomlText("a = 1\nb = = 2\n", "a.toml")


def test_a_file_that_cannot_be_read_is_named_with_its_purpose(tmp_path):
    with pytest.raises(ConfigurationError, match="the policy cannot be read"):
        TomlText.of(tmp_path / "gone.toml", "the policy")


def test_a_mark_at_the_beginning_of_a_file_is_not_part_of_it(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert TomlText.of(tmp_path / "a.toml", "x").document == {"a": 1}
