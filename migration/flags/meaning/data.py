"""Flags and segments as LaunchDarkly's JSON, read from all common forms. Only the SDK interprets a flag."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal

from ldclient.versioned_data_kind import FEATURES, SEGMENTS, VersionedDataKind

from migration.errors import FlagSourceError
from migration.flags.meaning.misshapen import misshapen
from migration.flags.meaning.offline import offline_client

TENANT_KIND: Final = "tenant"
SURFACE_KIND: Final = "surface"
SURFACE_PREFIX: Final = "execution-engine-"
KILL_SWITCH: Final = "execution-engine-kill-switch"
SHADOW_SAMPLING: Final = "shadow-sampling"
CANDIDATE_FAILOVER: Final = "candidate-failover"

Item = Mapping[str, Any]
"""LaunchDarkly's JSON of one flag or segment."""
Kind = Literal["flag", "segment"]

_NONE: Final[Mapping[str, Item]] = MappingProxyType({})
_REST_API: Final = "LaunchDarkly's REST API, which the SDK cannot evaluate; fetch /sdk/latest-all with the SDK key"
_RESTORE: Final = "correct it, or restore its earlier content"


def surface_flag_key(surface: str) -> str:
    """Return the key of a surface's migration flag."""
    return SURFACE_PREFIX + surface


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagProblem:
    """What is wrong with one flag or segment, as a message for the operator."""

    key: str
    place: str  #: the place in the item's JSON, e.g. "rules[0].clauses[1].op"; "": the whole
    what: str  #: the problem there, and how to correct it
    kind: Kind = "flag"

    def __str__(self) -> str:
        """Return the sentence."""
        subject = self.key if self.kind == "flag" else f"segment {self.key}"
        return f"{subject}: {f'`{self.place}` ' if self.place else ''}{self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagData:
    """All flags and segments at one moment; LaunchDarkly's SDK accepts each of them."""

    flags: Mapping[str, Item] = field(default_factory=lambda: _NONE)  #: including tombstones (`deleted`)
    segments: Mapping[str, Item] = field(default_factory=lambda: _NONE)

    @property
    def version(self) -> int:
        """Sum of the versions of all flags and segments: every edit increases it. 0: there are none."""
        return sum(item["version"] for items in (self.flags, self.segments) for item in items.values())

    def with_flag(self, key: str, flag: Item) -> "FlagData":
        """Return the data with this flag added or replaced."""
        return replace(self, flags=MappingProxyType({**self.flags, key: flag}))

    def live(self, key: str) -> Item | None:
        """Return the flag of that key; None: it does not exist, or is a tombstone."""
        flag = self.flags.get(key)
        return None if flag is None or flag.get("deleted") is True else flag

    def for_sdk(self) -> dict[VersionedDataKind, dict[str, dict[str, Any]]]:
        """Return the data for initialising the SDK's store."""
        return {
            FEATURES: {key: for_sdk(key, flag) for key, flag in self.flags.items()},
            SEGMENTS: {key: for_sdk(key, segment) for key, segment in self.segments.items()},
        }


def for_sdk(key: str, item: Item) -> dict[str, Any]:
    """Return the item in the form for the SDK's store.

    A tombstone without a key, or `prerequisites: null`, would make the store refuse all items.
    """
    return {"key": key, **{name: value for name, value in item.items() if name != "prerequisites" or value is not None}}


def check_item(kind: Kind, key: str, item: object) -> FlagProblem | None:
    """Return why LaunchDarkly's SDK does not accept this flag or segment; None: it accepts it."""
    if not isinstance(item, Mapping):
        return FlagProblem(kind=kind, key=key, place="", what=f"is not a JSON object; {_RESTORE}")
    if item.get("key", key) != key and isinstance(item["key"], str):
        return FlagProblem(kind=kind, key=key, place="key", what=f"differs from the name under which it is listed; make both {key!r}")
    if _is_taken(FlagData(flags={key: item}) if kind == "flag" else FlagData(segments={key: item})):
        return None
    place, what = misshapen(kind, item)
    return FlagProblem(kind=kind, key=key, place=place, what=f"{what}; {_RESTORE}")


