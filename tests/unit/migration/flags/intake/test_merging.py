"""What holds after a report of the source: its flags, and the last known state of what is missing or cannot be used."""

import pytest

from migration.flags.intake.merging import merged
from migration.flags.meaning.data import FlagData, FlagProblem
from tests.unit.migration.flags.making import surface_flag

KEY = "execution-engine-chat"
BROKEN = FlagProblem(key=KEY, place="on", what="must be true or false")


def merge(said, known=(), problems=(), segments=(), known_segments=()):
    return merged(
        FlagData(flags=dict(said), segments=dict(segments)),
        problems,
        known=FlagData(flags=dict(known), segments=dict(known_segments)),
        surfaces=["chat"],
        ours=[KEY],
    )


def test_a_flag_that_can_be_used_holds_as_it_is():
    done = merge({KEY: surface_flag(version=2)}, {KEY: surface_flag(version=1)})
    assert (done.data.flags[KEY]["version"], done.problems, done.held, done.lost) == (2, (), frozenset(), frozenset())


@pytest.mark.parametrize(
    ("said", "problems"),
    [({}, ()), ({}, (BROKEN,)), ({KEY: surface_flag(fallthrough={"variation": 99})}, ())],
    ids=["missing", "refused by the SDK", "gives no usable value"],
)
def test_the_last_known_state_of_our_flag_holds_and_why_is_said(said, problems):
    known = surface_flag(version=5)
    done = merge(said, {KEY: known}, problems)
    assert (done.data.flags[KEY], done.held) == (known, {("flag", KEY)})
    assert [problem.key for problem in done.problems] == [KEY]


def test_what_was_never_known_is_lost():
    assert merge({}, problems=(BROKEN,)).lost == {("flag", KEY)}


def test_a_flag_that_was_deleted_on_purpose_is_not_held():
    assert merge({}, {KEY: {"key": KEY, "version": 1, "deleted": True}}).held == frozenset()


def test_what_our_flags_depend_on_is_needed_and_held_too():
    clause = {"attribute": "", "op": "segmentMatch", "values": ["big"], "contextKind": "tenant"}
    ours = surface_flag(rules=[{"id": "r", "variation": 1, "clauses": [clause]}])
    segment = {"key": "big", "version": 1, "included": [], "excluded": [], "rules": [], "salt": "s"}
    done = merge({KEY: ours}, known_segments={"big": segment})
    assert done.needed == {("flag", KEY), ("segment", "big")}
    assert done.held == {("segment", "big")}
