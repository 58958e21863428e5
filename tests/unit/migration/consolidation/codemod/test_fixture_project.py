"""The fixture project: what is certain is rewritten, the rest is told, and once that is done by hand the legacy modules can go."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from migration.consolidation.codemod.configuration import load_codemod_configuration
from migration.consolidation.codemod.plan import plan_codemod
from migration.consolidation.codemod.report.applying import apply_plan
from migration.consolidation.codemod.report.values import CodemodPlan

FIXTURES = Path(__file__).parents[4] / "migration" / "fixtures" / "consolidation"
LEGACY = (
    "depot/agents/supervisor/execution_engine.py",
    "depot/agents/supervisor/request_scoped_execution_engine.py",
    "depot/agents/execution_engine_consolidated.py",
    "depot/core/execution_engine.py",
    "depot/services/tool_registry/execution_engine.py",
)
#: They cannot work before either, go with the legacy modules, or only speak of them.
NOT_NEEDED = ("depot/broken/", "tests/legacy/", "config/", "pyproject.toml", "depot/consumers/strings.py", "depot/consumers/logger.py")


def planned(root: Path) -> CodemodPlan:
    return plan_codemod(root, codemod=load_codemod_configuration(root, FIXTURES / "codemod.toml"))


@pytest.fixture(scope="module")
def applied(tmp_path_factory):
    root = tmp_path_factory.mktemp("codemod") / "project"
    shutil.copytree(FIXTURES / "project", root, ignore=shutil.ignore_patterns("__pycache__"))
    made = planned(root)
    apply_plan(made)
    return root, made


def by_hand(root: Path) -> None:
    subprocess.run(["git", "apply", "--whitespace=nowarn", FIXTURES / "by_hand.diff"], cwd=root, check=True)


def run_without_legacy(root: Path) -> tuple[set[str], set[str]]:
    """Delete the legacy modules with their own tests, and run the project's; return the names of what passed and of what failed."""
    for path in LEGACY:
        (root / path).unlink()
    shutil.rmtree(root / "tests" / "legacy")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "--tb=no", "-p", "no:cacheprovider"], cwd=root, capture_output=True, check=False, text=True
    )
    verdicts = dict(re.findall(r"^tests/\S+::(\S+) (PASSED|FAILED|ERROR)", done.stdout, re.MULTILINE))
    assert len(verdicts) >= 60, done.stdout[-3000:]
    passed = {name for name, verdict in verdicts.items() if verdict == "PASSED"}
    return passed, set(verdicts) - passed


def test_its_own_tests_pass_with_the_legacy_modules_deleted(applied, tmp_path):
    root = tmp_path / "project"
    shutil.copytree(applied[0], root)
    by_hand(root)
    assert run_without_legacy(root)[1] == set()


def test_it_makes_no_difference_whether_a_person_comes_before_the_codemod_or_after_it(tmp_path):
    root = tmp_path / "project"
    shutil.copytree(FIXTURES / "project", root, ignore=shutil.ignore_patterns("__pycache__"))
    by_hand(root)
    made = planned(root)
    apply_plan(made)
    assert [path for path in made.left if not path.startswith(NOT_NEEDED)] == []
    assert run_without_legacy(root)[1] == set()


def test_after_the_codemod_alone_what_it_moved_works_without_the_legacy_modules_and_only_what_it_left_fails(applied, tmp_path):
    root = tmp_path / "project"
    shutil.copytree(applied[0], root)
    passed, failed = run_without_legacy(root)
    left = {Path(path).stem for path in applied[1].left if path.startswith(("depot/consumers/", "depot/agents/"))}
    assert failed == {name for name in passed | failed if consumer_of(name) in left}
    moved = {Path(change.path).stem for change in applied[1].changes if change.path.startswith("depot/consumers/")} - left
    assert {consumer_of(name) for name in passed} >= moved


def consumer_of(test: str) -> str:
    """Return the stem of the file that a test of the project calls."""
    return test.partition("[")[2].rstrip("]") if "every_consumer" in test else "workflow" if "workflow" in test else test


def test_what_was_done_by_hand_is_what_the_report_names(applied):
    told = {item.path for item in applied[1].advice if not item.path.startswith(NOT_NEEDED)}
    done = set(re.findall(r"^\+\+\+ b/(.+)$", (FIXTURES / "by_hand.diff").read_text(), re.MULTILINE))
    assert done == told


def test_a_second_run_changes_nothing(applied):
    root, made = applied
    again = planned(root)
    assert again.changes == ()
    assert [(item.path, item.module, item.advice) for item in again.advice] == [
        (item.path, item.module, item.advice) for item in made.advice
    ]


def test_most_consumers_are_rewritten_without_anybody(applied):
    _, made = applied
    assert len([change for change in made.changes if change.path.startswith("depot/consumers/")]) == 45


def test_a_file_with_advice_on_a_module_still_uses_it_as_before(applied):
    _, made = applied
    for change in made.changes:
        left = {item.module for item in made.advice if item.path == change.path and not item.path.startswith(NOT_NEEDED)}
        assert not left.intersection(change.modules)


def test_files_that_do_not_parse_are_told_and_stay(applied):
    root, made = applied
    assert [problem.path.rpartition("/")[2] for problem in made.problems] == [
        "no_python.py",
        "null_byte.py",
        "print_statement.py",
        "undeclared.py",
        "unknown_encoding.py",
        "utf16.py",
    ]
    for problem in made.problems:
        assert (root / problem.path).read_bytes() == (FIXTURES / "project" / problem.path).read_bytes()
