"""The JSON Patch (RFC 6902) that turns control's event into candidate's. DeepDiff computes it, and it is applied once as a test before it
is shown.
"""

from typing import Any, Final

import msgspec

from migration.extras import extra

Json = Any
Operation = dict[str, Json]

_CHANGED: Final = frozenset({"values_changed", "type_changes"})
_REMOVED: Final = frozenset({"dictionary_item_removed", "iterable_item_removed"})
_ADDED: Final = frozenset({"dictionary_item_added", "iterable_item_added"})


def json_patch(control: Json, candidate: Json) -> list[Operation]:
    """Return the operations that turn control's value into candidate's; [] if the values are equal.

    If DeepDiff's operations are not enough, one operation replaces the whole value.

    Raises:
        MissingExtraError: DeepDiff is not installed.
    """
    with extra("deepdiff"):
        from deepdiff import DeepDiff, Delta
    delta = Delta(DeepDiff(control, candidate, verbose_level=2), bidirectional=True)
    rows: list[dict[str, Any]] = [{**row} for row in delta.to_flat_dicts()]
    changed = [row for row in rows if row["action"] in _CHANGED]
    # A removed item has its index in control, an added one its index in candidate: so remove from the end, then add from the beginning.
    removed = sorted((row for row in rows if row["action"] in _REMOVED), key=_place, reverse=True)
    added = sorted((row for row in rows if row["action"] in _ADDED), key=_place)
    patch: list[Operation] = [
        *({"op": "replace", "path": _pointer(row), "value": row["value"]} for row in changed),
        *({"op": "remove", "path": _pointer(row)} for row in removed),
        *({"op": "add", "path": _pointer(row), "value": row["value"]} for row in added),
    ]
    whole = [{"op": "replace", "path": "", "value": candidate}]
    return patch if _same(_applied(control, patch), candidate) else whole


def _place(row: dict[str, Any]) -> tuple[int, list[tuple[bool, Any]]]:
    return len(row["path"]), [(isinstance(part, str), part) for part in row["path"]]


def _pointer(row: dict[str, Any]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in row["path"])


def _same(one: Json, other: Json) -> bool:
    return msgspec.json.encode(one, order="sorted") == msgspec.json.encode(other, order="sorted")


def _applied(value: Json, patch: list[Operation]) -> Json:
    """Return the value after the patch; None if the patch does not fit the value."""
    root = {"": msgspec.json.decode(msgspec.json.encode(value))}
    for operation in patch:
        *above, last = ["", *(part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:])]
        target: Any = root
        try:
            for part in above:
                target = target[int(part) if isinstance(target, list) else part]
            key = int(last) if isinstance(target, list) else last
            if operation["op"] == "remove":
                del target[key]
            elif operation["op"] == "add" and isinstance(target, list):
                target.insert(key, operation["value"])
            else:
                target[key] = operation["value"]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return root[""]
