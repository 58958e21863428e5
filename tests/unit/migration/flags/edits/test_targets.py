"""Targets of a flag: who is named, at which variation, and what an edit leaves of them."""

import pytest

from migration.flags.edits.targets import kind_of, named_by, raised, retargeted, revived, targets_of, untargeted


def target(variation, *names, kind="tenant"):
    return {"contextKind": kind, "variation": variation, "values": list(names)}


def flag(*targets):
    return {"contextTargets": list(targets)}


def test_the_first_target_that_names_a_key_counts():
    assert named_by(flag(target(1, "a", "b"), target(2, "a", "c"), target(3, "a", kind="surface")), "tenant") == {"a": 1, "b": 1, "c": 2}


def test_targets_of_users_are_placeholders_while_there_are_no_others():
    assert targets_of({"targets": [{"variation": 1, "values": ["ann"]}]}) == [{"contextKind": "user", "variation": 1, "values": []}]
    assert targets_of({"targets": [{"variation": 1}], "contextTargets": [target(2, "a")]}) == [target(2, "a")]
    assert kind_of({"variation": 1}) == "user"


@pytest.mark.parametrize(
    ("names", "left"),
    [({"a"}, [target(1, "b"), target(2, "c")]), ({"c"}, [target(1, "a", "b")]), ({"x"}, [target(1, "a", "b"), target(2, "c")])],
)
def test_a_target_that_loses_its_last_key_is_removed(names, left):
    assert untargeted(flag(target(1, "a", "b"), target(2, "c")), "tenant", names) == left


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([target(1, "a")], [target(2, "a")]),
        ([target(1, "a", "b"), target(2, "c")], [target(1, "b"), target(2, "c", "a")]),
        ([target(2, "b", "a")], [target(2, "b", "a")]),
        ([], [target(2, "a")]),
        ([target(0, "x", kind="surface")], [target(2, "a"), target(0, "x", kind="surface")]),
    ],
    ids=["moves", "joins", "is there", "is new", "comes before surfaces"],
)
def test_a_key_is_at_one_variation_afterwards(before, after):
    assert retargeted(flag(*before), "tenant", ["a"], 2) == after


def test_a_surface_comes_after_all_tenants():
    assert retargeted(flag(target(1, "a")), "surface", ["x"], 2) == [target(1, "a"), target(2, "x", kind="surface")]


@pytest.mark.parametrize(
    ("old", "made"),
    [
        (None, {"on": True}),
        ({"on": False, "version": 3}, {"on": False, "version": 3}),
        ({"deleted": True, "version": 3}, {"on": True, "version": 3}),
    ],
)
def test_a_deleted_flag_lives_on_in_its_version_alone(old, made):
    assert revived(old, {"on": True}) == made


@pytest.mark.parametrize(("old", "version"), [(None, 8), ({"a": 0, "version": 7}, 8), ({"a": 1, "version": 7}, 7)])
def test_the_version_rises_with_each_change_and_with_nothing_else(old, version):
    assert raised(old, {"a": 1, "version": 7})["version"] == version
