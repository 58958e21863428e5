"""Simulated ramps: how long a ramp takes and how often it decides wrongly, with simulated runs and the gate that decides real ramps.

Tenants differ in traffic and in rate of divergence; the mean rate over all runs is the given one. At a percentage, this share of the
tenants is compared; at a cohort, as many as it has. Approvals are given immediately, and noise is measured.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Final, Literal

from migration.extras import extra
from migration.rollout.gate import decide, outcome
from migration.rollout.ramp_file import Ramp, Step
from migration.rollout.standing import Standing
from migration.stages import PLANS
from migration.statistics import Outcomes

with extra("rollout"):
    import numpy as np

RampEnd = Literal["complete", "rolled back", "held"]

_DAY_S: Final = 86400.0
_MONDAY: Final = datetime(2026, 6, 1, 9, tzinfo=UTC).timestamp()
_UNEVEN: Final = 0.5  #: parameter of a Dirichlet distribution: the busiest of 40 tenants has about a tenth of the runs
_RATES: Final = 0.2  #: parameter of a Beta distribution: most tenants hardly diverge, and a few diverge often
_SPREAD: Final = 0.4  #: standard deviation of the logarithm of times
_ENOUGH_ROUNDS: Final = 10**6
_INJECTED: Final = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The true properties of a simulated candidate and its traffic."""

    divergence: float = 0.0  #: share of runs that diverge, 0 to 1
    shed: float = 0.0  #: share of drawn runs that the shadow does not see
    hidden: bool = False  #: whether divergences occur only in the runs that the shadow does not see
    slower: float = 1.0  #: candidate's duration divided by control's
    runs_a_day: int = 2000
    tenants: int = 40
    days: int = 60  #: days after which a ramp ends as "held"
    looks_a_day: int = 8  #: how often the gate decides; a real gate may decide after each run


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRamp:
    """The end of one simulated ramp."""

    ending: RampEnd
    days: float
    at: str  #: the step that it had reached
    reasons: tuple[str, ...]  #: reasons of the last decision
    wrong: bool  #: whether a step was promoted although its divergence is higher than the gate allows


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The results of many simulated ramps. Shares are from 0 to 1, days from the start."""

    ramps: int
    complete: float
    rolled_back: float
    held: float
    wrong_promotion: float  #: share of ramps that promoted a step although it had more divergence than its gate allows
    needless: float  #: share of ramps that did not complete although they had less divergence than each gate allows
    days_median: float
    days_slow: float  #: nine of ten ramps ended sooner
    stopped_at: dict[str, int]  #: step -> ramps that ended there without completing
    example: tuple[str, ...]  #: reasons of the first of these ramps


def simulate(ramp: Ramp, world: World, *, ramps: int, seed: int, progress: Callable[[], None] = lambda: None) -> Summary:
    """Simulate this number of ramps and return their results.

    Args:
        ramp: its steps and gates.
        world: the simulated tenants, traffic and rates.
        ramps: number of ramps to simulate, 1 or more.
        seed: the same seed gives the same ramps.
        progress: called after each ramp.
    """
    ended = []
    for source in np.random.SeedSequence(seed).spawn(ramps):
        ended.append(one_ramp(ramp, world, np.random.default_rng(source)))
        progress()
    days = np.array([one.days for one in ended])
    stopped = [one for one in ended if one.ending != "complete"]
    fine = world.divergence < min((step.gate.most_divergent for step in _shadowed(ramp)), default=1.0)
    return Summary(
        ramps=ramps,
        complete=_share(one.ending == "complete" for one in ended),
        rolled_back=_share(one.ending == "rolled back" for one in ended),
        held=_share(one.ending == "held" for one in ended),
        wrong_promotion=_share(one.wrong for one in ended),
        needless=len(stopped) / ramps if fine else 0.0,
        days_median=float(np.median(days)),
        days_slow=float(np.quantile(days, 0.9)),
        stopped_at={step.name: number for step in ramp.steps if (number := sum(one.at == step.name for one in stopped))},
        example=stopped[0].reasons if stopped else (),
    )


def one_ramp(ramp: Ramp, world: World, random: "np.random.Generator") -> SimulatedRamp:
    """Simulate one ramp and return its end."""
    crowd = _Crowd(world, random)
    now, wrong = _MONDAY, False
    end = now + world.days * _DAY_S
    for number, step in enumerate(ramp.steps):
        if number == len(ramp.steps) - 1:
            return SimulatedRamp(ending="complete", days=(now - _MONDAY) / _DAY_S, at=step.name, reasons=(), wrong=wrong)
        standing = Standing(since=now, noise_rounds=_ENOUGH_ROUNDS, injected=_INJECTED, seen=_INJECTED, runs_a_day=world.runs_a_day)
        standing.approved_by = [f"person {one}" for one in range(step.gate.approvals)]
        standing.by_severity = {kind: Outcomes() for kind in step.gate.most_divergent_of}
        while (what := outcome(step, standing, now)) == "hold" and now < end:
            now += _DAY_S / world.looks_a_day
            crowd.run(step, standing)
        if what != "promote":
            ending: RampEnd = "held" if what == "hold" else "rolled back"
            reasons = decide(step, standing, now).reasons
            return SimulatedRamp(ending=ending, days=(now - _MONDAY) / _DAY_S, at=step.name, reasons=reasons, wrong=wrong)
        wrong |= PLANS[step.stage].shadows is not None and crowd.rate(step) >= step.gate.most_divergent
    return SimulatedRamp(ending="complete", days=0.0, at="", reasons=(), wrong=False)


class _Crowd:
    """Tenants and their runs."""

    def __init__(self, world: World, random: "np.random.Generator") -> None:
        self._world, self._random = world, random
        self._traffic = random.dirichlet(np.full(world.tenants, _UNEVEN))
        self._rates = _scaled(random.beta(_RATES, 1.0, world.tenants), self._traffic, world.divergence)
        self._names = [f"tenant-{number}" for number in range(world.tenants)]

    def rate(self, step: Step) -> float:
        """Return the true share of the compared tenants' runs that diverge."""
        traffic = self._traffic[: self._compared(step)]
        return float(traffic @ self._rates[: len(traffic)] / traffic.sum())

    def run(self, step: Step, standing: Standing) -> None:
        """Add the runs between two checks to the evidence."""
        if PLANS[step.stage].shadows is None:
            return
        compared, world, random = self._compared(step), self._world, self._random
        traffic = self._traffic[:compared]
        runs = random.poisson(world.runs_a_day / world.looks_a_day * traffic.sum())
        of = random.choice(compared, size=runs, p=traffic / traffic.sum())
        divergent = random.random(runs) < self._rates[of]
        unseen = (divergent | (random.random(runs) < world.shed)) if world.hidden else random.random(runs) < world.shed
        both, own = random.normal(size=runs), random.normal(size=(2, runs))
        control, candidate = np.exp(_SPREAD * (0.8 * both + 0.6 * own))
        for row in zip(
            of.tolist(), divergent.tolist(), unseen.tolist(), control.tolist(), (world.slower * candidate).tolist(), strict=True
        ):
            self._count(standing, *row)

    def _count(self, standing: Standing, of: int, divergent: bool, unseen: bool, *times: float) -> None:
        tenant = self._names[of]
        if unseen:
            standing.outcomes.add_unseen(tenant)
            for outcomes in standing.by_severity.values():
                outcomes.add_unseen(tenant)
            return
        standing.outcomes.add_compared(tenant, divergent=divergent)
        for outcomes in standing.by_severity.values():
            outcomes.add_compared(tenant, divergent=False)
        standing.failed_more.add(0.0)
        standing.latency.add(*times)

    def _compared(self, step: Step) -> int:
        """Return how many of the tenants are compared, beginning with the first."""
        if step.percent is None:
            return min(self._world.tenants, len(step.tenants))
        return max(1, ceil(self._world.tenants * step.percent / 100.0))


def _scaled(rates: "np.ndarray", traffic: "np.ndarray", mean: float) -> "np.ndarray":
    """Return the rates, scaled so that their mean over runs is the wanted one; none is above 1."""
    for _ in range(50):
        rates = np.minimum(1.0, rates * mean / max(1e-12, float(traffic @ rates)))
    return rates


def _shadowed(ramp: Ramp) -> list[Step]:
    return [step for step in ramp.steps if PLANS[step.stage].shadows is not None]


def _share(found: Iterable[bool]) -> float:
    return float(np.mean(list(found)))
