"""Control's events as they follow on those that a client has already."""

import msgspec
import pytest

from migration.comparison import parse_policy
from migration.failover.continuation import Continuation
from tests.unit.migration.failover.programs import POLICY, Engine, Say, make_request


def event(step: Say, number: int = 1):
    return Engine.event(step, number)


def continued(delivered: list[Say], said: list[Say]) -> list:
    """Return what the client is sent of what control says."""
    before = [event(step, number) for number, step in enumerate(delivered, 1)]
    continuation = Continuation(POLICY, make_request(), before, 2.0)
    return [one for number, step in enumerate(said, 1) for one in continuation.take(event(step, number))]


def kinds(events) -> list[str]:
    return [one.kind for one in events]


@pytest.mark.parametrize(
    ("delivered", "said", "sent"),
    [
        # What the client has: by lane and kind, in order.
        ([Say("begun")], [Say("begun"), Say("thought", step=1)], ["thought"]),
        (
            [Say("thought", step=1)],
            [Say("thought", "chooser", step=1), Say("thought", step=1), Say("thought", step=2)],
            ["thought", "thought"],
        ),
        # Once.
        ([], [Say("begun"), Say("begun"), Say("begun", "chooser")], ["begun", "begun"]),
        # After the end of an agent there is nothing, also if its end was delivered before.
        ([], [Say("done"), Say("thought", step=1), Say("done")], ["done"]),
        ([Say("done", "chooser")], [Say("thought", "chooser", step=9), Say("done", "chooser"), Say("begun")], ["begun"]),
        # Rising.
        ([Say("thought", step=5)], [Say("thought", step=1), Say("thought", step=5), Say("thought", step=6)], ["thought"]),
        # What must be closed waits for that.
        ([], [Say("calling", "a/x"), Say("thought", step=1), Say("called", "a/x")], ["thought", "calling", "called"]),
        ([], [Say("calling", "a/x"), Say("thought", step=1)], ["thought"]),
        ([], [Say("called", "a/x")], []),
        ([Say("calling", "a/x"), Say("called", "a/x")], [Say("calling", "a/x"), Say("calling", "a/x"), Say("called", "a/x")], []),
        # Another user's.
        ([], [Say("begun", user="bob"), Say("begun")], ["begun"]),
    ],
)
def test_the_client_gets_what_it_does_not_have_and_may_get(delivered, said, sent):
    assert kinds(continued(delivered, said)) == sent


def test_numbers_continue_and_nothing_else_of_a_frame_is_touched():
    before = event(Say("begun"), 7)
    raw = b'{"n" : 1, "type":"thought", "user":"ann", "body": {"step": 1, "x": 1.50e0}}'
    continuation = Continuation(POLICY, make_request(), [before], 2.0)
    (sent,) = continuation.take(msgspec.structs.replace(event(Say("thought", step=1)), payload=raw))
    assert sent.payload == b'{"n":8,"type":"thought","user":"ann","body":{"step": 1, "x": 1.50e0}}'


def test_times_count_from_the_start_of_the_run():
    (sent,) = continued([], [Say("begun")])
    assert sent.at_s == 3.0


def test_the_first_number_is_controls_own_if_nothing_was_delivered():
    sent = continued([], [Say("begun"), Say("begun"), Say("thought", step=1)])
    assert [msgspec.json.decode(one.payload)["n"] for one in sent] == [1, 2]


@pytest.mark.parametrize("payload", [b"\xff", b"[1]", b"", b"7"])
def test_a_frame_that_is_not_an_object_is_passed_on_as_it_is(payload):
    plain = parse_policy('surface = "shop"\nversion = 1\n[envelope]\ntexts = ["type"]\n', "shop.toml")
    given = msgspec.structs.replace(event(Say("begun")), payload=payload)
    (sent,) = Continuation(plain, make_request(), [], 0.0).take(given)
    assert sent.payload == payload
