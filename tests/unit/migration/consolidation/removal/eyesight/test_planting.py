"""What the audit sees of users that are planted in a copy."""

import pytest
from msgspec.structs import replace

from migration.consolidation.auditing import audit
from migration.consolidation.removal.eyesight.planting import eyesight
from migration.consolidation.sources import discovery
from migration.errors import ConfigurationError


@pytest.fixture
def look(tree):
    def run(surface="chat", **configured):
        root = tree.root.resolve()
        configuration = replace(tree.configuration, **configured)
        inventory = audit(root, configuration=configuration)
        return {one.kind: one for one in eyesight(root, configuration, {surface: tree.manifest.of(surface)}, inventory)[surface]}

    return run


def test_every_visible_kind_is_seen_wherever_it_is_planted(look):
    found = look()
    assert {kind: (one.seen, one.planted) for kind, one in found.items() if one.visible and one.recall < 1} == {}
    assert {one.planted for one in found.values()} == {2}  # at the top, and next to the engine in the top folder


def test_a_name_that_exists_only_at_run_time_is_not_seen_and_the_result_shows_it(look):
    found = look()["name from the environment"]
    assert (found.visible, found.recall) == (False, 0.0)


def test_where_the_audit_does_not_look_it_sees_nothing(look):
    assert {one.recall for one in look(exclude=("pkg/planted*",)).values() if one.visible} == {0.5}


def test_an_audit_that_does_not_read_a_kind_of_file_is_found_out(look, monkeypatch):
    monkeypatch.setattr(discovery, "_CONFIGURATION", (".toml", ".sh"))
    found = look()
    assert {kind for kind, one in found.items() if one.visible and one.recall < 1} == {"notebook"}


def test_the_tree_itself_is_not_touched(look, tree):
    before = sorted(tree.root.rglob("*"))
    look()
    assert sorted(tree.root.rglob("*")) == before


def test_a_copy_that_cannot_be_made_is_an_error_that_says_where(look, tree, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(ConfigurationError, match="make room there"):
        look()
