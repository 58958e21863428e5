"""Whether the audit sees enough to be believed."""

from migration.consolidation.removal.eyesight.planting import Seen
from migration.consolidation.removal.readiness.sight import FEWEST_KINDS, eyesight


def seen(number=FEWEST_KINDS, missed=0):
    visible = [Seen(kind=f"kind {place}", planted=3, seen=3 - (place < missed), visible=True) for place in range(number)]
    return [*visible, Seen(kind="from input", planted=3, seen=0, visible=False)]


def test_it_is_met_if_all_visible_kinds_are_seen_and_names_what_is_not_visible():
    found = eyesight(seen())
    assert found.met
    assert "all 36 planted users of 12 kinds; users of 1 other kinds (from input) are not visible in code" in found.detail
    assert found.evidence["kinds"][-1] == {"kind": "from input", "planted": 3, "seen": 0, "visible": False, "recall": 0.0}


def test_one_missed_user_is_enough_to_refuse():
    found = eyesight(seen(missed=1))
    assert not found.met
    assert "kind 0 (2 of 3)" in found.detail


def test_fewer_kinds_than_twelve_prove_nothing():
    assert not eyesight(seen(FEWEST_KINDS - 1)).met
    assert not eyesight([]).met


def test_a_kind_of_which_none_was_planted_does_not_count():
    assert not eyesight([*seen(FEWEST_KINDS - 1), Seen(kind="none", planted=0, seen=0, visible=True)]).met
