"""Nobody adds an engine, or a user of one that has to go. `netra-migration guard --update` after removing one."""

from pathlib import Path

from migration.consolidation.auditing import audit
from migration.consolidation.baseline_name import BASELINE_NAME
from migration.consolidation.guard import guard_findings, load_baseline

ROOT = Path(__file__).parents[2]


def test_this_repository_has_what_its_baseline_allows_and_no_more():
    findings = guard_findings(audit(ROOT), load_baseline(ROOT / BASELINE_NAME))
    assert [finding.advice for finding in findings] == []
