"""The table of metrics: what each row becomes in a process, and the one way to count what failed in the tool itself."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

import migration
from migration.telemetry.declared import Declared
from migration.telemetry.metrics import Metrics

ROWS = {attribute: row for attribute, row in vars(Metrics).items() if isinstance(row, Declared)}


@pytest.mark.parametrize("attribute", ROWS)
def test_each_row_is_a_metric_of_its_own_in_every_process(attribute):
    one, other = Metrics(registry=CollectorRegistry()), Metrics(registry=CollectorRegistry())
    assert getattr(one, attribute)._labelnames == ROWS[attribute].labels
    assert getattr(one, attribute) is not getattr(other, attribute)


def test_a_failure_of_the_tool_is_counted_as_often_as_it_is_said():
    metrics = Metrics(registry=CollectorRegistry())
    metrics.failed("stores.write")
    metrics.failed("stores.write", 3)
    assert metrics.registry.get_sample_value("migration_failures_total", {"operation": "stores.write"}) == 4


def test_nobody_counts_failures_in_another_way():
    package = Path(migration.__file__).parent
    found = [path.relative_to(package).as_posix() for path in package.rglob("*.py") if re.search(r"\bfailures\.labels\(", path.read_text())]
    assert found == ["telemetry/metrics.py"]
