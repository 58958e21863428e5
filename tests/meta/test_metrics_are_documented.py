"""`docs/migration/metrics.md` says what `migration/telemetry` says, and every label is explained and bounded."""

from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from migration.telemetry.catalogue import LABELS, collectors, labels_of, markdown

PAGE = Path(__file__).parents[2] / "docs" / "migration" / "metrics.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), (
        "run: .venv/bin/python -m migration.telemetry.catalogue > docs/migration/metrics.md"
    )


def test_every_label_is_explained_and_none_beyond() -> None:
    assert {label for metric in collectors() for label in labels_of(metric)} == LABELS.keys()


@pytest.mark.parametrize("metric", collectors(), ids=lambda metric: metric.describe()[0].name)
def test_every_metric_has_the_prefix_and_says_what_it_means(metric: MetricWrapperBase) -> None:
    (described,) = metric.describe()
    assert described.name.startswith("migration_")
    assert described.documentation.endswith(".")
