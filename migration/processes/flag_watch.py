"""Finds by evaluation how each change of the flags moved tenants, so that a change made elsewhere is recorded like one made by the
migration's commands.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from migration.flags.meaning import CANDIDATE_FAILOVER, KILL_SWITCH, SHADOW_SAMPLING, FlagData, Tenant, surface_flag_key
from migration.history import Entry
from migration.model import Stage
from migration.processes.followed import FollowedFlags

_ORDER: Final = list(Stage)
_NAMED: Final = 5
#: Invented tenants that represent unknown tenants: a change of a percentage moves some of them.
_SAMPLE: Final = tuple(Tenant(tenant_id=f"sample-{number}") for number in range(20))
_SWITCHES: Final = (KILL_SWITCH, SHADOW_SAMPLING, CANDIDATE_FAILOVER)

Move = tuple[Stage, Stage]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagChange:
    """A flag that changed."""

    entry: Entry
    jumped: int  #: checked tenants that skipped a stage
    seen_at: float  #: Unix seconds


class FlagWatch:
    """Compares the current flags with the previous ones. Only one thread may use an object.

    Args:
        flags: the flags that this process follows.
        surfaces: the surfaces that are being migrated.
        tenants: returns the tenants to check, which are those that were served last.
        host: the host of this process, for entries.
        name: the name of this process, for entries.
        clock: Unix seconds.
    """

    def __init__(
        self,
        flags: FollowedFlags,
        surfaces: Collection[str],
        tenants: Callable[[], Iterable[Tenant]],
        *,
        host: str,
        name: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._flags, self._tenants, self._clock = flags, tenants, clock
        self._host, self._name = host, name
        self._keys = {surface_flag_key(surface): surface for surface in surfaces} | dict.fromkeys(_SWITCHES, "")
        self._data: FlagData | None = None
        self._stages: dict[tuple[str, str], Stage] = {}

    def look(self, last_version: Callable[[str], int | None]) -> list[FlagChange]:
        """Return the changes since the last check; at the first check, since the history's last entry about each flag.

        Args:
            last_version: returns a flag's version in the history; None: the history has no entry about the flag. Used at the first check.
        """
        data, before = self._flags.data, self._data
        if data is before or not data.flags:
            return []
        stages = self._look_at_stages()
        moves = _moves(self._stages, stages)
        self._data, self._stages = data, stages
        if before is None:
            return [
                self._unwatched(key, known, data) for key in self._keys if (known := last_version(key)) not in {None, _version(data, key)}
            ]
        changed = [key for key in self._keys if data.flags.get(key) != before.flags.get(key)]
        loose = {surface for surface in moves if surface_flag_key(surface) not in changed}
        changes = [self._change(key, before, data, moves) for key in changed]
        return changes + [self._by_others(surface, data, moves[surface]) for surface in sorted(loose)]

    def _look_at_stages(self) -> dict[tuple[str, str], Stage]:
        evaluate = self._flags.evaluator.evaluate
        tenants = [*_SAMPLE, *self._tenants()]
        surfaces = [surface for surface in self._keys.values() if surface]
        return {(surface, one.tenant_id): evaluate(surface, one, emergency=False).stage for surface in surfaces for one in tenants}

    def _change(self, key: str, before: FlagData, after: FlagData, moves: Mapping[str, Mapping[Move, list[str]]]) -> FlagChange:
        surface = self._keys[key]
        found = moves.get(surface, {}) if surface else {}
        said = _sentence(found) if surface else _position(after.live(key))
        what = f"{key}: {said}"
        return self._made(key, what, found, (_version(before, key), _version(after, key)), surface)

    def _by_others(self, surface: str, data: FlagData, found: Mapping[Move, list[str]]) -> FlagChange:
        """Return the change for tenants that were moved by a segment, or by a flag that is a prerequisite."""
        key = surface_flag_key(surface)
        return self._made(f"{key} (by what it refers to)", f"{key}: {_sentence(found)}", found, (None, data.version), surface)

    def _unwatched(self, key: str, known: int | None, data: FlagData) -> FlagChange:
        what = f"{key}: differs from the one in the history; it was changed while no process ran"
        return self._made(key, what, {}, (known, _version(data, key)), self._keys[key])

    def _made(
        self, key: str, what: str, moves: Mapping[Move, list[str]], versions: tuple[int | None, int | None], surface: str
    ) -> FlagChange:
        jumped = sum(len(tenants) for move, tenants in moves.items() if is_jump(move))
        entry = Entry(
            kind="jump" if jumped else "elsewhere",
            surface=surface,
            what=what,
            who="",
            host=self._host,
            source=self._flags.status().source,
            flag=key,
            version_before=versions[0],
            version_after=versions[1],
            seen=f"by evaluation, in {self._name}",
            tenants=tuple(tenant for tenants in moves.values() for tenant in _known(tenants)[:_NAMED]),
            at=self._clock(),
        )
        return FlagChange(entry=entry, jumped=jumped, seen_at=entry.at)


def is_jump(move: Move) -> bool:
    """Return whether there is a stage between the two stages."""
    before, after = move
    return abs(_ORDER.index(before) - _ORDER.index(after)) > 1


def _version(data: FlagData, key: str) -> int | None:
    flag = data.flags.get(key)
    return None if flag is None else flag["version"]


def _moves(before: Mapping[tuple[str, str], Stage], after: Mapping[tuple[str, str], Stage]) -> dict[str, dict[Move, list[str]]]:
    """Return the moves, by surface. A tenant that was not checked before has not moved."""
    moves: defaultdict[str, defaultdict[Move, list[str]]] = defaultdict(lambda: defaultdict(list))
    for (surface, tenant), stage in after.items():
        if (old := before.get((surface, tenant), stage)) is not stage:
            moves[surface][old, stage].append(tenant)
    return {surface: dict(found) for surface, found in moves.items()}


def _known(tenants: Iterable[str]) -> list[str]:
    made_up = {tenant.tenant_id for tenant in _SAMPLE}
    return [tenant for tenant in tenants if tenant not in made_up]


def _sentence(moves: Mapping[Move, list[str]]) -> str:
    """Return the moves as text."""
    counts = Counter({move: len(tenants) for move, tenants in moves.items()})
    parts = []
    for (before, after), moved in counts.most_common():
        known = _known(moves[before, after])
        named = ", ".join(known[:_NAMED]) + (f" and {len(known) - _NAMED} more" if len(known) > _NAMED else "")
        unknown = f"{moved - len(known)} of {len(_SAMPLE)} invented tenants" if moved > len(known) else ""
        parts.append(f"{before.value} -> {after.value}: {' and '.join(part for part in (named, unknown) if part)}")
    return "; ".join(parts) or "none of the tenants that were checked moved"


def _position(flag: Mapping[str, Any] | None) -> str:
    return "it no longer exists" if flag is None else "was changed"
