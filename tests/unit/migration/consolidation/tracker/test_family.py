"""Boxes of what the audit finds: each ticks when its fact holds and empties when it does not."""

import pytest

from migration.consolidation.baseline_name import BASELINE_NAME
from migration.consolidation.tracker.page import as_markdown
from migration.consolidation.tracker.tracking import track

MANIFEST = """
[tool.netra-migration.removal.surfaces.shop]
engines = ["shop/old.py"]
adapter = "use.py"
ledger = "ledger/shop.toml"
"""
IMPLEMENTATIONS = """
[tool.netra-migration.tracker.implementations]
"shop/target.py" = "target"
"shop/factory.py" = "factory"
"shop/old.py" = "duplicate"
"""
GONE = {"shop/old.py": None, "use.py": "", "tests/test_old.py": None}


def told(box):
    return (box.done, box.evidence)


def test_a_file_that_cannot_be_read_empties_its_box(boxes):
    text = "Every file of the tree can be read."
    assert told(boxes()[text]) == (True, "The audit has no such finding.")
    assert told(boxes({"shop/broken.py": "class OldEngine(:\n"})[text]) == (False, "`shop/broken.py`.")


def test_an_import_that_leads_nowhere_empties_its_box(boxes):
    text = "No import of the family is broken."
    assert boxes()[text].done
    assert told(boxes({"use.py": "from shop.old import OlderEngine\n"})[text]) == (False, "`use.py`.")


def test_a_call_that_its_callee_does_not_take_empties_its_box(boxes):
    text = "Every call fits the signature of its callee."
    assert boxes()[text].done
    assert told(boxes({"use.py": "from shop.old import OldEngine\n\nOldEngine(1, 2)\n"})[text]) == (False, "`use.py`.")


def test_without_a_list_target_and_factory_have_to_be_there(boxes):
    text = "Every implementation is known, with its role."
    assert told(boxes()[text]) == (True, "3 implementations.")
    assert told(boxes({"shop/factory.py": ""})[text]) == (False, "there is no factory.")


@pytest.mark.parametrize(
    ("changed", "table", "expected"),
    [
        ({}, IMPLEMENTATIONS, (True, "3 implementations, as expected.")),
        ({"shop/fast.py": "class FastEngine: ...\n"}, IMPLEMENTATIONS, (False, "`shop/fast.py` is new.")),
        (GONE, IMPLEMENTATIONS, (True, "2 of 3 exist.")),
        ({"shop/factory.py": ""}, IMPLEMENTATIONS, (False, "there is no factory.")),
        (
            {},
            IMPLEMENTATIONS.replace("duplicate", "deprecated"),
            (False, "`shop/old.py` is duplicate, but deprecated was expected."),
        ),
    ],
)
def test_with_a_list_nothing_may_be_new_and_what_has_to_go_may_go(changed, table, expected, boxes):
    assert told(boxes(changed, table)["Every implementation is known, with its role."]) == expected


def test_an_implementation_without_a_test_has_an_empty_box_until_it_is_gone(boxes):
    text = "Tests characterise `shop/old.py`."
    assert told(boxes(table=IMPLEMENTATIONS)[text]) == (True, "In `tests/test_old.py`.")
    untested = {"tests/test_old.py": "from shop.old import OldEngine\n\n\ndef test_it(): ...\n"}
    assert told(boxes(untested, IMPLEMENTATIONS)[text]) == (False, "No test uses it.")
    assert boxes(GONE, IMPLEMENTATIONS)[text].done


def test_a_new_consumer_empties_a_box_that_was_ticked(boxes):
    text = "Nothing uses `shop/old.py`."
    assert told(boxes({"use.py": "", "tests/test_old.py": None})[text]) == (True, "Used by no file.")
    assert told(boxes({"use.py": "import shop.old\n", "tests/test_old.py": "NAME = 'shop.old.OldEngine'\n"})[text]) == (
        False,
        "Used by `use.py`, and by 1 test file.",
    )


def test_a_string_that_names_what_has_to_go_empties_its_box(boxes):
    text = "No string names an implementation that must be removed."
    assert boxes()[text].done
    assert told(boxes({"app.toml": "engine = 'shop.old:OldEngine'\n"})[text]) == (False, "`app.toml`.")


def test_the_guards_box_is_that_of_its_baseline(boxes, baseline):
    text = "No implementation is added, and no use of an implementation that must be removed."
    assert "there is no baseline" in boxes()[text].evidence
    baseline()
    assert told(boxes()[text]) == (True, "The guard finds nothing.")
    grown = boxes({"other.py": "import shop.old\n"})[text]
    assert told(grown) == (False, "other.py: a new consumer of shop.old, which will be removed; use the target; 1 finding.")


def test_a_baseline_that_cannot_be_read_leaves_the_box_empty_and_says_why_without_naming_the_machine(boxes, tmp_path):
    box = boxes({BASELINE_NAME: "["})["No implementation is added, and no use of an implementation that must be removed."]
    assert not box.done
    assert box.evidence.startswith(f"The evidence cannot be read: {BASELINE_NAME}: is not a baseline")
    assert str(tmp_path) not in box.evidence


