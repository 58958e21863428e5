"""The manifest without what it says of what went; all else keeps every character."""

import pytest

from migration.consolidation.removal.apply.tables import cut_manifest

TEXT = """\
[project]
name = "x" # ours

# how chat goes
[tool.netra-migration.removal.surfaces.chat]
tests = ["a.py"]

[tool.netra-migration.audit.roles]
"old.py" = "duplicate"
"new.py" = "target"

[tool.netra-migration.tests]
each = ["old.py::test_a", "new.py"]
only = ["old.py"]

[tool.other]
path = "old.py"
"""


def test_the_table_of_a_surface_goes_with_its_comment():
    left = cut_manifest(TEXT, ["chat"], [], whole=False)
    assert "surfaces.chat" not in left
    assert "how chat goes" not in left


@pytest.mark.parametrize(
    ("gone", "kept"),
    [('"old.py" = "duplicate"', '"new.py" = "target"'), ("only =", 'each = ["new.py"]'), ("test_a", '[tool.other]\npath = "old.py"')],
)
def test_keys_elements_and_lists_of_files_that_go_are_removed_from_our_tables(gone, kept):
    left = cut_manifest(TEXT, [], ["old.py"], whole=False)
    assert gone not in left
    assert kept in left


def test_with_the_migration_all_its_tables_go_and_no_others():
    assert cut_manifest(TEXT, [], [], whole=True) == '[project]\nname = "x" # ours\n\n[tool.other]\npath = "old.py"\n'


def test_a_manifest_that_says_nothing_of_it_stays_as_it_is():
    assert cut_manifest(TEXT, [], ["other.py"], whole=False) == TEXT
