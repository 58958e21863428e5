"""The page: ticks, evidence and commands as Markdown in which nothing else means anything."""

import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.consolidation.tracker.page import as_diff, as_markdown
from migration.consolidation.tracker.steps import Box, TrackerStep


def page(text="Text.", evidence="Evidence.", command="true", done=True):
    boxes = (Box(text=text, done=done, evidence=evidence, command=command),)
    return as_markdown([TrackerStep(step=0, title="Audit", boxes=boxes), TrackerStep(step=1, title="Empty", boxes=())])


def test_a_box_is_ticked_or_not_and_the_summary_counts_it():
    assert "- [x] Text.\n  Evidence.\n  `true`\n" in page()
    assert "- [ ] Text.\n" in page(done=False)
    assert "| 0 | Audit | 1 of 1 |\n" in page()
    assert "| | all | 0 of 1 |\n" in page(done=False)
    assert "## 1. Empty\n\nNo box is configured." in page()
    assert page().endswith("\n")
    assert "\n\n\n" not in page()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`a_b*` and a_b*", "`a_b*` and a\\_b\\*"),
        ("[x] <b>", "\\[x\\] \\<b\\>"),
        ("one\n- [x] two", "one - \\[x\\] two"),
        ("`open", "\\`open"),
        ("a | b", "a \\| b"),
        ("- one", "\\- one"),
        ("1. one", "1\\. one"),
        ("===", "\\==="),
        ("7 of them", "7 of them"),
    ],
)
def test_only_spans_of_code_mean_anything(text, shown):
    assert f"- [x] {shown}\n" in page(text)
    assert f"  {shown}\n" in page(evidence=text)


@pytest.mark.parametrize(("command", "shown"), [("echo `date`", "``  echo `date` ``"), ("a\nb", "`a b`"), ("x ``y`` z", "```x ``y`` z```")])
def test_a_command_is_one_span_whatever_it_has(command, shown):
    assert shown.replace("``  ", "`` ") in page(command=command)


@given(text=st.text(), evidence=st.text(), command=st.text(min_size=1))
def test_no_text_makes_a_box_of_its_own(text, evidence, command):
    lines = page(text, evidence, command, done=False).splitlines()
    assert sum(bool(re.match(r"\s*- \[", line)) for line in lines) == 1
    assert not any(line.startswith("- [x]") for line in lines)


def test_a_changed_tick_is_a_difference():
    edited = page(done=False).replace("- [ ]", "- [x]")
    assert "\n-- [x] Text.\n+- [ ] Text.\n" in as_diff(edited, page(done=False), "docs/tracker.md")
    assert as_diff(page(), page(), "docs/tracker.md") == ""


def test_commands_of_boxes_can_be_pasted(boxes):
    for box in boxes({"tests/test_old.py": None}).values():
        assert shlex.split(box.command)
