"""Changes of flags are seen by evaluation, with who moved."""

import pytest
from following import Following, at, kill_switch

from migration.flags.meaning.contexts import Tenant
from migration.processes.flag_watch import FlagWatch


@pytest.fixture
def watched():
    made = []

    def watch(*flags, served=(), known=None):
        flags = Following(*flags)
        made.append(flags)
        watch = FlagWatch(
            flags, ["chat"], lambda: [Tenant(tenant_id=one) for one in served], host="h", name="server 1 on h", clock=lambda: 9.0
        )
        return flags, watch, lambda: [change.entry for change in watch.look((known or {}).get)]

    yield watch
    for flags in made:
        flags.close()


def test_the_first_look_is_no_change(watched):
    _, _, look = watched(at("live"))
    assert look() == []
    assert look() == []


def test_a_jump_is_one_with_who_moved_from_where_to_where(watched):
    flags, _, look = watched(at("live", 3, pins={"pinned": "off"}), served=["acme", "pinned"])
    look()
    flags.put(at("off", 4, pins={"pinned": "off"}))
    (entry,) = look()
    assert (entry.kind, entry.surface, entry.flag, entry.version_before, entry.version_after) == (
        "jump",
        "chat",
        "execution-engine-chat",
        3,
        4,
    )
    assert entry.what == "execution-engine-chat: live -> off: acme and 20 of 20 invented tenants"
    assert (entry.tenants, entry.source, entry.seen) == (("acme",), "file:flags.json", "by evaluation, in server 1 on h")


def test_a_step_to_a_neighbour_is_no_jump(watched):
    flags, _, look = watched(at("shadow", 1))
    look()
    flags.put(at("live", 2))
    assert [entry.kind for entry in look()] == ["elsewhere"]


def test_what_changes_in_another_flag_and_moves_tenants_is_seen_too(watched):
    gate = {**kill_switch(True), "key": "gate"}
    flag = {**at("live"), "prerequisites": [{"key": "gate", "variation": 1}]}
    flags, _, look = watched(flag, gate, served=["acme"])
    look()
    flags.put(flag, {**kill_switch(False, 2), "key": "gate"})
    (entry,) = look()
    assert (entry.kind, entry.flag) == ("jump", "execution-engine-chat (by what it refers to)")


def test_switches_are_watched_and_other_peoples_flags_are_not(watched):
    flags, _, look = watched(at("live"), kill_switch(False))
    look()
    flags.put(at("live"), kill_switch(True, 2), {**kill_switch(True), "key": "theirs"})
    assert [(entry.flag, entry.kind) for entry in look()] == [("execution-engine-kill-switch", "elsewhere")]


def test_what_changed_while_no_process_looked_is_seen_at_the_start(watched):
    _, _, look = watched(at("live", 7), known={"execution-engine-chat": 5})
    (entry,) = look()
    assert (entry.version_before, entry.version_after, "while no process ran" in entry.what) == (5, 7, True)
