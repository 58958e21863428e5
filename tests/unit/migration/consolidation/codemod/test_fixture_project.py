"""The fixture project: what is certain is rewritten, the rest is told, and once that is done by hand the legacy modules can go."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from migration.consolidation.codemod.applying import apply_plan
from migration.consolidation.codemod.configuration import load_codemod_configuration
from migration.consolidation.codemod.plan import Plan, plan

FIXTURES = Path(__file__).parents[4] / "fixtures" / "consolidation"
LEGACY = (
    "depot/agents/supervisor/execution_engine.py",
    "depot/agents/supervisor/request_scoped_execution_engine.py",
    "depot/agents/execution_engine_consolidated.py",
    "depot/core/execution_engine.py",
    "depot/services/tool_registry/execution_engine.py",
)
#: They cannot work before either, go with the legacy modules, or only speak of them.
NOT_NEEDED = ("depot/broken/", "tests/legacy/", "config/", "pyproject.toml", "depot/consumers/strings.py", "depot/consumers/logger.py")


def planned(root: Path) -> Plan:
    return plan(root, codemod=load_codemod_configuration(root, FIXTURES / "codemod.toml"))


@pytest.fixture(scope="module")
def applied(tmp_path_factory):
    root = tmp_path_factory.mktemp("codemod") / "project"
    shutil.copytree(FIXTURES / "project", root, ignore=shutil.ignore_patterns("__pycache__"))
    made = planned(root)
    apply_plan(made)
    return root, made


def test_its_own_tests_pass_with_the_legacy_modules_deleted(applied, tmp_path):
    root = tmp_path / "project"
    shutil.copytree(applied[0], root)
    subprocess.run(["git", "apply", "--whitespace=nowarn", FIXTURES / "by_hand.diff"], cwd=root, check=True)
    for path in LEGACY:
        (root / path).unlink()
    shutil.rmtree(root / "tests" / "legacy")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=root, capture_output=True, check=False, text=True
    )
    assert (done.returncode, re.findall(r"\d+ failed", done.stdout)) == (0, []), done.stdout[-3000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) >= 60


def test_what_was_done_by_hand_is_what_the_report_names(applied):
    told = {item.path for item in applied[1].advice if not item.path.startswith(NOT_NEEDED)}
    done = set(re.findall(r"^\+\+\+ b/(.+)$", (FIXTURES / "by_hand.diff").read_text(), re.MULTILINE))
    assert done - told == {"depot/contexts.py"}  # where the configuration's class went, as the report advises
    assert told - done == set()


def test_a_second_run_changes_nothing(applied):
    root, made = applied
    again = planned(root)
    assert again.changes == ()
    assert [(item.path, item.module, item.advice) for item in again.advice] == [
        (item.path, item.module, item.advice) for item in made.advice
    ]


def test_most_consumers_are_rewritten_without_anybody(applied):
    _, made = applied
    assert len([change for change in made.changes if change.path.startswith("depot/consumers/")]) == 36


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