def test_the_codemod_has_something_to_do_while_there_are_consumers(boxes):
    text = "The codemod has nothing to rewrite and leaves nothing to a person."
    assert told(boxes()[text]) == (False, "2 consumers left.")
    assert told(boxes({"use.py": "", "tests/test_old.py": None})[text]) == (True, "Nothing is left.")


def test_what_only_the_codemod_sees_empties_its_box(boxes):
    """A path of a file that has to go makes nobody a consumer, and is left to a person all the same."""
    changed = {"use.py": "", "tests/test_old.py": None, "app.toml": "keep = 'shop/old.py'\n"}
    box = boxes(changed)["The codemod has nothing to rewrite and leaves nothing to a person."]
    assert told(box) == (False, "`app.toml:1` is left to a person.")


def test_only_target_and_factory_are_left_in_the_end(boxes):
    text = "The target and its factory are the only implementations."
    assert told(boxes()[text]) == (False, "1 other implementation exists.")
    assert told(boxes(GONE)[text]) == (True, "The audit finds no other implementation.")


def test_what_is_gone_is_ticked_when_nobody_names_it_any_more(boxes):
    text = "`shop/old.py` is removed."
    assert told(boxes(table=IMPLEMENTATIONS)[text]) == (False, "It still exists.")
    named = GONE | {"notes.md": "It was shop.old, once.\n"}
    assert told(boxes(named, IMPLEMENTATIONS)[text]) == (False, "Still named in `notes.md`.")
    offered = "[project.entry-points.shop]\nold = 'shop.old:OldEngine'\n"
    assert told(boxes({"notes.md": None}, IMPLEMENTATIONS + offered)[text]) == (False, "Still named in `pyproject.toml`.")
    longer = GONE | {"notes.md": "We have shop.older and my.shop.old.\n"}
    assert told(boxes(longer, IMPLEMENTATIONS)[text]) == (True, "It was removed, and no file names its module.")


def test_the_page_itself_names_what_is_gone_and_does_not_keep_it_alive(boxes, tmp_path):
    text = "`shop/old.py` is removed."
    boxes(table=IMPLEMENTATIONS)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "tracker.md").write_text(as_markdown(track(tmp_path)))
    assert "shop.old" in (tmp_path / "docs" / "tracker.md").read_text()
    box = boxes(GONE, IMPLEMENTATIONS)[text]
    assert told(box) == (True, "It was removed, and no file names its module.")
    assert box.command == "! ls shop/old.py && ! git grep -wF shop.old -- . ':!docs/tracker.md'"


def test_every_implementation_that_has_to_go_belongs_to_a_surface(boxes):
    text = "Every implementation that must be removed belongs to a surface and is removed with it."
    assert text not in boxes()
    assert told(boxes({"ledger/shop.toml": ""}, MANIFEST)[text]) == (True, "Each belongs to a surface.")
    assert told(boxes({"shop/fast.py": "class FastEngine: ...\n"}, MANIFEST)[text]) == (False, "`shop/fast.py` belongs to no surface.")
    assert told(boxes({"shop/fast.py": None, "ledger/shop.toml": None}, MANIFEST)[text]) == (False, "`ledger/shop.toml` does not exist.")


ENTRY = "[[accepted]]\nid = 'a'\nfingerprint = '0f3a9c2b71de'\nreason = 'r'\nowner = 'o'\nexpires = 2001-01-01\n"
PERMANENT = ENTRY.replace("expires = 2001-01-01", "permanent = true")


@pytest.mark.parametrize(
    ("ledger", "in_order", "settled"),
    [
        (ENTRY, (True, "1 entry, 1 of them with a last day."), (False, "1 entry, 1 of them with a last day.")),
        (PERMANENT, (True, "1 entry, 0 of them with a last day."), (True, "1 entry, 0 of them with a last day.")),
        ("", (True, "No entry."), (True, "No entry.")),
        (None, (False, "`ledger/shop.toml` does not exist."), (True, "`ledger/shop.toml` does not exist.")),
    ],
)
def test_a_ledger_is_in_order_first_and_settled_in_the_end(ledger, in_order, settled, boxes):
    found = boxes({"ledger/shop.toml": ledger}, MANIFEST)
    assert told(found["Every accepted difference on `shop` has an owner, a reason, and a last day or `permanent`."]) == in_order
    assert told(found["The remaining differences on `shop` are accepted permanently."]) == settled


def test_an_entry_that_nobody_owns_empties_both_boxes(boxes):
    found = boxes({"ledger/shop.toml": ENTRY.replace("owner = 'o'\n", "")}, MANIFEST)
    evidence = [box.evidence for text, box in found.items() if "on `shop`" in text and not box.done]
    assert len(evidence) == 2
    assert all(text.startswith("The evidence cannot be read: ledger/shop.toml, line 1") for text in evidence)
