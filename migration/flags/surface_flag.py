"""A surface's migration flag as data: six shares of the tenants, pins, and the bucket formula that says where each tenant is."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from migration.errors import FlagSourceError
from migration.flags.wire import FlagWire, read_wire
from migration.model import Stage
from migration.stages import STAGE_ORDER

TENANT_KIND: Final = "tenant"
SURFACE_PREFIX: Final = "execution-engine-"
WHOLE: Final = 100_000  #: LaunchDarkly's weights are out of this many
_BUCKETS: Final = float(0xFFFFFFFFFFFFFFF)
_OFF_ONLY: Final = (WHOLE, 0, 0, 0, 0, 0)


def flag_key(surface: str) -> str:
    """Return the key of a surface's migration flag."""
    return SURFACE_PREFIX + surface


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The tenants without a pin whose bucket is in [low, high), and their stage."""

    low: float
    high: float  #: infinity for the last band: the SDK puts what rounding leaves over into the last listed variation
    stage: Stage

    @property
    def percent(self) -> float:
        """Share of all buckets, 0 to 100."""
        return (min(self.high, 1.0) - self.low) * 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceFlag:
    """Where every tenant of a surface is.

    Shares lie in stage order along the bucket range, so the furthest stage has its upper end: raising a percentage moves a cut point
    down and nobody backwards. The salt never changes, since another one would deal all tenants anew.
    """

    surface: str
    weights: tuple[int, ...] = _OFF_ONLY  #: one a stage, in stage order, out of 100,000
    pins: Mapping[str, Stage] = field(default_factory=lambda: MappingProxyType({}))  #: tenant id -> stage, whatever its bucket says
    on: bool = True  #: False: LaunchDarkly's switch of the whole flag: everybody is at `off`
    salt: str = "netra"
    seed: int | None = None  #: takes the place of flag key and salt in the bucket formula; None: not used
    version: int = 0  #: as read; 0: not in the file yet

    def bucket(self, tenant_id: str) -> float:
        """Return the tenant's place in [0, 1].

        Source: LaunchDarkly's formula, `ldclient.impl.evaluator_common._bucket_context`: the first 15 hex digits of a SHA-1.
        """
        prefix = f"{flag_key(self.surface)}.{self.salt}" if self.seed is None else str(self.seed)
        digest = hashlib.sha1(f"{prefix}.{tenant_id}".encode(), usedforsecurity=False).hexdigest()
        return int(digest[:15], 16) / _BUCKETS

    def bands(self) -> tuple[Band, ...]:
        """Return the bands of tenants without a pin, lowest bucket first; together they cover every bucket."""
        if not self.on:
            return (Band(low=0.0, high=float("inf"), stage=Stage.OFF),)
        shares = [(stage, weight) for stage, weight in zip(STAGE_ORDER, self.weights, strict=True) if weight]
        bands, low = [], 0.0
        for stage, weight in shares:
            # The same additions in the same order as the SDK's, so that both cut at the same floating-point number.
            high = low + weight / WHOLE
            bands.append(Band(low=low, high=float("inf") if stage is shares[-1][0] else high, stage=stage))
            low = high
        return tuple(bands)

    def stage_of(self, tenant_id: str) -> Stage:
        """Return the stage this tenant is at, kill switch aside."""
        if self.on and tenant_id in self.pins:
            return self.pins[tenant_id]
        bucket = self.bucket(tenant_id)
        return next(band.stage for band in self.bands() if bucket < band.high)

    def percents(self) -> dict[Stage, float]:
        """Return the percentage of tenants without a pin at each of the six stages."""
        weights = self.weights if self.on else _OFF_ONLY
        return {stage: weight * 100 / WHOLE for stage, weight in zip(STAGE_ORDER, weights, strict=True)}

    def render(self, old: Mapping[str, Any]) -> dict[str, Any]:
        """Return the flag as LaunchDarkly's JSON, keeping what `old` says beyond it; the version stays as it was.

        The rollout lists `off` first even at weight 0, because a context without the tenant kind gets the first listed variation, and
        nothing after the furthest stage, because what rounding leaves over gets the last.
        """
        furthest = max(index for index, weight in enumerate(self.weights) if weight)
        rollout: dict[str, Any] = {
            "contextKind": TENANT_KIND,
            "variations": [{"variation": index, "weight": self.weights[index]} for index in range(furthest + 1)],
        }
        if self.seed is not None:
            rollout["seed"] = self.seed
        return {
            "migration": {"checkRatio": 1},
            **old,
            "key": flag_key(self.surface),
            "on": self.on,
            "offVariation": 0,
            "variations": [stage.value for stage in STAGE_ORDER],
            "salt": self.salt,
            "contextTargets": [
                {"contextKind": TENANT_KIND, "variation": index, "values": pinned}
                for index, stage in enumerate(STAGE_ORDER)
                if (pinned := sorted(tenant for tenant, at in self.pins.items() if at is stage))
            ],
            "fallthrough": {"rollout": rollout},
        }


def parse_surface_flag(surface: str, raw: object) -> SurfaceFlag:
    """Return the flag that this JSON value describes.

    Raises:
        FlagSourceError: it is no migration flag that this tool can prove anything about; says which part and why.
    """
    key = flag_key(surface)
    wire = read_wire(key, raw)
    if wire.variations != [stage.value for stage in STAGE_ORDER]:
        raise FlagSourceError(f"{key}: variations must be {', '.join(STAGE_ORDER)}, in this order")
    if wire.off_variation != 0:
        raise FlagSourceError(f"{key}: offVariation must be 0, which is `off`")
    return SurfaceFlag(
        surface=surface,
        weights=_weights(key, wire),
        pins=MappingProxyType(_pins(key, wire)),
        on=wire.on,
        salt=wire.salt,
        seed=wire.fallthrough.rollout.seed if wire.fallthrough.rollout else None,
        version=wire.version,
    )


def _pins(key: str, wire: FlagWire) -> dict[str, Stage]:
    pins: dict[str, Stage] = {}
    for target in wire.context_targets:
        if target.context_kind != TENANT_KIND or target.variation >= len(STAGE_ORDER):
            raise FlagSourceError(f"{key}: contextTargets must be of kind {TENANT_KIND} and point at one of the six variations")
        for tenant in target.values:
            if tenant in pins:
                raise FlagSourceError(f"{key}: a tenant is pinned twice")
            pins[tenant] = STAGE_ORDER[target.variation]
    return pins


def _weights(key: str, wire: FlagWire) -> tuple[int, ...]:
    weights = [0] * len(STAGE_ORDER)
    rollout = wire.fallthrough.rollout
    if rollout is None:
        if wire.fallthrough.variation is None or wire.fallthrough.variation >= len(STAGE_ORDER):
            raise FlagSourceError(f"{key}: fallthrough needs a rollout or one of the six variations")
        weights[wire.fallthrough.variation] = WHOLE
        return tuple(weights)
    if rollout.context_kind != TENANT_KIND or rollout.bucket_by != "key" or rollout.kind != "rollout":
        raise FlagSourceError(f"{key}: the rollout must bucket by the key of kind {TENANT_KIND}")
    listed = [share.variation for share in rollout.variations]
    if listed[:1] != [0] or listed != sorted(set(listed)) or listed[-1] >= len(STAGE_ORDER):
        raise FlagSourceError(f"{key}: the rollout must list variations in stage order, `off` first")
    for share in rollout.variations:
        weights[share.variation] = share.weight
    if sum(weights) != WHOLE or not rollout.variations[-1].weight:
        raise FlagSourceError(f"{key}: weights must add up to {WHOLE}, and the last listed one must not be 0")
    return tuple(weights)
