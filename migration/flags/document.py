"""The flag file as one value: read it, change it with `with_...`, render it. LaunchDarkly's file format, one file for all flags."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import msgspec

from migration.errors import FlagSourceError
from migration.flags.surface_flag import SURFACE_PREFIX, SurfaceFlag, flag_key, parse_surface_flag
from migration.flags.switches import (
    CANDIDATE_FAILOVER,
    KILL_SWITCH,
    SHADOW_SAMPLING,
    KillSwitch,
    parse_failover,
    parse_kill_switch,
    parse_sampling,
    render_failover,
    render_sampling,
)

Flags = dict[str, Any]
"""Flag key -> LaunchDarkly's JSON of that flag."""

SWITCHES = (KILL_SWITCH, SHADOW_SAMPLING, CANDIDATE_FAILOVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagDocument:
    """All flags at one moment."""

    surfaces: Mapping[str, SurfaceFlag]
    kill_switch: KillSwitch = field(default_factory=KillSwitch)
    sampling_percent: float = 100.0  #: of the runs that a stage wants shadowed
    failover: bool = False
    raw: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))  #: what it was read from

    @property
    def version(self) -> int:
        """Sum of the versions of all flags as read: every edit raises it. 0: nothing was read."""
        return sum(raw.get("version", 0) for raw in self.raw.get("flags", {}).values())

    def with_surface(self, flag: SurfaceFlag) -> "FlagDocument":
        """Return the document with this surface's flag put in."""
        return replace(self, surfaces=MappingProxyType({**self.surfaces, flag.surface: flag}))

    def without_surfaces(self, surfaces: Collection[str]) -> "FlagDocument":
        """Return the document without these surfaces' flags and exceptions from the kill switch. Its version is higher."""
        flags = dict(self.raw.get("flags", {}))
        removed = [flags.pop(key) for key in map(flag_key, surfaces) if key in flags]
        if removed and KILL_SWITCH in flags:
            # The flag that is always there takes the versions over: their sum must not fall.
            version = 1 + sum(flag.get("version", 0) for flag in (*removed, flags[KILL_SWITCH]))
            flags[KILL_SWITCH] = {**flags[KILL_SWITCH], "version": version}
        return replace(
            self,
            surfaces=MappingProxyType({name: flag for name, flag in self.surfaces.items() if name not in surfaces}),
            kill_switch=replace(self.kill_switch, exceptions=self.kill_switch.exceptions - set(surfaces)),
            raw=MappingProxyType({**self.raw, "flags": flags}),
        )

    def with_kill_switch(self, on: bool, surface: str | None = None) -> "FlagDocument":
        """Return the document with the kill switch turned, for one surface or (None) for all."""
        return replace(self, kill_switch=self.kill_switch.turned(on, surface))

    def with_sampling(self, percent: float) -> "FlagDocument":
        """Return the document with this share of runs shadowed, in percent."""
        return replace(self, sampling_percent=percent)


def default_document(surfaces: Iterable[str]) -> FlagDocument:
    """Return the flags of a migration that has not begun: everybody at `off`, kill switch off, every shadow run sampled."""
    return FlagDocument(surfaces=MappingProxyType({surface: SurfaceFlag(surface=surface) for surface in surfaces}))


def read_flags(data: bytes) -> dict[str, Any]:
    """Return the file's JSON object, with an object of flags under `flags`.

    Raises:
        FlagSourceError: it is not JSON, or not of that shape.
    """
    try:
        raw = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FlagSourceError(f"not valid JSON ({error})") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("flags"), dict):
        raise FlagSourceError("not a LaunchDarkly flag file: it holds no object `flags`")
    return raw


def is_ours(key: str) -> bool:
    """Whether this tool reads the flag of that key."""
    return key in SWITCHES or key.startswith(SURFACE_PREFIX)


def check_flag(key: str, raw: object) -> None:
    """Check one of our flags.

    Raises:
        FlagSourceError: it is not valid; says why.
    """
    if key == KILL_SWITCH:
        parse_kill_switch(raw)
    elif key == SHADOW_SAMPLING:
        parse_sampling(raw)
    elif key == CANDIDATE_FAILOVER:
        parse_failover(raw)
    else:
        parse_surface_flag(key.removeprefix(SURFACE_PREFIX), raw)


def parse_document(raw: Mapping[str, Any], surfaces: Iterable[str]) -> FlagDocument:
    """Return the flags in this JSON object; those that it lacks are as in `default_document`.

    Raises:
        FlagSourceError: a flag is not valid; says which and why.
    """
    flags: Flags = raw["flags"]
    named = [key.removeprefix(SURFACE_PREFIX) for key in flags if key.startswith(SURFACE_PREFIX) and key != KILL_SWITCH]
    default = default_document(surfaces)
    return FlagDocument(
        surfaces=MappingProxyType({**default.surfaces, **{name: parse_surface_flag(name, flags[flag_key(name)]) for name in named}}),
        kill_switch=parse_kill_switch(flags[KILL_SWITCH]) if KILL_SWITCH in flags else default.kill_switch,
        sampling_percent=parse_sampling(flags[SHADOW_SAMPLING]) if SHADOW_SAMPLING in flags else default.sampling_percent,
        failover=parse_failover(flags[CANDIDATE_FAILOVER]) if CANDIDATE_FAILOVER in flags else default.failover,
        raw=raw,
    )


def render_document(document: FlagDocument) -> bytes:
    """Return the file. The version of each flag that changed is raised: without that the SDK tells no listener."""
    old: Flags = document.raw.get("flags", {})
    flags: Flags = dict(old)
    for flag in document.surfaces.values():
        key = flag_key(flag.surface)
        flags[key] = _raised(old.get(key, {}), flag.render(old.get(key, {})))
    flags[KILL_SWITCH] = _raised(old.get(KILL_SWITCH, {}), document.kill_switch.render(old.get(KILL_SWITCH, {})))
    sampling = old.get(SHADOW_SAMPLING, {})
    if not sampling or parse_sampling(sampling) != document.sampling_percent:
        flags[SHADOW_SAMPLING] = _raised(sampling, render_sampling(document.sampling_percent, sampling))
    failover = old.get(CANDIDATE_FAILOVER, {})
    if not failover or parse_failover(failover) != document.failover:
        flags[CANDIDATE_FAILOVER] = _raised(failover, render_failover(document.failover, failover))
    data = msgspec.json.encode({**document.raw, "flags": flags})
    return msgspec.json.format(data, indent=2) + b"\n"


def _raised(old: Mapping[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return `new` with the version after that of `old`, or with the same one when nothing else differs."""
    version = old.get("version", 0)
    return {**new, "version": version if {**new, "version": version} == old else version + 1}
