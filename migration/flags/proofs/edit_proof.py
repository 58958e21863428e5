"""Which tenants an edit moves, and whether they may move. Only LaunchDarkly's SDK evaluates the flags, before and after the edit.

Known tenants and pins are evaluated one by one. For all other tenants the proof uses the parts of the flag that the edit leaves unchanged:
a tenant that matched a rule before the edit matches the same rule after it. So only tenants that reach the fallthrough can move; if the
edit switches the flag on, any tenant can. For these tenants, one invented tenant is evaluated for each range of buckets between two cut
points.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from migration.flags.edits.surface_changes import pins
from migration.flags.edits.targets import Flag
from migration.flags.meaning.contexts import Tenant, context
from migration.flags.meaning.data import CANDIDATE_FAILOVER, KILL_SWITCH, SHADOW_SAMPLING, FlagData, surface_flag_key
from migration.flags.meaning.evaluation import FlagEvaluator, quiet_sdk, reason_in_words
from migration.flags.proofs.dependencies import attributes_read, depends
from migration.flags.proofs.stage_moves import Found, Move, named
from migration.flags.proofs.unknown_tenants import Shares, everybody_else, forbidden_changes
from migration.model import Stage
from migration.stages import next_towards

_SWITCHES: Final = (KILL_SWITCH, SHADOW_SAMPLING, CANDIDATE_FAILOVER)
_STRIDE: Final = 1_000  #: tenants between two reports of progress
_ROUNDING: Final = 1e-6
_HELD_ELSEWHERE: Final = (
    "the flag does not assign tenants by their key; make its fallthrough a percentage rollout by the key of kind `tenant`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The effect of an edit, and all objections to it."""

    surface: str
    moves: tuple[Move, ...]  #: moves on this surface first, in stage order
    problems: tuple[str, ...]  #: (): the edit is proved; otherwise one sentence with its evidence for each objection
    known: int  #: known tenants and pins that were evaluated
    before: Mapping[Stage, int]  #: how many of these tenants are at each stage
    after: Mapping[Stage, int]
    shares: Shares  #: the shares of unknown tenants at each stage

    @property
    def lowering(self) -> bool:
        """Whether a tenant moves to an earlier stage."""
        return any(move.backward for move in self.moves)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """The intended effect of the edit; an edit that would not have it is refused."""

    stage: Stage
    tenants: tuple[str, ...] = ()  #: the tenants that should be at the stage; (): a percentage of the tenants
    percent: float = 100.0  #: percentage of the tenants that no target and no rule names


def prove(
    before: FlagData,
    after: FlagData,
    surface: str,
    *,
    aim: Aim | None = None,
    known: Iterable[Tenant] = (),
    surfaces: Collection[str] = (),
    progress: Callable[[int], None] = lambda _tenants: None,
) -> Proof:
    """Return the tenants that an edit of a surface's flag moves, and the reasons to refuse it.

    Args:
        before: the current flags.
        after: the same flags with this one changed.
        surface: that flag's surface.
        aim: which tenants should be at which stage after the edit; None: there is no such aim.
        known: tenants to evaluate and to name, with their attributes.
        surfaces: all surfaces; a surface whose flag has this flag as a prerequisite is checked too.
        progress: called with the number of tenants evaluated since the last call.
    """
    key = surface_flag_key(surface)
    old, new = before.live(key), after.live(key)
    found, moves = Found(surface=surface), list[Move]()
    with quiet_sdk(), FlagEvaluator.of(before) as now, FlagEvaluator.of(after) as then:
        tenants = _with_pins(known, pins(old) | pins(new))
        stages = _evaluate(now, then, found, tenants.values(), progress)
        switches = [switch for switch in _SWITCHES if depends(after, switch, key)]
        found.problems += [f"{switch} has {key} as a prerequisite, so it changes too" for switch in switches]
        for other in sorted(name for name in surfaces if name != surface and depends(after, surface_flag_key(name), key)):
            theirs = Found(surface=other)
            _evaluate(now, then, theirs, tenants.values(), progress)
            found.problems += [*theirs.problems, _unknown_dependents(other, key)]
            moves += theirs.moves()
        shares = everybody_else(old, new, found)
        found.problems += forbidden_changes(key, old, new)
        found.problems += _missed(aim, surface, shares, then, tenants)
        found.problems += _unread_pins(after, old, new, tenants)
    moves = [*found.moves(), *moves]
    return Proof(
        surface=surface,
        moves=tuple(moves),
        problems=tuple(dict.fromkeys([*_forbidden_moves(moves), *found.problems])),
        known=len(tenants),
        before=stages[0],
        after=stages[1],
        shares=shares,
    )


