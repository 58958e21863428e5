"""What a gate costs: a decision with 1,000,000 comparisons counted or stored, and a new comparison."""

import json
import sqlite3
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from migration.evidence import GateReader
from migration.model import Stage
from migration.rollout import Standing, StandingReader, Step, decide, read_ramp
from migration.settings import MigrationSettings
from migration.statistics import Outcomes
from tests.benchmarks.measuring import Measured, alone, typical_us

_COUNTED = 1_000_000
_NOW = 1_780_300_800.0  # a Monday
_STRATA = 20


def run() -> dict[str, Measured]:
    """Return the cost of a decision that holds, and of counting one comparison in all that it stands on."""
    step = next(one for one in read_ramp().steps if one.name == "live 10 %")
    standing = Standing(since=_NOW - 7200, noise_rounds=40, injected=300, seen=300, runs_a_day=2000.0)
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
        **_stored(step),
    }


def _stored(step: Step) -> dict[str, Measured]:
    """Return the cost of a decision from evidence in SQLite, and of reading and counting one new comparison."""
    with TemporaryDirectory() as folder:
        settings = MigrationSettings(home=Path(folder), surfaces=("chat",), ledger_dir=Path(folder))
        reader = StandingReader(settings, "chat", step, _NOW - 7200, clock=lambda: _NOW)
        GateReader(settings.evidence()).end()  # makes the tables
        _put(Path(folder) / "evidence.db", 0, _COUNTED)
        reader.read()
        began = time.perf_counter()
        _put(Path(folder) / "evidence.db", _COUNTED, _COUNTED + 20_000)
        new = time.perf_counter()
        if reader.read().outcomes.compared != _COUNTED + 20_000:
            raise AssertionError(began)
        new_us = (time.perf_counter() - new) / 20_000 * 1e6
        cost_ms = typical_us(lambda: decide(step, reader.read(), _NOW), calls=20) / 1000
        reader.close()
    return {
        "gate, a decision from the evidence with 1,000,000 comparisons stored": alone(cost_ms, "ms"),
        "gate, a new comparison read from the evidence": alone(new_us, "us"),
    }


def _put(file: Path, start: int, end: int) -> None:
    """Store comparisons without the product, which would take minutes."""
    random = Random(start)  # noqa: S311 - made-up times
    plain: dict[str, Any] = {
        "surface": "chat",
        "shadows": "control",
        "serving": "candidate",
        "user_digest": "u",
        "thread_id": "t",
        "stage": Stage.LIVE.value,
        "reasons": "[]",
        "divergence_count": 0,
        "control_effect_s": 0.0,
        "candidate_effect_s": 0.0,
        "effects_recorded": 0,
        "effects_replayed": 0,
        "effects_missing": 0,
        "effects_performed_by_shadow": 0,
        "received_at": _NOW,
        "compared_at": _NOW,
        "control_outcome": "completed",
        "candidate_outcome": "completed",
        "basis": "basis",
    }

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(start, end):
            divergent = number % 1000 < 20
            yield plain | {
                "run_id": f"run-{number}",
                "tenant_id": f"tenant-{number % 400}",
                "verdict": "divergent" if divergent else "match",
                "control_duration_s": random.lognormvariate(0.0, 0.4),
                "candidate_duration_s": random.lognormvariate(0.0, 0.4),
                "strata": f"set {number % _STRATA}",
                "touched": f"set {number % _STRATA}" if divergent else None,
            }

    names = [*plain, "run_id", "tenant_id", "verdict", "control_duration_s", "candidate_duration_s", "strata", "touched"]
    database = sqlite3.connect(file)
    sets = [(f"set {number}", json.dumps([[f"event {number}", "tool", "completed"]])) for number in range(_STRATA)]
    database.executemany("INSERT OR IGNORE INTO strata_sets VALUES (?, ?)", sets)
    columns, values = ", ".join(names), ", ".join(f":{name}" for name in names)
    database.executemany(f"INSERT INTO comparisons ({columns}) VALUES ({values})", rows())  # noqa: S608 - names above
    database.commit()
    database.close()
