"""`/metrics`, of one process and of several."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from migration.telemetry.exposition import render
from migration.telemetry.metrics import Metrics

ONE_PROCESS = """
import sys
from prometheus_client import CollectorRegistry
from migration.telemetry.exposition import render
from migration.telemetry.metrics import Metrics
metrics = Metrics(registry=CollectorRegistry())
metrics.comparisons.labels("chat", "match").inc(int(sys.argv[1]))
metrics.shadow_waiting.set(int(sys.argv[1]))
print(render(metrics.registry)[0].decode())
"""


@pytest.fixture(autouse=True)
def single_process_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)


@pytest.fixture
def process(tmp_path: Path) -> Callable[[int], str]:
    """Runs a process that counts `n` comparisons and returns what its `/metrics` would answer."""

    def run(n: int) -> str:
        environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
        return subprocess.run(
            [sys.executable, "-c", ONE_PROCESS, str(n)], env=environment, check=True, capture_output=True, text=True
        ).stdout

    return run


def test_in_one_process_its_own_registry_is_rendered_as_text() -> None:
    metrics = Metrics(registry=CollectorRegistry())
    metrics.comparisons.labels("chat", "match").inc(3)
    body, content_type = render(metrics.registry)
    assert b'migration_comparisons_total{surface="chat",verdict="match"} 3.0' in body
    assert content_type.startswith("text/plain")


def test_a_scraper_that_asks_for_openmetrics_gets_it() -> None:
    body, content_type = render(CollectorRegistry(), "application/openmetrics-text;version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_in_multiprocess_mode_any_process_answers_for_all(process: Callable[[int], str]) -> None:
    process(2)
    assert 'migration_comparisons_total{surface="chat",verdict="match"} 5.0' in process(3)


def test_the_same_labels_are_one_series_however_they_are_given():
    metrics = Metrics(registry=CollectorRegistry())
    labels = {"surface": "chat", "stage": "off", "origin": "control", "outcome": "completed"}
    for one in (metrics.runs.labels(*labels.values()), metrics.runs.labels(*labels.values()), metrics.runs.labels(**labels)):
        one.inc()
    assert metrics.registry.get_sample_value("migration_runs_total", labels) == 3
