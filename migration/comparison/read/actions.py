"""The effect of each action of a rule on a value."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from migration.comparison.paths import Json, Path, type_name
from migration.comparison.policy import Action, Rule
from migration.comparison.read.canonical import UNREADABLE, decode, encode


class Hole(msgspec.Struct, frozen=True):
    """A value that can only be judged as a pair, so canonical forms leave it out: a renamed id or a number with tolerance."""

    rule: Rule
    path: Path
    value: str | int | float


Step = Callable[[Json, Path, list[Hole]], Json]
"""Returns the replacement for a value in the canonical form; the list collects values that can only be judged as a pair."""


class Below(Protocol):
    """The rules for the values inside an object or list."""

    def walk(self, value: Json, path: Path, holes: list[Hole], /) -> None:
        """Normalise an object or a list in place."""
        ...

    def item(self, value: Json, path: Path, holes: list[Hole], /) -> Json:
        """Return one item of a list, normalised."""
        ...


def step_of(rule: Rule, below: Below | None) -> Step:
    """Return what the rule does with a value.

    A changed type stays visible: an action does not change a value of another type, or it shows the value's type.
    """
    return _STEPS[rule.action](rule, below)


def _mask(_rule: Rule, _below: Below | None) -> Step:
    def step(value: Json, _path: Path, _holes: list[Hole]) -> Json:
        return masked(value)

    return step


_MASKS: dict[type, str] = {kind: f"<masked {name}>" for kind, name in type_name.items()}
_MASKS[int] = _MASKS[float] = "<masked number>"
_WITHIN: dict[type, str] = {int: "<int within tolerance>", float: "<float within tolerance>"}
#: markers differ from payloads by object identity
_STANDS_FOR = {id(marker): type_name[kind] for kind, marker in (*_MASKS.items(), *_WITHIN.items())} | {id(_MASKS[int]): "number"}


def masked(value: Json) -> str:
    """Return the replacement for a value if only its JSON type counts."""
    return _MASKS[type(value)]


def stands_for(value: object) -> str | None:
    """Return the JSON type of the value that a normalised value replaces; None: it replaces none."""
    return _STANDS_FOR.get(id(value))


def _rename(rule: Rule, _below: Below | None) -> Step:
    def step(value: Json, path: Path, holes: list[Hole]) -> Json:
        if type(value) is not str or not value:
            return value
        holes.append(Hole(rule, path, value))
        return "<id>"

    return step


def _round(rule: Rule, _below: Below | None) -> Step:
    def step(value: Json, _path: Path, _holes: list[Hole]) -> Json:
        return round(value, rule.digits) if type(value) is float else value

    return step


def _tolerance(rule: Rule, _below: Below | None) -> Step:
    def step(value: Json, path: Path, holes: list[Hole]) -> Json:
        if type(value) is not int and type(value) is not float:
            return value
        holes.append(Hole(rule, path, value))
        return _WITHIN[type(value)]

    return step


def _sort(_rule: Rule, below: Below | None) -> Step:
    def step(value: Json, path: Path, holes: list[Hole]) -> Json:
        if type(value) is not list:
            return value
        # Items are normalised before sorting, because masked values must not decide the order. Each has its own list of holes, which stay
        # with their item.
        apart: list[list[Hole]] = []
        for index, item in enumerate(value):
            apart.append([])
            if below is not None:
                value[index] = below.item(item, (*path, index), apart[-1])
        order = sorted(range(len(value)), key=[encode(item) for item in value].__getitem__)
        for index in order:
            holes.extend(apart[index])
        return [value[index] for index in order]

    return step


def _json(_rule: Rule, below: Below | None) -> Step:
    def step(value: Json, path: Path, holes: list[Hole]) -> Json:
        if type(value) is not str:
            return value
        try:
            parsed = decode(value)
        except UNREADABLE:
            return value
        if below is not None:
            below.walk(parsed, path, holes)
        # Marked as text, because the same object without quotes would have another type.
        return {"<json text>": parsed}

    return step


#: `deepdiff` does not change a value: `second_opinion.py` asks DeepDiff about pairs that differ.
_STEPS: dict[Action, Callable[[Rule, Below | None], Step]] = {
    "mask": _mask,
    "rename": _rename,
    "round": _round,
    "tolerance": _tolerance,
    "sort": _sort,
    "json": _json,
}
