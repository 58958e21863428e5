"""JSON values out of lines: each odd line is one bad line, and the next one begins anew."""

import json

import pytest

from migration.recordings.documents import Document, Documents


def told(*lines: bytes) -> list[object]:
    """Each document as its line and value, each bad line as its number."""
    documents = Documents(lines, lambda value: isinstance(value, dict) and "role" in value)
    return [(one.line, one.value) if isinstance(one, Document) else one.line for one in documents]


def reason(line: bytes) -> str:
    [bad] = Documents([line], lambda _value: False)
    return bad.reason


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"hello", "not a JSON object"),
        (b'{"id": "x", "messages": [{"role": "us', "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b'{"a": "\xff\xfe"}', "not UTF-8 from byte 7 on"),
        (b'{"a\xff": 1}', "not UTF-8"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"a": 1e999}', "a number is out of range"),
        (b'{"a": NaN}', "not a JSON object"),
        (b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}", "nested too deeply"),
        (b"[" * 3000 + b"]" * 3000, "nested too deeply"),
        (b"\x00\x01\x02", "not a JSON object"),
        (b'{"a":1}\x0c', "not a JSON object"),
        (b'{"a":1}\x1e', "not a JSON object"),
    ],
)
def test_whatever_stands_in_a_line_is_one_bad_line_between_good_ones(line, what):
    assert what in reason(line)
    assert told(b'{"a":1}', line, b'{"b":2}') == [(1, {"a": 1}), 2, (3, {"b": 2})]
    assert told(line, b'{"a":1}', b'{"b":2}') == [1, (2, {"a": 1}), (3, {"b": 2})]


@pytest.mark.parametrize("odd", [b"[", b"{", b"[[[[", b"[{", b'{"id": 1, "messages": [', b'{"a": 1,', b"[1,", b'[{"a": 1}'])
def test_a_line_that_seems_to_begin_something_costs_no_other(odd):
    lines = [b'{"a":1}', odd, b'{"b":2}', b'{"c":3}', b'{"d":4}']
    values = [one for one in told(*lines) if isinstance(one, tuple)]
    assert values == [(1, {"a": 1}), (3, {"b": 2}), (4, {"c": 3}), (5, {"d": 4})]
    values = [one for one in told(*lines[1:]) if isinstance(one, tuple)]
    assert [value for value in values if value[0] > 1] == [(2, {"b": 2}), (3, {"c": 3}), (4, {"d": 4})]


def test_an_indented_document_begins_where_its_first_line_stands():
    indented = json.dumps({"a": {"b": [1, {"c": "}]"}]}}, indent=1).encode().split(b"\n")
    assert told(b"", *indented, b'{"z": 1}', *indented) == [
        (2, {"a": {"b": [1, {"c": "}]"}]}}),
        (12, {"z": 1}),
        (13, {"a": {"b": [1, {"c": "}]"}]}}),
    ]


def test_an_indented_document_that_is_broken_inside_is_one_bad_line_and_costs_no_other():
    broken = [b"{", b' "a": [', b'  {"b": 1},', b'  {"c": 2},', b" ]", b"}"]
    assert told(*broken) == [1]
    assert told(b'{"y":1}', *broken, b'{"z":1}', *broken, b'{"z":2}') == [(1, {"y": 1}), 2, (8, {"z": 1}), 9, (15, {"z": 2})]


def test_an_indented_document_that_ends_early_is_one_bad_line():
    indented = json.dumps({"a": {"b": [1, {"c": 2}]}}, indent=1).encode().split(b"\n")
    assert told(*indented[:-2]) == [1]


def test_the_elements_of_a_list_are_handed_out_as_they_end():
    def lines():
        yield b'[{"a": 1},'
        yield b'{"b":'
        yield b" 2},"
        raise KeyboardInterrupt  # whoever reads has two elements by now

    found = iter(Documents(lines(), lambda _value: False))
    assert [next(found).value, next(found).value] == [{"a": 1}, {"b": 2}]


def test_an_odd_element_of_a_list_is_one_bad_line_and_the_others_go_on():
    assert told(b'[{"a": 1}, {"b": "\\ud800"}, {"c": 3}]') == [(1, {"a": 1}), 1, (1, {"c": 3})]
    assert told(b"[", b'{"a": 1},', b'{"b": NaN},', b'{"c": 3}', b"]") == [(2, {"a": 1}), 3, (4, {"c": 3})]


def test_a_list_of_messages_is_one_document():
    messages = [{"role": "user"}, {"role": "assistant"}]
    assert told(json.dumps(messages).encode()) == [(1, messages)]
    assert told(*json.dumps(messages, indent=2).encode().split(b"\n")) == [(1, messages)]


def test_a_list_that_breaks_off_keeps_what_it_had():
    assert told(b"[", b'{"a": 1},', b'{"b": 2},') == [(2, {"a": 1}), (3, {"b": 2}), 1]


def test_objects_that_run_together_are_read_one_by_one_and_an_odd_one_costs_no_other():
    assert told(b'{"a": "}{"}{"b": 2} {"c": {}}') == [(1, {"a": "}{"}), (1, {"b": 2}), (1, {"c": {}})]
    assert told(b'{"a": 1}{"b": NaN}{"c": 3}', b'{"d": 4}') == [(1, {"a": 1}), 1, (1, {"c": 3}), (2, {"d": 4})]
    assert told(b'{"a": 1}{"b": "cut o', b'{"c": 3}') == [(1, {"a": 1}), 1, (2, {"c": 3})]
    assert told(b"{", b'"a": 1', b"}{", b'"b": 2', b"}") == [(1, {"a": 1}), (1, {"b": 2})]
    assert [one.reason for one in Documents([b'{"a": 1}{"b": 1e999}'], lambda _value: False) if not isinstance(one, Document)] == [
        "element 1 of the line: a number is out of range"
    ]


@pytest.mark.parametrize("line", [b'{"a": 1},', b'{"a": 1} and {"b": 2}', b"}{", b'{"a": 1}}{"b": 2}'])
def test_objects_among_other_things_are_one_bad_line(line):
    assert told(line) == [1]
