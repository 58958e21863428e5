"""Proved edits in full: many edits at once, and many drawn flags."""

import pytest

from tests.integration.concurrent_edits import edit_at_once
from tests.property.test_edit_laws import explore


def test_of_a_thousand_edits_by_four_processes_none_is_lost(tmp_path):
    found = edit_at_once(tmp_path, processes=4, edits=250)
    assert found["edits"] == 1_000
    assert found["refusals"] > 0


@pytest.mark.parametrize("_part", range(4))
def test_of_ten_thousand_drawn_edits_none_that_is_proved_moves_a_tenant_against_the_rule(_part):
    found = explore(2_500, 200)
    assert found["moved"] >= 200
