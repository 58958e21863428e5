"""Finds the place where the JSON of a flag or segment has a wrong shape.

It only describes an item that the SDK has refused; it decides nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal


@dataclass(frozen=True, slots=True)
class _Field:
    kind: type | tuple[type, ...]
    required: bool = False
    fields: "Mapping[str, _Field] | None" = None  #: members of the object, or of each object in the list; None: any members
    of: type | None = None  #: type of each item of the list; None: any type


_NUMBER: Final = (int, float)
_NAMES: Final = MappingProxyType(
    {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "an object", _NUMBER: "a number"}
)

_SHARE = {"variation": _Field(int, required=True), "weight": _Field(int, required=True), "untracked": _Field(bool)}
_ROLLOUT = {
    "variations": _Field(list, required=True, fields=_SHARE),
    "contextKind": _Field(str),
    "bucketBy": _Field(str),
    "kind": _Field(str),
    "seed": _Field(int),
}
_OUTCOME = {"variation": _Field(int), "rollout": _Field(dict, fields=_ROLLOUT)}
_CLAUSE = {
    "attribute": _Field(str, required=True),
    "op": _Field(str, required=True),
    "values": _Field(list, required=True),
    "contextKind": _Field(str),
    "negate": _Field(bool),
}
_TARGET = {"variation": _Field(int, required=True), "values": _Field(list, required=True, of=str), "contextKind": _Field(str)}
_RULE = {**_OUTCOME, "id": _Field(str), "clauses": _Field(list, required=True, fields=_CLAUSE), "trackEvents": _Field(bool)}
_FLAG = {
    "key": _Field(str, required=True),
    "version": _Field(int, required=True),
    "deleted": _Field(bool),
    "variations": _Field(list),
    "on": _Field(bool),
    "offVariation": _Field(int),
    "fallthrough": _Field(dict, fields=_OUTCOME),
    "prerequisites": _Field(list, fields={"key": _Field(str, required=True), "variation": _Field(int, required=True)}),
    "rules": _Field(list, fields=_RULE),
    "targets": _Field(list, fields=_TARGET),
    "contextTargets": _Field(list, fields=_TARGET),
    "salt": _Field(str),
    "trackEvents": _Field(bool),
    "trackEventsFallthrough": _Field(bool),
    "debugEventsUntilDate": _Field(_NUMBER),
    "migration": _Field(dict, fields={"checkRatio": _Field(int)}),
    "excludeFromSummaries": _Field(bool),
    "samplingRatio": _Field(int),
}
_SEGMENT_TARGET = {"values": _Field(list, required=True, of=str), "contextKind": _Field(str)}
_SEGMENT = {
    "key": _Field(str, required=True),
    "version": _Field(int, required=True),
    "deleted": _Field(bool),
    "included": _Field(list, of=str),
    "excluded": _Field(list, of=str),
    "includedContexts": _Field(list, fields=_SEGMENT_TARGET),
    "excludedContexts": _Field(list, fields=_SEGMENT_TARGET),
    "rules": _Field(
        list,
        fields={
            "clauses": _Field(list, required=True, fields=_CLAUSE),
            "weight": _Field(int),
            "bucketBy": _Field(str),
            "rolloutContextKind": _Field(str),
        },
    ),
    "salt": _Field(str),
    "unbounded": _Field(bool),
    "unboundedContextKind": _Field(str),
    "generation": _Field(int),
}
_WHOLE: Final = {"flag": _FLAG, "segment": _SEGMENT}


def misshapen(kind: Literal["flag", "segment"], item: Mapping[str, Any]) -> tuple[str, str]:
    """Return the first place in a refused flag or segment that has the wrong shape, and what is wrong there; ("", ...): the place is not
    known.
    """
    return _first(item, _WHOLE[kind], "") or ("", "is not accepted by LaunchDarkly's SDK")


def _first(item: Mapping[str, Any], fields: Mapping[str, _Field], at: str) -> tuple[str, str] | None:
    for name, field in fields.items():
        place, value = f"{at}{name}", item.get(name)
        if value is None:
            if field.required:
                return place, "is missing"
            continue
        if not isinstance(value, field.kind):
            return place, f"must be {_NAMES[field.kind]}"
        if (found := _inside(value, field, place)) is not None:
            return found
    return None


def _inside(value: object, field: _Field, place: str) -> tuple[str, str] | None:
    if isinstance(value, Mapping) and field.fields is not None:
        return _first(value, field.fields, f"{place}.")
    for index, one in enumerate(value if isinstance(value, list) else ()):
        if field.fields is not None and not isinstance(one, Mapping):
            return f"{place}[{index}]", "must be an object"
        if field.of is not None and not isinstance(one, field.of):
            return f"{place}[{index}]", f"must be {_NAMES[field.of]}"
        if (
            field.fields is not None
            and (found := _first(one, field.fields, f"{place}[{index}].") or _named(one, f"{place}[{index}].")) is not None
        ):
            return found
    return None


def _named(item: Mapping[str, Any], at: str) -> tuple[str, str] | None:
    """Report a clause that names a segment by a value that cannot be a key: the SDK's decoder accepts that, but its store does not."""
    for index, value in enumerate(item.get("values") or () if item.get("op") == "segmentMatch" else ()):
        if isinstance(value, list | dict):
            return f"{at}values[{index}]", "must be the key of a segment"
    return None
