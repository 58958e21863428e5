"""`docs/migration/removal.md` lists the criteria that are checked, and nobody counts them by hand."""

import re
from pathlib import Path

from migration.consolidation.removal.readiness.criteria import CRITERIA

PAGE = (Path(__file__).parents[6] / "docs" / "migration" / "removal.md").read_text(encoding="utf-8")


def test_the_table_has_each_criterion_in_the_order_in_which_they_are_shown():
    table = PAGE.split("## The criteria", 1)[1].split("## Certificates", 1)[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == CRITERIA
