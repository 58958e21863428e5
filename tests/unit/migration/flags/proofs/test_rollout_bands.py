"""Bands of a percentage rollout, and the place of one tenant on them: both as the SDK decides."""

import pytest

from migration.flags.meaning.contexts import Tenant, context
from migration.flags.meaning.data import FlagData
from migration.flags.meaning.evaluation import FlagEvaluator
from migration.flags.proofs.rollout_bands import bands, bucket_of
from migration.model import Stage
from tests.unit.migration.flags.making import rollout, surface_flag

KEY = "execution-engine-chat"


def data(**fields):
    return FlagData(flags={KEY: surface_flag(**fields)})


@pytest.mark.parametrize(
    ("fields", "drawn"),
    [
        ({"fallthrough": {"variation": 2}}, [(Stage.SHADOW, 100.0)]),
        ({"fallthrough": rollout(shadow=70, live=30)}, [(Stage.SHADOW, 70.0), (Stage.LIVE, 30.0)]),
        ({"on": False, "fallthrough": rollout(shadow=70, live=30)}, [(Stage.OFF, 100.0)]),
        ({"fallthrough": {"variation": 2}, "pins": {"acme": "live"}}, [(Stage.SHADOW, 100.0)]),
    ],
)
def test_a_plain_rollout_is_drawn_as_bands(fields, drawn):
    assert [(band.stage, round(band.percent, 3)) for band in bands(data(**fields), "chat")] == drawn


def test_a_surface_without_a_flag_is_off_as_a_whole():
    assert [(band.stage, band.percent) for band in bands(FlagData(), "chat")] == [(Stage.OFF, 100.0)]


@pytest.mark.parametrize(
    "fields",
    [
        {"rules": [{"id": "r", "variation": 1, "clauses": [{"attribute": "plan", "op": "in", "values": ["x"], "contextKind": "tenant"}]}]},
        {"contextTargets": [{"contextKind": "surface", "variation": 1, "values": ["chat"]}]},
        {"fallthrough": {"rollout": {**rollout(shadow=50)["rollout"], "bucketBy": "plan"}}},
    ],
    ids=["rules", "targets of another kind", "another attribute"],
)
def test_a_flag_that_is_more_than_a_rollout_is_not_drawn(fields):
    assert bands(data(**fields), "chat") is None


@pytest.mark.parametrize("tenant", ["acme", "globex", "initech"])
def test_a_tenants_bucket_lies_in_the_band_of_its_stage(tenant):
    flags, asked = data(fallthrough=rollout(shadow=40, live=60)), Tenant(tenant_id=tenant)
    with FlagEvaluator.of(flags) as evaluator:
        stage = evaluator.held_at(KEY, context(asked, "chat"))
    assert (bucket_of(flags, "chat", asked) < 40.0) is (stage is Stage.SHADOW)


def test_without_a_rollout_there_is_no_bucket():
    assert bucket_of(data(fallthrough={"variation": 1}), "chat", Tenant(tenant_id="acme")) is None
