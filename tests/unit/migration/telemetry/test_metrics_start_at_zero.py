"""The first failure or divergence of a surface is an increase, not a new series that no rate can see."""

import pytest
from prometheus_client import CollectorRegistry

from migration.telemetry.metrics import Metrics


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("migration_runs_total", {"surface": "chat", "stage": "live", "origin": "candidate", "outcome": "failed"}),
        ("migration_shadow_expected_total", {"surface": "chat"}),
        ("migration_comparisons_total", {"surface": "chat", "verdict": "divergent"}),
        ("migration_effects_total", {"surface": "chat", "mode": "unpermitted"}),
        ("migration_failures_total", {"operation": "shadow.worker"}),
    ],
)
def test_the_counters_of_a_named_surface_start_at_zero(name, labels):
    metrics = Metrics(registry=CollectorRegistry(), surfaces=["chat"])

    assert metrics.registry.get_sample_value(name, labels) == 0


def test_without_named_surfaces_nothing_is_exposed_before_it_happens():
    metrics = Metrics(registry=CollectorRegistry())

    assert metrics.registry.get_sample_value("migration_comparisons_total", {"surface": "chat", "verdict": "divergent"}) is None
