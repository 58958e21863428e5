"""The kinds of hidden users that are planted."""

import ast

import pytest

from migration.consolidation.removal.eyesight.kinds import HIDDEN_USERS, UsedEngine

ENGINE = UsedEngine(module="shop.old.engine", name="OldEngine")


def test_there_are_at_least_twelve_kinds_that_an_audit_has_to_see_and_some_that_it_cannot():
    assert sum(one.visible for one in HIDDEN_USERS) >= 12
    assert not all(one.visible for one in HIDDEN_USERS)
    assert len({one.kind for one in HIDDEN_USERS}) == len(HIDDEN_USERS)


@pytest.mark.parametrize("user", HIDDEN_USERS, ids=lambda one: one.kind)
def test_what_is_planted_is_filled_in_and_python_accepts_it(user):
    for name, text in user.plant(ENGINE, "planted", ".").items():
        assert name.startswith("planted")
        assert not any(word in text for word in ("MODULE", "PACKAGE", "STEM", "NAME"))
        if name.endswith(".py"):
            ast.parse(text)
