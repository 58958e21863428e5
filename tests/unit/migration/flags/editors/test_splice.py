"""What a splice of a JSON text changes, and what it leaves as it stands."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migration.flags.editors.splice import same, spliced

FILE = """{
 "comment" : "kept as it is",
 "flags": {
  "a": {"key": "a", "version": 1, "big": 123456789012345678901234567890, "ratio": 1.50, "rules": [ {"id":"r1"} , {"id": "r2"}]},
  "b": {
   "key": "b",
   "version": 1
  }
 }
}
"""


def put(text, path, value):
    document = json.loads(text)
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return spliced(text, document)


def drop(text, path):
    document = json.loads(text)
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return spliced(text, document)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0]) | st.text('a"\\é\n', max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "c", "é"]), inner, max_size=4),
    max_leaves=12,
)
layouts = st.sampled_from(
    [
        {},
        {"indent": 1},
        {"indent": "\t"},
        {"separators": (",", ":")},
        {"separators": (" , ", " : ")},
    ]
)


def test_only_the_changed_member_is_written_anew():
    assert put(FILE, ["flags", "a", "version"], 2) == FILE.replace('"a", "version": 1', '"a", "version": 2')


def test_a_changed_object_keeps_the_text_of_all_that_it_shares_with_the_old_one():
    flag = json.loads(FILE)["flags"]["a"] | {"version": 2, "salt": "x"}
    changed = put(FILE, ["flags", "a"], flag)
    assert changed == FILE.replace('"a", "version": 1', '"a", "version": 2').replace('{"id": "r2"}]', '{"id": "r2"}], "salt": "x"')


def test_an_item_put_into_an_array_leaves_the_others_text():
    changed = put(FILE, ["flags", "a", "rules"], [{"id": "r1"}, {"id": "new"}, {"id": "r2"}])
    assert changed == FILE.replace('{"id":"r1"} , ', '{"id":"r1"} , {"id": "new"}, ')


def test_a_new_flag_is_indented_as_its_neighbours():
    changed = put(FILE, ["flags", "c"], {"key": "c", "on": True})
    assert changed == FILE.replace('   "version": 1\n  }\n', '   "version": 1\n  },\n  "c": {\n   "key": "c",\n   "on": true\n  }\n')


def test_a_dropped_member_takes_its_comma_along():
    assert drop(FILE, ["flags", "b"]) == FILE.replace(',\n  "b": {\n   "key": "b",\n   "version": 1\n  }', "")


def test_of_two_members_of_one_name_the_last_counts_and_both_are_dropped():
    twice = '{"a": 1, "b": 2, "a": 3}'
    assert put(twice, ["a"], 4) == '{"a": 1, "b": 2, "a": 4}'
    assert drop(twice, ["a"]) == '{"b": 2}'


def test_lines_end_as_they_did():
    text = FILE.replace("\n", "\r\n")
    assert put(text, ["flags", "c"], {"key": "c"}).count("\n") == put(text, ["flags", "c"], {"key": "c"}).count("\r\n")


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), (1, 1.0), (0, False), ("1", 1), (None, False), ([1], [1.0]), ({"a": 1}, {"a": True})]
)
def test_values_of_different_types_are_not_the_same(*, one, other):
    assert not same(one, other)


@settings(max_examples=400, deadline=None)
@given(old=st.dictionaries(st.sampled_from(["a", "b"]), values, max_size=2), new=values, layout=layouts)
def test_the_spliced_text_says_what_was_put_and_nothing_else_changed(old, new, layout):
    document = {"before": [1.0, {"x": None}], "flags": old, "after": {"deep": ["é"]}}
    text = json.dumps(document, ensure_ascii=False, **layout)
    changed = put(text, ["flags", "a"], new)
    assert same(json.loads(changed), document | {"flags": old | {"a": new}})
    assert changed[: text.index('"flags"')] == text[: text.index('"flags"')]
    assert changed.endswith(text[text.rindex('"after"') :])


@settings(max_examples=100, deadline=None)
@given(old=values, layout=layouts)
def test_putting_what_is_there_changes_no_character(old, layout):
    text = json.dumps({"flags": {"a": old}}, **layout)
    assert put(text, ["flags", "a"], old) == text
