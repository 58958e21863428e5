"""Many edits by several processes at once: none is lost, and each that is refused is told what changed."""

from tests.integration.concurrent_edits import edit_at_once


def test_no_edit_of_four_processes_is_lost_and_each_refusal_says_what_changed(tmp_path):
    assert edit_at_once(tmp_path, processes=4, edits=8)["edits"] == 32
