"""A code host runs what a person runs, and asks whoever reports or changes something for what is needed."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
HOST = ROOT / ".github"


def test_the_workflow_calls_the_same_test_command_as_a_person():
    (job,) = yaml.safe_load((HOST / "workflows" / "test.yml").read_text())["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "make test"


def test_templates_for_issues_have_a_name_and_say_what_for():
    templates = list((HOST / "ISSUE_TEMPLATE").glob("*.md"))
    assert len(templates) == 2
    for file in templates:
        head = yaml.safe_load(file.read_text().split("---")[1])
        assert head["name"]
        assert head["about"]
    assert (HOST / "pull_request_template.md").read_text().count("- [ ]") >= 3
