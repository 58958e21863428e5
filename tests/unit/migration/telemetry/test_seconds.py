"""What an engine gives as a time cannot spoil a histogram."""

import math

import pytest
from prometheus_client import CollectorRegistry

from migration.telemetry.metrics import Metrics

LABELS = {"surface": "chat", "origin": "control", "role": "serving"}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.mark.parametrize("time", [math.nan, math.inf, -math.inf])
def test_what_is_no_time_is_logged_and_changes_neither_sum_nor_count(registry, caplog, time):
    seconds = Metrics(registry=registry).first_event_seconds.labels(*LABELS.values())
    for value in (0.5, time, 0.25):
        seconds.observe(value)
    read = {part: registry.get_sample_value(f"migration_first_event_seconds_{part}", LABELS) for part in ("sum", "count")}
    assert read == {"sum": 0.75, "count": 2}
    assert "an engine gave" in caplog.text
