"""The places of something in a piece of JSON, as paths that say nothing secret."""

import json

import pytest

from migration.isolation.places import paths


def places(value, secrets=(), shows=lambda _key, _text: True):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return paths(data, "bob", "event", shows, secrets)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"a": "bob", "b": "ann"}, ("event.a",)),
        ({"a": [{"b": "x"}, {"b": "for bob"}]}, ("event.a[1].b",)),
        ({"bob": 1}, ("event.bob",)),
        ("bob", ("event",)),
        ({"a": "ann"}, ("event",)),
        (b"no json with bob", ("event",)),
        (b"[" * 5_000 + b"]" * 5_000, ("event",)),
    ],
)
def test_each_text_and_key_that_shows_it_has_a_path(value, found):
    assert places(value) == found


def test_a_key_that_is_a_secret_itself_is_not_said():
    assert places({"bob's": {"x": "bob"}}, secrets=["bob"]) == ("event.*", "event.*.x")


def test_what_does_not_show_it_is_no_place():
    assert places({"id": "bob", "text": "bob"}, shows=lambda key, _text: key == "id") == ("event.id",)


def test_at_most_twenty_places_are_named():
    assert len(places({f"k{number}": "bob" for number in range(99)})) == 20


def test_nothing_is_looked_for_below_a_depth_that_no_event_has():
    value = "bob"
    for _ in range(80):
        value = [value]
    assert places(value) == ("event",)
