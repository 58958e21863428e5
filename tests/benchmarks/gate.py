"""What a gate costs: a decision with 1,000,000 comparisons counted, and a new comparison."""

from itertools import cycle
from random import Random

from migration.rollout import Standing, decide, read_ramp
from migration.statistics import Outcomes
from tests.benchmarks.measuring import Measured, alone, typical_us

_COUNTED = 1_000_000
_NOW = 1_780_300_800.0  # a Monday
_STRATA = 20


def run() -> dict[str, Measured]:
    """Return the cost of a decision that holds, and of counting one comparison in all that it stands on."""
    step = next(one for one in read_ramp().steps if one.name == "live 10 %")
    standing = Standing(since=_NOW - 7200, noise_rounds=40, runs_a_day=2000.0)
    security = Outcomes()
    strata = {f"event {number} of tool, completed": Outcomes() for number in range(_STRATA)}
    standing.by_severity, standing.by_stratum = {"security": security}, strata
    random, names = Random(1), [f"tenant-{number}" for number in range(400)]  # noqa: S311 - made-up times
    times = cycle([(random.lognormvariate(0.0, 0.4), random.lognormvariate(0.0, 0.4)) for _ in range(10_007)])
    turns = cycle(range(_COUNTED))
    few = list(strata.values())

    def count() -> None:
        number = next(turns)
        tenant, divergent = names[number % 400], number % 1000 < 20
        standing.outcomes.add_compared(tenant, divergent=divergent)
        security.add_compared(tenant, divergent=False)
        few[number % _STRATA].add_compared(tenant, divergent=divergent)
        standing.failed_more.add(0.0)
        standing.latency.add(*next(times))

    for _ in range(_COUNTED):
        count()
    found = decide(step, standing, _NOW)
    if found.what != "hold" or standing.outcomes.compared != _COUNTED:
        raise AssertionError(found)
    return {
        "gate, a decision with 1,000,000 comparisons": alone(typical_us(lambda: decide(step, standing, _NOW), calls=20) / 1000, "ms"),
        "gate, a new comparison": alone(typical_us(count, calls=20_000), "us"),
    }
