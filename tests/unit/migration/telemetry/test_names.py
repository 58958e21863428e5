"""Names in spans: a user must not be able to put a text there."""

from migration.model import EffectError
from migration.telemetry.names import OTHER, KnownNames, agent_of
from tests.unit.migration.telemetry.test_run_spans import record, tool

FAILED = EffectError(type="UnknownToolError", message="")


def test_a_name_is_shown_once_a_call_of_it_was_answered():
    names = KnownNames()
    names.learn(record(tool("lookup", FAILED)))
    before = names.shown("tool", "lookup")
    names.learn(record(tool("lookup")))
    assert (before, names.shown("tool", "lookup"), names.shown("tool", "other")) == (OTHER, "lookup", OTHER)


def test_a_name_that_has_not_the_form_of_one_is_never_shown():
    names = KnownNames()
    names.learn(record(tool("my account number is 4711")))
    assert names.shown("tool", "my account number is 4711") == OTHER


def test_the_agent_is_the_first_part_of_a_lane():
    assert (agent_of("data/lookup#1"), agent_of("data"), agent_of("")) == ("data", "data", "")
