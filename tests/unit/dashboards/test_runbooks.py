"""Each alert has a runbook that can be used by somebody who was woken up."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
HEADINGS = ["What it means for users", "First look", "What to do", "When to go back to bed"]


def pages(rules):
    return {rule["alert"]: rule["annotations"]["runbook"] for rule in rules if "alert" in rule}


def test_each_alert_names_a_runbook_that_names_the_alert(rules):
    unnamed = {alert for alert, page in pages(rules).items() if alert not in (ROOT / page).read_text(encoding="utf-8").splitlines()[0]}

    assert unnamed == set()


def test_each_runbook_has_its_four_parts_and_a_command_to_paste(rules):
    for page in set(pages(rules).values()):
        text = (ROOT / page).read_text(encoding="utf-8")

        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS, page
        assert re.search(r"```sh\n(netra-migration|curl) .+\n```", text), page


def test_each_alert_and_its_runbook_are_in_the_list_of_the_operations_page(rules):
    page = (ROOT / "docs" / "migration" / "operations.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(Migration\w+)` \| \w+ \| .* \| \[.*\]\((.+)\) \|$", page, re.MULTILINE))

    assert listed == {alert: runbook.removeprefix("docs/migration/") for alert, runbook in pages(rules).items()}
