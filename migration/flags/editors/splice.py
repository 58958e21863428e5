"""Changes a few values of a JSON text and leaves every other character unchanged: order, whitespace, number forms and unknown members."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_BLANK: Final = re.compile(r"[ \t\r\n]*")
_DECODER: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """One member of an object or one item of an array, with its place in the text."""

    name: str | None  #: None: an item of an array
    begin: int  #: start of its name, or of its value in an array
    start: int  #: start of its value
    end: int  #: end of its value
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """A replacement of one part of the text."""

    start: int
    end: int
    text: str


def spliced(text: str, new: Mapping[str, object]) -> str:
    """Return the JSON text with the value `new`, changed as little as possible.

    Args:
        text: valid JSON with an object at the top level.
        new: the new value; parts that are equal, also in type, keep their text.
    """
    start = _after_blank(text, 0)
    return _apply(text, _change(text, _item(text, None, start, start), new))


def same(one: object, other: object) -> bool:
    """Return whether two JSON values are equal; 1, 1.0 and true are three different values."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and one == other


def _change(text: str, item: _Item, value: object) -> list[_Cut]:
    """Return the replacements that turn the item's value into `value`; equal parts keep their text."""
    if same(item.value, value):
        return []
    if isinstance(item.value, dict) and isinstance(value, Mapping):
        return _change_object(text, item, value)
    if isinstance(item.value, list) and isinstance(value, list | tuple):
        return _change_array(text, item, list(value))
    return [_Cut(start=item.start, end=item.end, text=_rendered(text, item.begin, value))]


def _change_object(text: str, item: _Item, value: Mapping[str, object]) -> list[_Cut]:
    members = _items(text, item.start)
    gone = next((at for at, member in enumerate(members) if member.name not in value), None)
    if gone is not None:
        # A part of the text can be replaced only once. So members are removed first, and then the rest is compared.
        return _shortened(text, item, _removal(text, item.start, members, gone, 1), value)
    last = {member.name: member for member in members}
    cuts = [cut for name, member in last.items() for cut in _change(text, member, value[str(name)])]
    if new := [(name, part) for name, part in value.items() if name not in last]:
        cuts.append(_insertion(text, item.start, members, new))
    return cuts


def _change_array(text: str, item: _Item, value: list[object]) -> list[_Cut]:
    items = _items(text, item.start)
    least = min(len(items), len(value))
    front = next((at for at in range(least) if not same(items[at].value, value[at])), least)
    back = next((at for at in range(least - front) if not same(items[-1 - at].value, value[-1 - at])), least - front)
    old, new = items[front : len(items) - back], value[front : len(value) - back]
    if len(old) > len(new):
        return _shortened(text, item, _removal(text, item.start, items, front + len(new), len(old) - len(new)), value)
    cuts = [cut for one, part in zip(old, new, strict=False) for cut in _change(text, one, part)]
    if len(new) > len(old):
        added: list[tuple[str | None, object]] = [(None, part) for part in new[len(old) :]]
        cuts.append(_insertion(text, item.start, items, added, front + len(old)))
    return cuts


def _shortened(text: str, item: _Item, removal: _Cut, value: object) -> list[_Cut]:
    """Return the one replacement that removes parts of the item's value and turns the rest into `value`."""
    shorter = _apply(text, [removal])
    left = _item(shorter, item.name, item.begin, item.start)
    tail = len(shorter) - left.end
    changed = _apply(shorter, _change(shorter, left, value))
    return [_Cut(start=item.start, end=item.end, text=changed[left.start : len(changed) - tail])]


