"""Control beside itself, 10,000 times in random order of events: how often the comparison calls that divergent or cannot tell.

Both must be 0. `tests/property/test_self_replay.py` fails on the first one that is not, for either engine; here they are counted.
"""

import asyncio
import logging
import random
import time
from collections import Counter
from contextlib import closing

from migration.comparison.compare import compare
from migration.model import Origin, Stage, Verdict
from tests.benchmarks.measuring import Measured, alone
from tests.property.test_self_replay import RUNS, ShufflingLoop, again, record

REPLAYS = 10_000
SEED = 19_870_629


def run() -> dict[str, Measured]:
    """Replay control on its own runs of every surface and count the verdicts, and how many orders of effects there were."""
    logging.getLogger().addHandler(logging.NullHandler())  # agents that fail on purpose say so
    dice = random.Random(SEED)  # noqa: S311 - an order of events, no secret
    verdicts: Counter[Verdict] = Counter()
    orders: set[tuple[str, ...]] = set()
    with closing(ShufflingLoop(dice)) as loop:
        served = [asyncio.run(record(surface, payload, Origin.CONTROL)) for surface, payload in RUNS]
        started_s = time.process_time()
        for number in range(REPLAYS):
            run_ = served[number % len(served)]
            replayed = again(run_, dice, loop)
            verdicts[compare(run_, replayed, stage=Stage.SHADOW, serving=Origin.CONTROL).verdict] += 1
            orders.add(tuple(effect.key for effect in replayed.journal))
        taken_s = time.process_time() - started_s
    name = f"control against control, {REPLAYS:,} replays"
    counted = {f"{name}: {verdict.value}": alone(verdicts[verdict], "runs") for verdict in Verdict}
    return counted | {f"{name}: orders of effects": alone(len(orders), "orders"), f"{name}: replays": alone(REPLAYS / taken_s, "/s of CPU")}
