"""Flags and segments as LaunchDarkly's JSON, read from any form in which people have them. What a flag means, the SDK alone says."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal

from ldclient.versioned_data_kind import FEATURES, SEGMENTS, VersionedDataKind

from migration.errors import FlagSourceError
from migration.flags.shape import misshapen

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
_RESTORE: Final = "correct it, or restore what was there before"


def surface_flag_key(surface: str) -> str:
    """Return the key of a surface's migration flag."""
    return SURFACE_PREFIX + surface


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagProblem:
    """What is wrong with one flag or segment, in words for the operator."""

    key: str
    place: str  #: where in its JSON, e.g. "rules[0].clauses[1].op"; "": the whole of it
    what: str  #: what is wrong there, and what to do
    kind: Kind = "flag"

    def __str__(self) -> str:
        """Return the sentence."""
        subject = self.key if self.kind == "flag" else f"segment {self.key}"
        return f"{subject}: {f'`{self.place}` ' if self.place else ''}{self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagData:
    """All flags and segments at one moment; each is one that LaunchDarkly's SDK takes."""

    flags: Mapping[str, Item] = field(default_factory=lambda: _NONE)  #: tombstones (`deleted`) included
    segments: Mapping[str, Item] = field(default_factory=lambda: _NONE)

    @property
    def version(self) -> int:
        """Sum of the versions of all flags and segments: every edit raises it. 0: there are none."""
        return sum(item["version"] for items in (self.flags, self.segments) for item in items.values())

    def with_flag(self, key: str, flag: Item) -> "FlagData":
        """Return the same with this flag put in."""
        return replace(self, flags=MappingProxyType({**self.flags, key: flag}))

    def without_flags(self, keys: Collection[str]) -> "FlagData":
        """Return the same without the flags of these keys."""
        return replace(self, flags=MappingProxyType({key: flag for key, flag in self.flags.items() if key not in keys}))

    def live(self, key: str) -> Item | None:
        """Return the flag of that key; None: there is none, or a tombstone stands in its place."""
        flag = self.flags.get(key)
        return None if flag is None or flag.get("deleted") is True else flag

    def for_sdk(self) -> dict[VersionedDataKind, dict[str, dict[str, Any]]]:
        """Return what the SDK's store is initialised with."""
        return {
            FEATURES: {key: for_sdk(key, flag) for key, flag in self.flags.items()},
            SEGMENTS: {key: for_sdk(key, segment) for key, segment in self.segments.items()},
        }


def for_sdk(key: str, item: Item) -> dict[str, Any]:
    """Return the item as the SDK's store takes it: a tombstone without a key, or `prerequisites: null`, would fail the whole set."""
    return {"key": key, **{name: value for name, value in item.items() if name != "prerequisites" or value is not None}}


def check_item(kind: Kind, key: str, item: object) -> FlagProblem | None:
    """Return why LaunchDarkly's SDK does not take this flag or segment; None: it takes it. The SDK's own decoder decides."""
    if not isinstance(item, Mapping):
        return FlagProblem(kind=kind, key=key, place="", what=f"is not a JSON object; {_RESTORE}")
    try:
        (FEATURES if kind == "flag" else SEGMENTS).decode(dict(item))
    except Exception:  # noqa: BLE001 - whatever the decoder cannot take, and in whatever way, is a problem of that flag alone
        place, what = misshapen(kind, item)
        return FlagProblem(kind=kind, key=key, place=place, what=f"{what}; {_RESTORE}")
    if item.get("key", key) != key:
        return FlagProblem(kind=kind, key=key, place="key", what=f"is another one than the name it stands under; make both {key!r}")
    return None


def read_flag_data(raw: bytes) -> tuple[FlagData, tuple[FlagProblem, ...]]:
    """Return the flags and segments in this file, and what is wrong with those that are left out.

    Read are LaunchDarkly's flag file (`flags`, `flagValues`, `segments`), the answer of `/sdk/latest-all`, an export of a project with
    `flags` and `segments` (as objects or as lists), and the stream's `put`.

    Raises:
        FlagSourceError: nothing can be read, or what cannot be read may be anything.
    """
    whole = _document(raw)
    problems: list[FlagProblem] = []
    flags = dict(_sound("flag", _entries(whole, "flags"), problems))
    for key, value in _entries(whole, "flagValues", plain=True):
        if key in flags:
            problems.append(FlagProblem(key=key, place="flagValues", what="stands under `flags` too, which counts; remove one of the two"))
        else:
            # As LaunchDarkly's own file source reads it.
            flags[key] = {"key": key, "version": 1, "on": True, "fallthrough": {"variation": 0}, "variations": [value]}
    segments = dict(_sound("segment", _entries(whole, "segments"), problems))
    return FlagData(flags=MappingProxyType(flags), segments=MappingProxyType(segments)), tuple(problems)


def check_items(flags: Mapping[str, Any], segments: Mapping[str, Any]) -> tuple[FlagData, tuple[FlagProblem, ...]]:
    """Return those flags and segments of a full state that the SDK takes, and what is wrong with the others."""
    problems: list[FlagProblem] = []
    sound_flags = dict(_sound("flag", flags.items(), problems))
    sound_segments = dict(_sound("segment", segments.items(), problems))
    return FlagData(flags=MappingProxyType(sound_flags), segments=MappingProxyType(sound_segments)), tuple(problems)


def _document(raw: bytes) -> dict[str, Any]:
    try:
        whole = json.loads(raw)
    except json.JSONDecodeError as error:
        where = (
            "ends too early: half of it may be missing" if error.pos >= len(error.doc.rstrip()) else f"is not JSON at line {error.lineno}"
        )
        raise FlagSourceError(f"it {where if raw.strip() else 'is empty'}; write it anew, or restore it") from None
    except (ValueError, RecursionError):
        raise FlagSourceError("it is not JSON text; write it anew, or restore it") from None
    if isinstance(whole, dict) and isinstance(whole.get("data"), dict) and "flags" not in whole:
        whole = whole["data"]
    if isinstance(whole, dict) and isinstance(whole.get("items"), list):
        raise FlagSourceError(
            "it is an answer of LaunchDarkly's REST API, which the SDK cannot evaluate; fetch /sdk/latest-all with the SDK key"
        )
    if not isinstance(whole, dict) or not {"flags", "flagValues"} & whole.keys():
        raise FlagSourceError("it holds neither `flags` nor `flagValues`: it is not a flag file of LaunchDarkly; check the path")
    return whole


def _entries(whole: Mapping[str, Any], name: str, *, plain: bool = False) -> Iterator[tuple[str, Any]]:
    """Yield what stands under that name, by key: of an object, or (not `plain`) of a list of objects that know their key.

    Raises:
        FlagSourceError: it is neither, so that nobody knows what is missing.
    """
    found = whole.get(name)
    if isinstance(found, dict):
        yield from found.items()
    elif isinstance(found, list) and not plain and all(isinstance(item, dict) and isinstance(item.get("key"), str) for item in found):
        yield from ((item["key"], item) for item in found)
    elif found is not None:
        raise FlagSourceError(f"`{name}` in it is not an object; {_RESTORE}")


def _sound(
    kind: Kind, items: Collection[tuple[str, Any]] | Iterator[tuple[str, Any]], problems: list[FlagProblem]
) -> Iterator[tuple[str, Item]]:
    for key, item in items:
        # A flag file may leave the version out; LaunchDarkly's own file source reads that as 1.
        versioned = {"version": 1, **item} if isinstance(item, dict) else item
        if (problem := check_item(kind, key, versioned)) is None:
            yield key, versioned
        else:
            problems.append(problem)