def check_items(flags: Mapping[str, Any], segments: Mapping[str, Any]) -> tuple[FlagData, tuple[FlagProblem, ...]]:
    """Return the flags and segments of a full state that the SDK accepts, and what is wrong with the others."""
    whole = FlagData(flags=MappingProxyType(dict(flags)), segments=MappingProxyType(dict(segments)))
    if all(isinstance(item, Mapping) for items in (flags, segments) for item in items.values()) and _is_taken(whole):
        return whole, ()
    kinds: tuple[tuple[Kind, Mapping[str, Any]], ...] = (("flag", flags), ("segment", segments))
    found = {(kind, key): check_item(kind, key, item) for kind, items in kinds for key, item in items.items()}
    sound = FlagData(
        flags=MappingProxyType({key: item for key, item in flags.items() if found["flag", key] is None}),
        segments=MappingProxyType({key: item for key, item in segments.items() if found["segment", key] is None}),
    )
    return sound, tuple(problem for problem in found.values() if problem is not None)


def _is_taken(data: FlagData) -> bool:
    """Whether a LaunchDarkly client accepts these items.

    A client is tried, because data that passes its decoders may still fail in its store.
    """
    try:
        offline_client(data.for_sdk()).close()  # type: ignore[no-untyped-call]  # the SDK leaves it without types
    except Exception:  # noqa: BLE001 - whatever it does not accept, and however it fails
        return False
    return True


def read_flag_data(raw: bytes) -> tuple[FlagData, tuple[FlagProblem, ...]]:
    """Return the flags and segments in this file, and what is wrong with those that are left out.

    It reads LaunchDarkly's flag file (`flags`, `flagValues`, `segments`), the answer of `/sdk/latest-all`, an export of a project with
    `flags` and `segments` (as objects or as lists), and the stream's `put`.

    Raises:
        FlagSourceError: nothing can be read, or the unreadable part may contain any flag.
    """
    whole = _document(raw)
    flags, doubled = dict(_entries(whole, "flags")), list[FlagProblem]()
    for key, value in _entries(whole, "flagValues", plain=True):
        if key in flags:
            doubled.append(
                FlagProblem(key=key, place="flagValues", what="is also under `flags`, which takes precedence; remove one of the two")
            )
        else:
            # LaunchDarkly's own file source reads it in the same way.
            flags[key] = {"key": key, "version": 1, "on": True, "fallthrough": {"variation": 0}, "variations": [value]}
    described = [
        FlagProblem(key=key, place="environments", what=f"is of {_REST_API}") for key, item in flags.items() if _is_of_rest_api(item)
    ]
    for problem in described:
        del flags[problem.key]
    data, problems = check_items(_versioned(flags), _versioned(dict(_entries(whole, "segments"))))
    return data, (*problems, *described, *doubled)


def _is_of_rest_api(item: object) -> bool:
    """Whether the item is a flag of LaunchDarkly's REST API, with environments: the SDK accepts such a flag, but cannot evaluate it."""
    return isinstance(item, dict) and isinstance(item.get("environments"), dict) and not {"on", "fallthrough"} & item.keys()


def _document(raw: bytes) -> dict[str, Any]:
    try:
        whole = json.loads(raw)
    except json.JSONDecodeError as error:
        where = (
            "ends too early: a part of it may be missing" if error.pos >= len(error.doc.rstrip()) else f"is not JSON at line {error.lineno}"
        )
        raise FlagSourceError(f"it {where if raw.strip() else 'is empty'}; write it again, or restore it") from None
    except (ValueError, RecursionError):
        raise FlagSourceError("it is not JSON text; write it again, or restore it") from None
    if isinstance(whole, dict) and isinstance(whole.get("data"), dict) and "flags" not in whole:
        whole = whole["data"]
    if isinstance(whole, dict) and isinstance(whole.get("items"), list):
        raise FlagSourceError(f"it is an answer of {_REST_API}")
    if not isinstance(whole, dict) or not {"flags", "flagValues"} & whole.keys():
        raise FlagSourceError("it contains neither `flags` nor `flagValues`: it is not a flag file of LaunchDarkly; check the path")
    return whole


def _entries(whole: Mapping[str, Any], name: str, *, plain: bool = False) -> Iterator[tuple[str, Any]]:
    """Yield the items under that name, with their keys. They are in an object or, unless `plain`, in a list of objects that contain their
    key.

    Raises:
        FlagSourceError: the value is neither an object nor such a list, so missing items cannot be recognised.
    """
    found = whole.get(name)
    if isinstance(found, dict):
        yield from found.items()
    elif isinstance(found, list) and not plain and all(isinstance(item, dict) and isinstance(item.get("key"), str) for item in found):
        yield from ((item["key"], item) for item in found)
    elif found is not None:
        raise FlagSourceError(f"`{name}` in it is not an object; {_RESTORE}")


def _versioned(items: Mapping[str, Any]) -> dict[str, Any]:
    """Return the items with a version; an omitted version is 1, as in LaunchDarkly's own file source."""
    return {key: {"version": 1, **item} if isinstance(item, dict) else item for key, item in items.items()}
