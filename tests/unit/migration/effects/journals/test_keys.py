import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from migration.effects.journals.keys import Occurrences, canonical, effect_key, with_keys
from migration.model import Effect

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def reordered(value: object) -> object:
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(item) for item in value] if isinstance(value, list) else value


def effect(request: bytes | None, *, key: str = "", lane: str = "data") -> Effect:
    return Effect(kind="tool", name="look", lane=lane, key=key, request=request, reply=b"1", error=None, started_s=0.0, duration_s=0.0)


@given(value=JSON)
def test_key_order_and_blanks_do_not_change_a_key(value: object) -> None:
    one = json.dumps(value, indent=2).encode()
    other = msgspec.json.encode(reordered(value))
    assert effect_key("tool", "look", "data", one, 1) == effect_key("tool", "look", "data", other, 1)


@given(one=JSON, other=JSON)
def test_different_requests_have_different_keys(one: object, other: object) -> None:
    texts = [msgspec.json.encode(value, order="deterministic") for value in (one, other)]
    keys = [effect_key("tool", "look", "data", text, 1) for text in texts]
    assert (keys[0] == keys[1]) == (texts[0] == texts[1])


def test_one_and_one_point_zero_are_different_requests() -> None:
    assert effect_key("tool", "look", "data", b'{"n":1}', 1) != effect_key("tool", "look", "data", b'{"n":1.0}', 1)


def test_a_slash_in_a_name_does_not_make_two_paths_one() -> None:
    assert effect_key("tool", "a/b", "c", b"{}", 1) != effect_key("tool", "a", "b/c", b"{}", 1)


def test_a_request_that_is_no_json_is_taken_as_it_is() -> None:
    assert canonical(b"{not json") == b"{not json"


def test_a_request_nested_without_end_is_taken_as_it_is() -> None:
    deep = b"[" * 100_000
    assert canonical(deep) == deep


def test_equal_asks_are_numbered() -> None:
    occurrences = Occurrences()
    keys = [occurrences.key("tool", "look", "data", request) for request in (b'{"a":1,"b":2}', b'{"b":2,"a":1}', b"{}")]
    assert [key.rpartition("#")[2] for key in keys] == ["1", "2", "1"]


def test_empty_keys_are_filled_in_by_the_order_of_asking() -> None:
    keyed = with_keys([effect(b"{}"), effect(b"{}", lane="actions"), effect(b"{}")])
    assert [item.key for item in keyed] == [
        effect_key("tool", "look", "data", b"{}", 1),
        effect_key("tool", "look", "actions", b"{}", 1),
        effect_key("tool", "look", "data", b"{}", 2),
    ]


def test_a_key_that_is_there_is_kept() -> None:
    assert with_keys([effect(None, key="known")])[0].key == "known"
