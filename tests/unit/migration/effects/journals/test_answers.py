"""The answer to a repeated effect: the pieces of its reply, or its failure under the recorded name."""

import pytest

from migration.effects.journals.answers import pieces, recorded_error
from migration.errors import RecordedEffectError
from migration.model import Effect, EffectError


def effect(reply=None, error=None):
    return Effect(kind="model", name="m", lane="", key="", request=b"{}", reply=reply, error=error, started_s=0.0, duration_s=0.5)


@pytest.mark.parametrize("kind", [TimeoutError, ValueError, KeyError])
def test_a_failure_is_also_pythons_own_exception_of_that_name(kind):
    raised = recorded_error(EffectError(type=kind.__name__, message="x"))
    assert isinstance(raised, kind)
    assert isinstance(raised, RecordedEffectError)
    assert type(raised).__name__ == kind.__name__


@pytest.mark.parametrize("name", ["RateLimitError", "SystemExit", "print"])
def test_a_name_that_is_no_exception_of_python_is_a_failure_of_that_name_alone(name):
    raised = recorded_error(EffectError(type=name, message="x"))
    assert (type(raised).__name__, type(raised).__bases__) == (name, (RecordedEffectError,))


def test_an_exception_that_needs_more_than_a_text_is_a_plain_failure():
    assert type(recorded_error(EffectError(type="UnicodeDecodeError", message="x"))) is RecordedEffectError


@pytest.mark.parametrize(
    ("one", "ended", "chunks"),
    [
        (effect(b'"whole"'), "done", [(0.5, b'"whole"')]),
        (effect(b'{"stream":[[0.1,"a"],[0.2,"b"]],"ended":"done"}'), "done", [(0.1, b'"a"'), (0.2, b'"b"')]),
        (effect(error=EffectError(type="X", message="")), "failed", []),
        (effect(), "left", []),
    ],
)
def test_a_reply_is_given_piece_by_piece_with_its_times(one, ended, chunks):
    found = pieces(one, None)
    assert (found.ended, [(at, bytes(chunk)) for at, chunk in found.stream]) == (ended, chunks)


def test_a_whole_reply_may_be_taken_apart_by_its_port():
    assert [bytes(chunk) for _, chunk in pieces(effect(b'"ab"'), lambda _reply: [b'"a"', b'"b"']).stream] == [b'"a"', b'"b"']
