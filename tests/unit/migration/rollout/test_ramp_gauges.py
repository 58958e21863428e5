"""What Prometheus gets about ramps, and whether a controller leads."""

import math

import pytest
from prometheus_client import CollectorRegistry

from migration.model import Stage
from migration.rollout.position import Position
from migration.rollout.ramp_gauges import RampGauges
from migration.rollout.store import Rollout, RolloutStore
from migration.settings import MigrationSettings
from migration.telemetry.metrics import Metrics

STEPS = "".join(f'[[step]]\nstage = "dualwrite"\npercent = {percent}\n' for percent in (10, 50, 100))
INTERVAL = {"name": "All runs", "lower": 0.0, "upper": 0.03, "most": 0.01}
DECISION = {"what": "hold", "reasons": ["x"], "runs_needed": 120, "intervals": [INTERVAL]}


class Ticks:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def settings(tmp_path):
    return MigrationSettings(home=tmp_path, surfaces=("chat",))


@pytest.fixture
def store(settings):
    opened = RolloutStore(settings.evidence())
    yield opened
    opened.close()


@pytest.fixture
def clock():
    return Ticks()


@pytest.fixture
def gauges(settings, clock):
    metrics = Metrics(registry=CollectorRegistry(), surfaces=["chat"])
    made = RampGauges(settings, metrics, clock)
    yield made
    made.close()


def value(gauges, name, **labels):
    return gauges._metrics.registry.get_sample_value(f"migration_{name}", labels)


def started(store, **more):
    store.start(Rollout(surface="chat", state="running", ramp_name="r", ramp=STEPS, **more))


def test_without_a_ramp_no_state_is_on_and_the_rest_is_unknown(gauges):
    gauges.show()
    assert value(gauges, "ramp_state", surface="chat", state="running") == 0
    assert math.isnan(value(gauges, "ramp_step", surface="chat"))
    assert math.isnan(value(gauges, "gate_decision", surface="chat", decision="promote"))


def test_a_ramp_shows_its_step_its_state_and_what_its_gate_says(gauges, store):
    started(store, at=Position(Stage.DUALWRITE, 50.0), decision=DECISION)
    gauges.show()
    assert value(gauges, "ramp_state", surface="chat", state="running") == 1
    assert value(gauges, "ramp_state", surface="chat", state="rolled_back") == 0
    assert (value(gauges, "ramp_step", surface="chat"), value(gauges, "ramp_steps", surface="chat")) == (2, 3)
    assert [value(gauges, "gate_decision", surface="chat", decision=one) for one in ("promote", "hold", "roll_back")] == [0, 1, 0]
    assert value(gauges, "gate_runs_needed", surface="chat") == 120
    assert [value(gauges, "gate_divergent_ratio", surface="chat", bound=one) for one in ("lower", "upper", "most")] == [0, 0.03, 0.01]


def test_a_lease_that_is_renewed_stays_young_and_one_that_is_not_ages(gauges, store, clock):
    store.take("a", None)
    gauges.show()
    clock.now += 30
    store.renew("a")
    gauges.show()
    assert value(gauges, "controller_age_seconds") == 0
    clock.now += 45
    gauges.show()
    assert value(gauges, "controller_age_seconds") == 45


def test_a_database_that_cannot_be_read_leaves_nothing_green(gauges, store):
    started(store, decision=DECISION)
    gauges.show()
    gauges.hide()
    assert math.isnan(value(gauges, "ramp_state", surface="chat", state="running"))
    assert math.isnan(value(gauges, "gate_decision", surface="chat", decision="hold"))
    assert math.isnan(value(gauges, "controller_age_seconds"))
