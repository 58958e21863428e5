"""What users wait while the shadow worker is offered three times what it can do, beside the same load without shadows.

One process serves, at half of what one processor can do, runs that arrive at random. Candidate needs six times control's processor time.
Blocks with shadows (stage `shadow`) and without (`off`) take turns, in random order within a round; `off` is measured twice (A/A).
"""

import asyncio
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from statistics import median
from typing import Final

from prometheus_client import CollectorRegistry

from migration import compose
from migration.composition import Migration
from migration.model import Event, Origin, RunRequest
from tests.benchmarks.callers import quantile, ratio
from tests.benchmarks.measuring import Measured, alone, beside
from tests.unit.migration.flags.making import at, flag_file

EVENTS: Final = 20
CONTROL_S: Final = 0.005  #: of processor time, a run
LOAD: Final = 0.5  #: of one processor
TIMES_TOO_MUCH: Final = 3.0
CANDIDATE_S: Final = CONTROL_S * TIMES_TOO_MUCH / LOAD
SIDES: Final = {"shadow": "shadow", "off": "off", "off again": "off"}
ROUNDS: Final = int(os.environ.get("ROUNDS", "20"))
BLOCK_S: Final = float(os.environ.get("BLOCK_S", "10"))
PATIENCE_S: Final = 120.0
_CONFIGURATION: Final = """
[tool.netra-migration]
engines = "tests.benchmarks.governor:engine"

[tool.netra-migration.surfaces]
pair = "pair.toml"
"""
_SURFACE: Final = """
surface = "pair"
version = 1
envelope = {}
contract = {}
"""


class Busy:
    """Yields events, and uses processor time for each."""

    def __init__(self, cpu_s: float) -> None:
        self._each_s = cpu_s / EVENTS

    async def run(self, _request: RunRequest, /) -> AsyncGenerator[Event, None]:
        """Yield the events."""
        for number in range(EVENTS):
            until = time.thread_time() + self._each_s
            while time.thread_time() < until:
                pass
            await asyncio.sleep(0)
            yield Event(kind="word", lane="", payload=b'{"n": %d}' % number, at_s=0.0)


def engine(_surface: str, origin: Origin, /) -> Busy:
    """Return an engine of the pair."""
    return Busy(CONTROL_S if origin is Origin.CONTROL else CANDIDATE_S)


async def _block(migration: Migration, tenant: str, rng: random.Random) -> list[float]:
    """Return what runs took that arrived within the block, in milliseconds."""
    took: list[float] = []

    async def user() -> None:
        began = time.perf_counter()
        async for _event in migration.run("pair", {}, tenant_id=tenant):
            pass
        took.append((time.perf_counter() - began) * 1e3)

    end = time.monotonic() + BLOCK_S
    async with asyncio.TaskGroup() as users:
        while (now := time.monotonic()) < end:
            users.create_task(user())
            await asyncio.sleep(max(0.0, now + rng.expovariate(LOAD / CONTROL_S) - time.monotonic()))
    return took


async def _measured() -> tuple[dict[str, list[list[float]]], Counter[str]]:
    rng, metrics = random.Random(7), CollectorRegistry()  # noqa: S311 - the same arrivals each time
    blocks: dict[str, list[list[float]]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        (folder / "pyproject.toml").write_text(_CONFIGURATION, encoding="utf-8")
        (folder / "pair.toml").write_text(_SURFACE, encoding="utf-8")
        (folder / "flags.json").write_bytes(flag_file(at("off", "pair", pins={"shadow": "shadow"})))
        os.environ |= {
            "NETRA_MIGRATION_PROJECT": home,
            "NETRA_MIGRATION_HOME": home,
            "NETRA_MIGRATION_IMPORT_PATH": f'["{Path.cwd()}"]',
            "NETRA_MIGRATION_NOISE_SAMPLING": "0",
            "NETRA_MIGRATION_SHADOW_GOVERNOR": "on",
        }
        async with compose(registry=metrics) as migration:
            for number in range(-1, ROUNDS):
                for side in rng.sample(list(SIDES), len(SIDES)):
                    took = await _block(migration, SIDES[side], rng)
                    if not await migration.drained(PATIENCE_S):
                        raise TimeoutError("shadows were not done")
                    if number >= 0:
                        blocks[side].append(took)
    names = {f"migration_shadow_{fate}_total": fate for fate in ("expected", "not_sampled", "compared", "shed", "failed")}
    fates: Counter[str] = Counter()
    for one in (sample for family in metrics.collect() for sample in family.samples if sample.name in names):
        fates[" ".join((names[one.name], *filter(None, [one.labels.get("reason")])))] += int(one.value)
    return blocks, fates


def run() -> dict[str, Measured]:
    """Return p50 and p99 with shadows against without, and what became of the shadows."""
    blocks, fates = asyncio.run(_measured())
    rows: dict[str, Measured] = {}
    for side in ("shadow", "off again"):
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            ours, bare = ([quantile(one, share) for one in blocks[which]] for which in (side, "off"))
            found = ratio(ours, bare)
            row = beside(median(ours), "ms", "off", median(bare), found.middle)
            rows[f"governor, {side} against off, {name} (below 1: better)"] = row | {
                "interval": (round(found.low, 3), round(found.high, 3))
            }
    rows |= {f"governor, shadows: {fate}": alone(number, "runs") for fate, number in sorted(fates.items()) if number}
    return rows