def _insertion(text: str, start: int, items: Sequence[_Item], new: Sequence[tuple[str | None, object]], at: int | None = None) -> _Cut:
    """Return the replacement that inserts members or (without names) items into the collection at `start`, at its end or before the
    item `at`.
    """
    at = len(items) if at is None else at
    if not items:
        end = _DECODER.raw_decode(text, start)[1]
        closing, line = text[end - 1], _line_break(text)
        within = line + _indent(text, start) + _unit(text) if line else ""
        outside = line + _indent(text, start) if line else ""
        inner = ("," + (within or " ")).join(_pair(text, within, name, value) for name, value in new)
        return _Cut(start=start, end=end, text=text[start] + within + inner + outside + closing)
    within = text[start + 1 : items[0].begin]
    separator = "," + (within or (text[items[0].end : items[1].begin].lstrip().removeprefix(",") if len(items) > 1 else " "))
    parts = [_pair(text, within if "\n" in within else "", name, value) for name, value in new]
    if at < len(items):
        return _Cut(start=items[at].begin, end=items[at].begin, text="".join(part + separator for part in parts))
    return _Cut(start=items[-1].end, end=items[-1].end, text="".join(separator + part for part in parts))


def _removal(text: str, start: int, items: Sequence[_Item], at: int, count: int) -> _Cut:
    """Return the replacement that removes items, with their commas, from the collection at `start`."""
    last = at + count - 1
    if at > 0:
        return _Cut(start=items[at - 1].end, end=items[last].end, text="")
    if last + 1 < len(items):
        return _Cut(start=items[0].begin, end=items[last + 1].begin, text="")
    end = _DECODER.raw_decode(text, start)[1]
    return _Cut(start=start + 1, end=end - 1, text="")


def _apply(text: str, cuts: list[_Cut]) -> str:
    for cut in sorted(cuts, key=lambda one: (one.start, one.end), reverse=True):
        text = text[: cut.start] + cut.text + text[cut.end :]
    return text


def _items(text: str, start: int) -> list[_Item]:
    """Return the members of the object, or the items of the array, at `start`, in the order of the text."""
    found: list[_Item] = []
    at = _after_blank(text, start + 1)
    while text[at] not in "]}":
        if text[start] == "[":
            found.append(_item(text, None, at, at))
        else:
            name, after = _DECODER.raw_decode(text, at)
            found.append(_item(text, name, at, _after_blank(text, _after_blank(text, after) + 1)))
        at = _after_comma(text, found[-1].end)
    return found


def _item(text: str, name: str | None, begin: int, start: int) -> _Item:
    value, end = _DECODER.raw_decode(text, start)
    return _Item(name=name, begin=begin, start=start, end=end, value=value)


def _after_blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _after_comma(text: str, at: int) -> int:
    at = _after_blank(text, at)
    return _after_blank(text, at + 1) if text[at] == "," else at


def _pair(text: str, within: str, name: str | None, value: object) -> str:
    """Return a member or item as text, indented like the whitespace `within` before it.

    If `within` has no line break, the text is on one line.
    """
    lead = "" if name is None else json.dumps(name, ensure_ascii=False) + ": "
    if "\n" not in within:
        return lead + json.dumps(value, ensure_ascii=False)
    indented = json.dumps(value, ensure_ascii=False, indent=_unit(text))
    return lead + indented.replace("\n", ("\r\n" if "\r\n" in within else "\n") + within.rpartition("\n")[2])


def _rendered(text: str, begin: int, value: object) -> str:
    """Return the value as text for a member that begins at `begin`."""
    indent = _indent(text, begin)
    alone = text[:begin].endswith(indent) and text[: begin - len(indent)].endswith("\n")
    return _pair(text, _line_break(text) + indent if alone else "", None, value)


def _line_break(text: str) -> str:
    """Return the indentation of this text's lines; "" if it is on one line."""
    body = text.strip()
    return "\r\n" if "\r\n" in body else "\n" if "\n" in body else ""


def _indent(text: str, at: int) -> str:
    """Return the whitespace at the beginning of the line of this place."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())]


def _unit(text: str) -> str:
    """Return the indentation of one level: the whitespace before the first member of the text."""
    found = re.match(r"\s*\{[ \t]*\r?\n([ \t]+)", text)
    return found.group(1) if found else "  "