def _with_pins(known: Iterable[Tenant], pinned: Iterable[str]) -> dict[str, Tenant]:
    """Return the known tenants and the tenants that a target names, by id."""
    tenants = {tenant.tenant_id: tenant for tenant in known}
    for tenant_id in pinned:
        tenants.setdefault(tenant_id, Tenant(tenant_id=tenant_id))
    return tenants


def _evaluate(
    now: FlagEvaluator, then: FlagEvaluator, found: Found, tenants: Collection[Tenant], progress: Callable[[int], None]
) -> tuple[Counter[Stage], Counter[Stage]]:
    """Evaluate the stage of each tenant before and after; return how many are at each stage after the edit."""
    key, surface, names = surface_flag_key(found.surface), found.surface, found.names
    before, after, waiting, astray = Counter[Stage](), Counter[Stage](), 0, list[str]()
    for tenant in tenants:
        asked = context(tenant, surface)
        # If the SDK finds an error in a flag, control serves.
        old, new = now.held_at(key, asked) or Stage.OFF, then.held_at(key, asked)
        if new is None:
            astray.append(tenant.tenant_id)
            new = Stage.OFF
        before[old] += 1
        after[new] += 1
        if old is not new:
            names[old, new].append(tenant.tenant_id)
        waiting += 1
        if waiting == _STRIDE:
            progress(waiting)
            waiting = 0
    progress(waiting)
    if astray:
        found.problems.append(f"{key} would give no stage to {named(astray)}")
    return before, after


def _forbidden_moves(moves: Sequence[Move]) -> Iterator[str]:
    """Yield a sentence for each move that skips a stage, or moves back while others move forward."""
    raising = any(not move.backward for move in moves)
    for move in moves:
        step = next_towards(move.before, move.after)
        path = f"{move.who}: {move.before.value} -> {move.after.value}"
        if step is not move.after:
            yield f"{path} skips a stage; go to {step.value} first"
        elif move.backward and raising:
            yield f"{path} is backwards, while others move forward"


def _unknown_dependents(other: str, key: str) -> str:
    return f"{surface_flag_key(other)} has {key} as a prerequisite, so unknown tenants of {other} may move too"


def _missed(aim: Aim | None, surface: str, shares: Shares, then: FlagEvaluator, tenants: Mapping[str, Tenant]) -> Iterator[str]:
    """Yield a sentence if the edit would not have its intended effect."""
    if aim is None:
        return
    if not aim.tenants:
        if abs((reached := shares.after.get(aim.stage, 0.0)) - aim.percent) > _ROUNDING:
            yield f"{reached:g} % instead of {aim.percent:g} % of the tenants would be at {aim.stage.value}: {_HELD_ELSEWHERE}"
        return
    for tenant_id in aim.tenants:
        answer = then.stage(surface, tenants[tenant_id])
        if answer.stage is not aim.stage:
            stage = (answer.stage or Stage.OFF).value
            yield f"{tenant_id} would be at {stage} instead of {aim.stage.value}: the SDK's reason is {reason_in_words(answer.reason)}"


def _unread_pins(data: FlagData, old: Flag | None, new: Flag | None, tenants: Mapping[str, Tenant]) -> Iterator[str]:
    """Yield a sentence for each tenant that gets or loses a pin if the rules use an attribute whose value is not known for this tenant."""
    if old is None or new is None or not (wanted := attributes_read(data, new)):
        return
    for tenant_id in sorted(pins(old) ^ pins(new)):
        if lacking := sorted(wanted - tenants[tenant_id].attributes.keys()):
            yield (
                f"the rules of {new['key']} use {', '.join(lacking)}, which is not known of {tenant_id}, so its stage without the pin "
                "cannot be determined; put it into the file of tenants' attributes (NETRA_MIGRATION_TENANT_ATTRIBUTES_FILE)"
            )
