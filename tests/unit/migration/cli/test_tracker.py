"""The tracker on the command line: a table by default, a page that it writes and checks, and exit codes that CI can use."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from migration.cli.app import app

FILES = {
    "pyproject.toml": (
        "[tool.netra-migration.audit]\ntarget = 'shop.target:UserEngine'\nfactory = 'shop.factory:EngineFactory'\nclasses = ['*Engine']\n"
        "[tool.netra-migration.tracker]\nrounds = 2\n"
        "tests = [{ text = 'Orders.', check = 'tests', tests = ['tests/test_orders.py::test_it'] }]\n"
        "[tool.pytest.ini_options]\n"
    ),
    "shop/__init__.py": "",
    "shop/target.py": "class UserEngine:\n    def __init__(self, user): ...\n",
    "shop/factory.py": "class EngineFactory:\n    def make(self, user): ...\n",
    "shop/old.py": "class OldEngine:\n    def __init__(self, r): ...\n",
    "tests/test_orders.py": "def test_it():\n    assert 1 + 1\n",
}


@pytest.fixture
def tracker(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return lambda *arguments: CliRunner().invoke(app, ["tracker", *arguments])


def test_it_prints_a_row_a_step_and_what_is_open(tracker):
    done = tracker()
    assert done.exit_code == 0
    assert "boxes are ticked" in done.stdout
    assert "6  `shop/old.py` is removed.\n   It still exists.\n   $ ! ls shop/old.py && ! git grep" in done.stdout
    assert "Orders." not in done.stdout


def test_a_page_that_was_written_is_up_to_date_and_one_that_was_edited_is_not(tracker, tmp_path):
    page = tmp_path / "docs" / "tracker.md"
    assert tracker("--write", "docs/tracker.md").exit_code == 0
    assert tracker("--check", "docs/tracker.md").exit_code == 0
    assert "--write docs/tracker.md`" in page.read_text()
    page.write_text(page.read_text().replace("- [ ]", "- [x]", 1))
    done = tracker("--check", "docs/tracker.md")
    assert done.exit_code == 1
    assert "\n-- [x] Tests characterise `shop/old.py`.\n+- [ ] Tests" in done.stdout
    assert done.stderr == "docs/tracker.md is not up to date; `netra-migration tracker --write docs/tracker.md` writes it again\n"


def test_a_new_consumer_makes_the_page_stale(tracker, tmp_path):
    tracker("--write", "docs/tracker.md")
    (tmp_path / "use.py").write_text("import shop.old\n")
    done = tracker("--check", "docs/tracker.md")
    assert done.exit_code == 1
    assert "\n-- [x] Nothing uses `shop/old.py`.\n" in done.stdout


def test_a_page_that_is_not_there_is_not_up_to_date(tracker):
    assert tracker("--check", "docs/tracker.md").exit_code == 1


def test_the_page_is_the_same_from_elsewhere(tracker, tmp_path, monkeypatch):
    tracker("--write", "docs/tracker.md")
    monkeypatch.chdir("/")
    assert tracker(str(tmp_path), "--check", str(tmp_path / "docs" / "tracker.md")).exit_code == 0


def test_json_is_one_document_on_stdout(tracker):
    document = json.loads(tracker("--json").stdout)
    assert [step["step"] for step in document["steps"]] == [0, 1, 2, 3, 4, 5, 6]
    (box,) = (box for step in document["steps"] for box in step["boxes"] if box["text"] == "Orders.")
    assert box == {"text": "Orders.", "done": True, "evidence": "1 test.", "command": "pytest tests/test_orders.py::test_it"}
    assert all(step["done"] == sum(box["done"] for box in step["boxes"]) for step in document["steps"])
    assert all(step["total"] == len(step["boxes"]) for step in document["steps"])
    stale = tracker("--json", "--check", "docs/tracker.md")
    assert (stale.exit_code, json.loads(stale.stdout)) == (1, document)


def command(folder, *arguments):
    code = "from migration.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "tracker", *arguments], cwd=folder, capture_output=True, check=False, text=True, env=dict(os.environ)
    )


@pytest.mark.parametrize(("body", "code", "done", "run"), [("assert 1 + 1", 0, True, 2), ("assert not 1", 1, False, 1)])
def test_a_run_judges_tests_by_what_they_did(body, code, done, run, tracker, tmp_path, monkeypatch):
    (tmp_path / "tests" / "test_orders.py").write_text(f"def test_it():\n    {body}\n")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    ran = command(tmp_path, "--run", "--json")
    document = json.loads(ran.stdout)
    (box,) = (box for step in document["steps"] for box in step["boxes"] if box["text"] == "Orders.")
    assert (ran.returncode, box["done"]) == (code, done)
    assert document["rounds"] == {"wanted": 2, "run": run, "green": done}
    assert "round 1 of 2" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["absent"], "no such folder"),
        (["--run", "--check", "docs/tracker.md"], "leave out --write and --check"),
        (["--check", "docs"], "cannot be read"),
        (["--write", "shop/target.py/page.md"], "cannot be written"),
    ],
)
def test_wrong_use_is_exit_code_2_and_says_what_to_do(arguments, told, tracker, tmp_path):
    (tmp_path / "docs").mkdir()
    done = tracker(*arguments)
    assert done.exit_code == 2
    assert told in done.stderr
