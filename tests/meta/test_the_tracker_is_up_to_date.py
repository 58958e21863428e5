"""`docs/migration/tracker.md` is what the files of this repository say. `make generate` writes it."""

from pathlib import Path

from migration.consolidation.tracker.page import as_diff, as_markdown
from migration.consolidation.tracker.track import track

ROOT = Path(__file__).parents[2]
PAGE = "docs/migration/tracker.md"


def test_the_page_of_this_repository_says_what_its_files_say():
    assert as_diff((ROOT / PAGE).read_text(encoding="utf-8"), as_markdown(track(ROOT), PAGE), PAGE) == ""
