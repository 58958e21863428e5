"""Moves of tenants between stages, and the proof that an edit makes only allowed ones."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType

from migration.errors import BackwardRampError, ConfigurationError
from migration.flags.surface_flag import WHOLE, Band, SurfaceFlag
from migration.model import Stage
from migration.stages import STAGE_ORDER, check_move

_PERCENT = WHOLE // 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Who goes from one stage to another by an edit."""

    before: Stage
    after: Stage
    percent: float  #: of the tenants without a pin before and after; 0 when only named tenants move
    tenants: tuple[str, ...]  #: named tenants that move: pinned before or after, or known from the settings

    @property
    def backward(self) -> bool:
        """Whether it leads to an earlier stage."""
        return STAGE_ORDER.index(self.after) < STAGE_ORDER.index(self.before)


def share(flag: SurfaceFlag, stage: Stage, percent: float = 100.0) -> SurfaceFlag:
    """Return the flag with `percent` of the tenants at `stage` and the rest one stage before it. Pins stay.

    Raises:
        ConfigurationError: the percentage is not 0 to 100 in steps of 0.001, or leaves a rest at `off`, which has no stage before it.
    """
    weight = round(percent * _PERCENT) if 0 <= percent <= 100 else -1  # noqa: PLR2004 - percent; not a number is neither
    if weight < 0 or abs(weight - percent * _PERCENT) > 1e-6:  # noqa: PLR2004 - far below one weight
        raise ConfigurationError(f"{percent:g} % is not possible; give 0 to 100 with at most three decimals")
    index = STAGE_ORDER.index(stage)
    if weight < WHOLE and index == 0:
        raise ConfigurationError(f"`off` has no stage before it for the other {100 - percent:g} %; give no --percent")
    weights = [0] * len(STAGE_ORDER)
    weights[index] = weight
    if weight < WHOLE:
        weights[index - 1] = WHOLE - weight
    return replace(flag, weights=tuple(weights), on=True)


def pin(flag: SurfaceFlag, tenant_id: str, stage: Stage) -> SurfaceFlag:
    """Return the flag with the tenant held at `stage`, whatever its bucket says."""
    return replace(flag, pins=MappingProxyType({**flag.pins, tenant_id: stage}), on=True)


def unpin(flag: SurfaceFlag, tenant_id: str) -> SurfaceFlag:
    """Return the flag with the tenant back where its bucket says.

    Raises:
        ConfigurationError: the tenant is not pinned.
    """
    if tenant_id not in flag.pins:
        raise ConfigurationError(
            f"{flag.surface}: tenant {tenant_id!r} is not pinned; pinned are: {', '.join(sorted(flag.pins)) or 'none'}"
        )
    return replace(flag, pins=MappingProxyType({tenant: stage for tenant, stage in flag.pins.items() if tenant != tenant_id}))


def moves(before: SurfaceFlag, after: SurfaceFlag, tenants: Iterable[str] = ()) -> tuple[Move, ...]:
    """Return who moves, in stage order of where they come from.

    Tenants without a pin are covered by arithmetic over the cut points of both flags, so no bucket is missed, and none is sampled.

    Args:
        before: the flag as it is.
        after: the flag as it shall be.
        tenants: tenants to name besides pinned ones.
    """
    percents: dict[tuple[Stage, Stage], float] = defaultdict(float)
    for old, new, percent in _meetings(before, after):
        if old is not new:
            percents[old, new] += percent
    named: dict[tuple[Stage, Stage], list[str]] = defaultdict(list)
    for tenant in sorted({*before.pins, *after.pins, *tenants}):
        old, new = before.stage_of(tenant), after.stage_of(tenant)
        if old is not new:
            named[old, new].append(tenant)
    return tuple(
        Move(before=old, after=new, percent=round(percents[old, new], 3), tenants=tuple(named[old, new]))
        for old, new in sorted({*percents, *named}, key=lambda pair: (STAGE_ORDER.index(pair[0]), STAGE_ORDER.index(pair[1])))
    )


def check_edit(before: SurfaceFlag, after: SurfaceFlag, *, allow_back: bool, tenants: Iterable[str] = ()) -> tuple[Move, ...]:
    """Return who moves, after proving for every bucket and every pin that they may.

    Args:
        before: the flag as it is.
        after: the flag as it shall be.
        allow_back: whether tenants may go to an earlier stage.
        tenants: tenants to name besides pinned ones.

    Raises:
        ForbiddenStageMoveError: somebody would skip a stage, forward or backward.
        BackwardRampError: somebody would go to an earlier stage, and that is not allowed.
    """
    found = moves(before, after, tenants)
    for move in found:
        check_move(after.surface, move.before, move.after)
    if not allow_back and (back := [move for move in found if move.backward]):
        who = "; ".join(describe(move) for move in back)
        raise BackwardRampError(after.surface, f"{who}: that is backwards; say --allow-back if it is meant")
    return found


def describe(move: Move) -> str:
    """Return the move as words, e.g. "10 % of the tenants, among them acme: shadow -> live"."""
    names = ", ".join(move.tenants)
    who = f"{move.percent:g} % of the tenants" + (f", among them {names}" if names else "") if move.percent else names
    return f"{who}: {move.before.value} -> {move.after.value}"


def _meetings(before: SurfaceFlag, after: SurfaceFlag) -> Iterator[tuple[Stage, Stage, float]]:
    """Yield every stage before and after that tenants without a pin can have, and how many percent of them do.

    Equal bucket formulas deal alike, so bands meet where they overlap. Different ones deal anew: any band meets any other.
    """
    alike = (before.salt, before.seed) == (after.salt, after.seed)
    for old in before.bands():
        for new in after.bands():
            if not alike:
                yield old.stage, new.stage, old.percent * new.percent / 100
            elif (overlap := _overlap(old, new)) is not None:
                yield old.stage, new.stage, overlap.percent


def _overlap(one: Band, other: Band) -> Band | None:
    low, high = max(one.low, other.low), min(one.high, other.high)
    return Band(low=low, high=high, stage=one.stage) if low < high else None
