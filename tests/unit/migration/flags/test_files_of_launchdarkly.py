"""Flag files as LaunchDarkly's page and people make them: each is taken, and every tenant is where LaunchDarkly's SDK puts it."""

import json
from collections import Counter
from pathlib import Path

import pytest
from ldclient import Config, Context
from ldclient.client import LDClient
from ldclient.migrations import Stage as LaunchDarklyStage
from ldclient.versioned_data_kind import FEATURES, SEGMENTS

from migration.flags.meaning.contexts import Tenant
from migration.flags.meaning.data import read_flag_data
from migration.flags.meaning.evaluation import FlagEvaluator
from migration.model import Stage
from tests.unit.migration.flags.making import STAGES, clause, flag_file, kill_switch, rule, surface_flag

SHARED = Path(__file__).parents[5] / "shared" / "cases" / "flags"
TENANTS = tuple(f"tenant-{number}" for number in range(600))


def weights(*listed, **more):
    shares = [{"variation": index, "weight": weight} for index, weight in listed]
    return {"rollout": {"contextKind": "tenant", "variations": shares, **more}}


SPLIT = ((0, 0), (1, 0), (2, 70_000), (3, 30_000))
FILES = {
    "all six variations, the last two at weight 0": surface_flag(fallthrough=weights(*SPLIT, (4, 0), (5, 0), bucketBy="key")),
    "an empty placeholder for users": surface_flag(
        fallthrough=weights(*SPLIT),
        contextTargets=[
            {"contextKind": "user", "variation": 0, "values": []},
            {"contextKind": "tenant", "variation": 3, "values": ["tenant-1"]},
        ],
    ),
    "no off variation": surface_flag(fallthrough=weights(*SPLIT), offVariation=None),
    "one targeting rule": surface_flag(
        fallthrough=weights(*SPLIT), rules=[rule({"variation": 3}, clause("key", "startsWith", "tenant-1"))]
    ),
    "an experiment": surface_flag(fallthrough=weights((0, 0), (2, 70_000), (3, 30_000), kind="experiment", seed=61)),
    "variation and rollout": surface_flag(fallthrough={"variation": 0, **weights((0, 0), (5, 100_000))}),
    "two stages": surface_flag(variations=["off", "complete"], fallthrough=weights((0, 40_000), (1, 60_000))),
    "four stages": surface_flag(variations=["off", "shadow", "live", "complete"], fallthrough=weights((0, 10_000), (2, 90_000))),
    "a kill switch marked as deleted": kill_switch(on=True, deleted=True),
    "seed 0 and no salt": surface_flag(fallthrough=weights(*SPLIT, seed=0), salt=None),
}


class Given:
    """Gives LaunchDarkly's client a flag file without any code of the product."""

    def __init__(self, raw, config, ready):
        self.raw, self.config, self.ready = raw, config, ready

    def start(self):
        whole = json.loads(self.raw)
        self.config.data_source_update_sink.init({FEATURES: whole["flags"], SEGMENTS: whole.get("segments", {})})
        self.ready.set()

    def stop(self): ...

    def initialized(self):
        return True


def differences(raw, surface="chat"):
    """Return what the SDK and the product say of each tenant, where they differ, and how many tenants are at each stage."""
    data, problems = read_flag_data(raw)
    assert problems == ()
    sdk = LDClient(Config("none", update_processor_class=lambda config, _store, ready: Given(raw, config, ready), send_events=False), 0)
    found, stages = [], Counter()
    with FlagEvaluator.of(data) as evaluator:
        for name in TENANTS:
            context = Context.create_multi(Context.create(name, "tenant"), Context.create(surface, "surface"))
            stage, _ = sdk.migration_variation(f"execution-engine-{surface}", context, LaunchDarklyStage.OFF)
            killed = sdk.variation("execution-engine-kill-switch", context, False)
            answer = evaluator.evaluate(surface, Tenant(tenant_id=name))
            stages[answer.stage] += 1
            if (stage.value, killed) != (answer.stage.value, answer.killed):
                found.append((name, stage, killed, answer))
    sdk.close()
    return found, stages


@pytest.mark.parametrize("flag", FILES.values(), ids=FILES.keys())
def test_every_tenant_is_where_the_sdk_puts_it(flag):
    assert differences(flag_file(flag))[0] == []


def test_what_launchdarklys_page_makes_deals_as_it_says():
    _, stages = differences(flag_file(FILES["all six variations, the last two at weight 0"]))
    assert (set(stages), 0.63 < stages[Stage.SHADOW] / len(TENANTS) < 0.77) == ({Stage.SHADOW, Stage.LIVE}, True)
    assert list(Stage) == list(STAGES)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared cases are not beside this repository")
@pytest.mark.parametrize("path", sorted(SHARED.glob("*/*.json")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_shared_files_are_taken_flag_by_flag(path):
    raw = json.loads(path.read_bytes())
    data, problems = read_flag_data(path.read_bytes())
    spoiled = {problem.key for problem in problems}
    sound = {key: flag for key, flag in raw["flags"].items() if key not in spoiled}
    assert {*data.flags, *spoiled} == {*raw["flags"]}
    assert differences(json.dumps({"flags": sound}).encode())[0] == []
