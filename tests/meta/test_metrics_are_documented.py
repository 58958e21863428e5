"""Every metric and label of `docs/migration/metrics.md` is explained and bounded. `make check` compares the page with the code."""

import pytest
from prometheus_client.metrics import MetricWrapperBase

from migration.telemetry.catalogue import LABELS, collectors, labels_of


def test_every_label_is_explained_and_none_beyond() -> None:
    assert {label for metric in collectors() for label in labels_of(metric)} == LABELS.keys()


@pytest.mark.parametrize("metric", collectors(), ids=lambda metric: metric.describe()[0].name)
def test_every_metric_has_the_prefix_and_says_what_it_means(metric: MetricWrapperBase) -> None:
    (described,) = metric.describe()
    assert described.name.startswith("migration_")
    assert described.documentation.endswith(".")
