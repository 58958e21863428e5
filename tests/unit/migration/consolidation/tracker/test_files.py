"""Boxes of files: that they are there, what they say, and who says what."""

import pytest

TEXT = "It is so."


def told(box):
    return (box.done, box.evidence)


def table(**values):
    lines = "".join(f"{key} = {value!r}\n" for key, value in values.items())
    return f"[[tool.netra-migration.tracker.plan]]\ntext = 'It is so.'\n{lines}"


def test_files_are_there_and_say_words(boxes):
    asked = table(check="files", files=["docs/plan.md"], say=["## Decision"])
    assert told(boxes(table=asked)[TEXT]) == (False, "`docs/plan.md` does not exist.")
    assert told(boxes({"docs/plan.md": "Later.\n"}, asked)[TEXT]) == (False, "`docs/plan.md` does not contain `## Decision`.")
    assert told(boxes({"docs/plan.md": "## Decision\n"}, asked)[TEXT]) == (True, "`docs/plan.md`.")


def test_a_folder_is_no_file(boxes):
    assert not boxes(table=table(check="files", files=["shop"]))[TEXT].done


def test_without_a_file_the_box_is_empty(boxes):
    assert not boxes(table=table(check="files", files=[]))[TEXT].done


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"words": ["shop.old"], "places": ["use.py", "tests"]}, (True, "Only in `use.py` and `tests`.")),
        ({"words": ["flag-"], "places": ["absent"]}, (True, "Nowhere.")),
        ({"words": ["shop.old"], "places": ["use"]}, (False, "Also in `tests/test_old.py` and `use.py`.")),
        ({"words": ["shop.old"], "within": ["shop"]}, (True, "Nowhere.")),
        ({"words": ["shop.old"], "within": ["shpo"]}, (False, "There is no file to check.")),
        ({"words": []}, (False, "No word is named.")),
        ({"words": [""]}, (False, "No word is named.")),
    ],
)
def test_words_stand_in_certain_places_only(values, expected, boxes):
    assert told(boxes(table=table(check="only-in", **values))[TEXT]) == expected


def test_a_new_place_empties_the_box(boxes):
    asked = table(check="only-in", words=["flag-"], within=["shop"])
    assert boxes(table=asked)[TEXT].done
    assert told(boxes({"shop/more.py": "KEY = 'flag-orders'\n"}, asked)[TEXT]) == (False, "Also in `shop/more.py`.")


def test_commands_in_comments_are_not_run(boxes):
    asked = table(check="runs", file="ci", commands=["make test"])
    assert told(boxes({"ci": "set -e\nmake test\n"}, asked)[TEXT]) == (True, "`ci` does.")
    assert told(boxes({"ci": "set -e\n  # make test\n"}, asked)[TEXT]) == (False, "`ci` does not run `make test`.")
    assert not boxes(table=table(check="runs", file="ci", commands=[]))[TEXT].done


def test_bytes_that_are_no_text_leave_the_box_empty(boxes, write):
    root = write({})
    (root / "ci").write_bytes(b"\xff")
    box = boxes(table=table(check="runs", file="ci", commands=["make test"]))[TEXT]
    assert not box.done
    assert box.evidence.startswith("The evidence cannot be read: ")
