"""A shape proves that bodies are equal; where it cannot, it says so, and never the other way round."""

import msgspec
import pytest

from migration.comparison.read.outline import by_kind


def raw(text):
    return msgspec.Raw(text.encode())


BODY = '{"took_ms": 1, "x": 2}'


@pytest.mark.parametrize(
    ("other", "equal"),
    [
        ('{"took_ms": 99, "x": 2}', True),
        ('{"took_ms": 1.5, "x": 2}', True),
        ('{"took_ms": 1, "x": 3}', False),
        ('{"took_ms": "soon", "x": 2}', False),
        ('{"took_ms": 1, "x": 2, "y": 3}', False),
        ("[1]", False),
    ],
)
def test_bodies_of_one_shape_are_equal_but_for_what_is_masked(tools, other, equal):
    assert tools.shapes.equal("said", raw(BODY), raw(other)) is equal


def test_a_kind_without_a_masked_field_is_not_judged_here(tools):
    assert tools.shapes.equal("plain", raw('{"x": 2}'), raw('{"x": 2}')) is False


def test_another_shape_of_the_same_kind_is_learned(tools):
    assert tools.shapes.equal("said", raw(BODY), raw(BODY))
    nested = '{"deep": {"took_ms": 5, "y": 1}}'
    assert tools.shapes.equal("said", raw(nested), raw(nested.replace("5", "6")))


@pytest.mark.parametrize(
    ("control", "candidate", "doubted"),
    [
        ({}, {}, []),
        ({}, {"at": 9.0}, []),
        ({}, {"tenant": "other"}, [0]),
        ({"tenant": "other"}, {"tenant": "other"}, [0]),
        ({}, {"body": {"x": 1}}, [0]),
        ({}, {"more": 1}, [0]),
    ],
)
def test_frames_are_sure_if_they_say_the_same_and_name_the_runs_own(tools, frame, control, candidate, doubted):
    assert tools.shapes.doubted(by_kind(["said"]), [frame(**control)], [frame(**candidate)], ("acme", "ann")) == doubted


def test_bytes_that_are_not_text_put_all_frames_in_doubt(tools, frame):
    assert tools.shapes.doubted(by_kind(["said"] * 2), [frame(), b'"\xff"'], [frame(), frame()], ("acme", "ann")) == [0, 1]


@pytest.mark.parametrize(
    "change",
    [lambda text: text.replace(b":", b": "), lambda text: text.replace(b'"type"', b'"at":1.0,"type"', 1).replace(b',"at":1.0', b"", 1)],
    ids=["with blanks", "in another order"],
)
def test_frames_that_begin_in_another_way_are_sure_too(tools, frame, change):
    frames = [change(frame()), change(frame())]
    assert tools.shapes.doubted(by_kind(["said"] * 2), frames, frames, ("acme", "ann")) == []


def test_a_name_that_comes_twice_is_in_doubt(tools, frame):
    frames = [frame(), frame()[:-1] + b',"tenant_id":"other"}']
    assert tools.shapes.doubted(by_kind(["said"] * 2), frames, frames, ("acme", "ann")) == [1]


def test_frames_that_are_json_only_together_are_in_doubt(tools, frame):
    whole = frame(body={"x": 1})
    rest = whole.removeprefix(b'{"type":"said","tenant_id":"acme","user_id":"ann",')
    frames = [whole, whole[:-2] + b',"y":[0', whole + b"]}}", whole + b",{" + rest]
    assert tools.shapes.doubted(by_kind(["said"] * 4), frames, frames, ("acme", "ann")) == [1, 2, 3]
