"""The codemod on 5,000 drawn projects, and killed at 200 places while it writes."""

import pytest

from tests.integration.test_codemod_killed import kill_while_it_writes
from tests.property.test_codemod_laws import explore

PARTS = 5


@pytest.mark.parametrize("part", range(PARTS))
def test_what_worked_works_in_a_thousand_projects_more(tmp_path, part):
    found = explore(tmp_path / "project", 1_000, 1 + part % 3)
    assert found["projects"] >= 1_000
    assert found["rewritten"] >= 300
    assert found["useless"] <= 50


def test_each_file_is_the_old_or_the_new_one_whenever_it_is_killed():
    found = [row for seed in range(10) for row in kill_while_it_writes(20, seed)]
    assert len(found) == 200
    assert {torn for _, _, _, torn, _ in found} == {0}
    assert {finished == old + new for _, old, new, _, finished in found} == {True}
