"""The flag file as one value, and its three switches."""

from typing import Any

import msgspec
import pytest

from migration.errors import FlagSourceError
from migration.flags.document import default_document, parse_document, read_flags, render_document
from migration.flags.ramp import pin, share
from migration.flags.switches import CANDIDATE_FAILOVER, KILL_SWITCH, SHADOW_SAMPLING, KillSwitch
from migration.model import Stage

DEFAULT = default_document(["chat", "batch"])


def again(document):
    """Return the document as it is after a round through the file."""
    return parse_document(read_flags(render_document(document)), ["chat", "batch"])


def versions(document) -> dict[str, int]:
    return {key: flag["version"] for key, flag in document.raw["flags"].items()}


def test_by_default_everybody_is_at_off_and_every_shadow_is_sampled():
    document = again(DEFAULT)
    assert [flag.percents()[Stage.OFF] for flag in document.surfaces.values()] == [100.0, 100.0]
    assert (document.kill_switch, document.sampling_percent, document.failover) == (KillSwitch(), 100.0, False)


def test_every_edit_comes_back_from_the_file():
    flag = pin(share(DEFAULT.surfaces["chat"], Stage.SHADOW, 10.0), "acme", Stage.LIVE)
    document = again(DEFAULT.with_surface(flag).with_kill_switch(on=True, surface="batch").with_sampling(12.5))
    assert document.surfaces["chat"].stage_of("acme") is Stage.LIVE
    assert document.surfaces["chat"].weights == flag.weights
    assert (document.kill_switch.holds("batch"), document.kill_switch.holds("chat"), document.sampling_percent) == (True, False, 12.5)


def test_only_the_version_of_the_flag_that_changed_is_raised():
    before = again(DEFAULT)
    after = again(before.with_surface(share(before.surfaces["chat"], Stage.DUALWRITE)))
    assert {key for key, version in versions(after).items() if version != versions(before)[key]} == {"execution-engine-chat"}
    assert after.version == before.version + 1


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.with_sampling(50.0),
        lambda document: document.with_kill_switch(on=True),
        lambda document: document.with_kill_switch(on=True, surface="chat"),
        lambda document: document.with_surface(pin(document.surfaces["chat"], "acme", Stage.OFF)),
    ],
)
def test_every_change_raises_a_version_and_no_change_raises_none(change):
    before = again(DEFAULT)
    assert (again(change(before)).version, again(before).version) == (before.version + 1, before.version)


def test_flags_and_fields_of_others_survive_an_edit():
    raw = read_flags(render_document(DEFAULT))
    raw["segments"] = {"beta": {"key": "beta"}}
    raw["flags"]["another-team"] = {"anything": 1}
    raw["flags"]["execution-engine-chat"]["maintainer"] = "ops"
    after = again(parse_document(raw, []).with_sampling(1.0)).raw
    assert (after["segments"], after["flags"]["another-team"]) == (raw["segments"], {"anything": 1})
    assert after["flags"]["execution-engine-chat"]["maintainer"] == "ops"


def test_a_surface_in_the_file_that_the_settings_do_not_name_is_read_too():
    assert set(parse_document(read_flags(render_document(DEFAULT)), []).surfaces) == {"chat", "batch"}


@pytest.mark.parametrize(
    ("start", "turn", "held"),
    [
        (KillSwitch(), (True, None), {"chat", "batch"}),
        (KillSwitch(), (True, "chat"), {"chat"}),
        (KillSwitch(everywhere=True), (False, "chat"), {"batch"}),
        (KillSwitch(everywhere=True, exceptions=frozenset({"chat"})), (True, "chat"), {"chat", "batch"}),
        (KillSwitch(everywhere=True, exceptions=frozenset({"chat"})), (False, None), set()),
        (KillSwitch(exceptions=frozenset({"chat"})), (False, "chat"), set()),
        (KillSwitch(exceptions=frozenset({"chat"})), (True, None), {"chat", "batch"}),
    ],
)
def test_the_kill_switch_turns_for_one_surface_or_for_all(start, turn, held):
    turned = start.turned(*turn)
    document = again(DEFAULT.with_kill_switch(on=False))
    document = parse_document({"flags": {KILL_SWITCH: {**turned.render({}), "version": 1}}}, document.surfaces)
    assert {surface for surface in ("chat", "batch") if document.kill_switch.holds(surface)} == held


SPOILED_SWITCHES: list[tuple[str, dict[str, Any], str]] = [
    (KILL_SWITCH, {"variations": [True, False]}, "must be false, true"),
    (KILL_SWITCH, {"variations": [0, 1]}, "must be false, true"),
    (KILL_SWITCH, {"fallthrough": {"variation": 2}}, "fallthrough must point"),
    (KILL_SWITCH, {"fallthrough": {}}, "fallthrough must point"),
    (KILL_SWITCH, {"on": False, "offVariation": None}, "offVariation must point"),
    (KILL_SWITCH, {"contextTargets": [{"contextKind": "tenant", "variation": 1, "values": []}]}, "of kind surface"),
    (SHADOW_SAMPLING, {"variations": [0, 101]}, "from 0 to 100"),
    (SHADOW_SAMPLING, {"variations": [0, True]}, "from 0 to 100"),
    (SHADOW_SAMPLING, {"variations": [0, "all"]}, "from 0 to 100"),
    (CANDIDATE_FAILOVER, {"variations": ["no", "yes"]}, "must be false, true"),
]


@pytest.mark.parametrize(("key", "changed", "message"), SPOILED_SWITCHES)
def test_a_spoiled_switch_is_refused(key, changed, message):
    raw = read_flags(render_document(DEFAULT))
    raw["flags"][key].update(changed)
    with pytest.raises(FlagSourceError, match=message):
        parse_document(raw, [])


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{}", b'{"flags": []}', b'{"flags": {', b"\xff", b"flags: {}"])
def test_a_file_of_another_shape_is_refused(data):
    with pytest.raises(FlagSourceError):
        read_flags(data)


def test_the_file_is_json_for_people():
    assert render_document(DEFAULT) == msgspec.json.format(render_document(DEFAULT), indent=2) + b"\n"
