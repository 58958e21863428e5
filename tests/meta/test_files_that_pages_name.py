"""Source files that a page names by their path are there: a move leaves no page behind."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("*/*.md")])
#: Paths of the tree, and those of `docs/architecture.md` and the decisions, which begin inside a package.
BEGIN = [ROOT, ROOT / "migration", ROOT / "netra_backend", ROOT / "netra_backend" / "app"]
_FOLDERS = "migration|netra_backend|comparison|consolidation|effects|evidence|flags|processes|shadow|stores|telemetry"
_PATH = re.compile(rf"`((?:{_FOLDERS})/[\w/]+\.py)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_names_no_source_file_that_is_not_there(page):
    named = _PATH.findall(page.read_text(encoding="utf-8"))
    assert [path for path in named if not any((begin / path).is_file() for begin in BEGIN)] == []
