"""Delta debugging of sequences and of JSON values."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from migration.reproduce.ddmin import ddmin
from migration.reproduce.tree import shrink, shrink_text

ITEMS = st.lists(st.integers(0, 9), min_size=1, max_size=24)


@given(items=ITEMS, needed=st.sets(st.integers(0, 23), max_size=5))
def test_exactly_what_is_needed_is_left(items: list[int], needed: set[int]) -> None:
    places = range(len(items))
    wanted = needed.intersection(places)
    assert ddmin(places, lambda kept: wanted <= set(kept)) == tuple(sorted(wanted))


@given(items=ITEMS, modulus=st.integers(2, 5))
def test_no_single_item_can_be_spared_even_where_less_is_sometimes_more(items: list[int], modulus: int) -> None:
    def holds(kept: tuple[int, ...]) -> bool:
        return sum(kept) % modulus == sum(items) % modulus and len(kept) >= len(items) // 3

    kept = ddmin(items, holds)
    assert holds(kept)
    assert not any(holds(kept[:place] + kept[place + 1 :]) for place in range(len(kept)))


@given(items=ITEMS)
def test_the_order_stays(items: list[int]) -> None:
    numbered = list(enumerate(items))
    kept = ddmin(numbered, lambda some: sum(item for _, item in some) >= sum(items) // 2)
    assert list(kept) == sorted(kept)


def test_few_of_many_are_found_in_few_attempts() -> None:
    attempts = []

    def holds(kept: tuple[int, ...]) -> bool:
        attempts.append(kept)
        return {17, 803} <= set(kept)

    assert ddmin(range(1000), holds) == (17, 803)
    assert len(attempts) < 150


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(value=JSON, mark=st.sampled_from(["mark", "two words"]))
def test_of_a_value_only_the_way_to_what_is_needed_is_left(value: Any, mark: str) -> None:
    def holds(tried: Any) -> bool:
        return mark in json.dumps(tried)

    small = shrink({"noise": value, "list": [value, {"said": f"please keep the {mark} of it", "noise": value}, value]}, holds)
    if mark not in json.dumps(value):
        assert small == {"list": [{"said": mark}]}
    assert holds(small)


def test_numbers_booleans_and_null_stay() -> None:
    value = {"n": 12, "yes": True, "none": None}
    assert shrink(value, lambda tried: set(tried) == set(value)) == value


def test_a_short_text_shrinks_to_letters_and_a_long_one_to_words() -> None:
    assert shrink_text("some words before the ünicode ones", lambda text: "ü" in text) == "ü"
    long = " ".join(f"word{n}" for n in range(60))
    assert shrink_text(long, lambda text: all(f"word{n}" in text for n in range(10, 20))).split() == [f"word{n}" for n in range(10, 20)]


def test_the_given_value_is_not_changed() -> None:
    value = {"list": [1, {"a": "b c"}]}
    before = json.dumps(value)
    shrink(value, lambda _tried: True)
    assert json.dumps(value) == before
