"""From a folder to steps: what is always there, what a project adds, and what is refused."""

import pytest

from migration.consolidation.tracker import tracking as module
from migration.consolidation.tracker.page import as_markdown
from migration.consolidation.tracker.rounds import PytestRuns
from migration.consolidation.tracker.tracking import run_tests, track
from migration.errors import ConfigurationError

TITLES = [
    "Audit",
    "Discover and plan tests",
    "New tests of the target",
    "Plan",
    "Execute, and migrate consumers",
    "Stability loop",
    "Close",
]
NEW = "from shop import factory, target\n\n\ndef test_it():\n    assert factory.EngineFactory\n    assert target.UserEngine\n"


def test_there_are_seven_steps_and_a_project_without_a_table_has_the_boxes_of_all(write):
    steps = track(write({}))
    assert [(step.step, step.title) for step in steps] == list(enumerate(TITLES))
    assert [step.total for step in steps] == [4, 1, 2, 1, 3, 0, 2]
    assert all(box.text and box.evidence and box.command for step in steps for box in step.boxes)


def test_in_the_end_every_box_is_ticked(write, baseline):
    root = write({"shop/old.py": None, "use.py": "", "tests/test_old.py": None, "tests/test_new.py": NEW})
    baseline()
    with (root / "pyproject.toml").open("a") as file:
        file.write("[tool.netra-migration.tracker.implementations]\n'shop/target.py' = 'target'\n")
        file.write("'shop/factory.py' = 'factory'\n'shop/old.py' = 'duplicate'\n")
    assert [(box.text, box.evidence) for step in track(root) for box in step.boxes if not box.done] == []


def test_the_same_files_give_the_same_page_wherever_they_lie(write, tmp_path_factory):
    root = write({"shop/broken.py": "class OldEngine(:\n"})
    other = tmp_path_factory.mktemp("elsewhere") / "clone"
    root.rename(other)
    there = as_markdown(track(other))
    other.rename(root)
    assert as_markdown(track(root)) == there
    assert str(root.parent) not in there


def test_a_box_of_a_project_stands_behind_those_of_all(boxes):
    table = "[[tool.netra-migration.tracker.audit]]\ntext = 'Read.'\ncheck = 'files'\nfiles = ['use.py']\n"
    assert list(boxes(table=table))[:5][-1] == "Read."


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("audit = [{ text = 'a', check = 'by-hand' }]", "by-hand"),
        ("audit = [{ text = 'a', check = 'files', files = ['b'], done = true }]", "done"),
        ("audit = [{ check = 'files', files = ['b'] }]", "text"),
        ("steps = []", "steps"),
        ("rounds = 0", "1 or more"),
        ("implementations = { 'a.py' = 'best' }", "best"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(table, told, boxes):
    with pytest.raises(ConfigurationError, match=told):
        boxes(table=f"[tool.netra-migration.tracker]\n{table}\n")


def test_the_table_may_stand_in_a_file_of_its_own_whose_words_are_no_answers(boxes):
    box = "[[close]]\ntext = 'No flag is left.'\ncheck = 'only-in'\nwords = ['flag-orders']\n"
    table = "[tool.netra-migration.tracker]\nfile = 'tracker.toml'\n"
    assert boxes({"tracker.toml": box}, table)["No flag is left."].done
    assert not boxes({"tracker.toml": box, "notes.md": "flag-orders\n"}, table)["No flag is left."].done


@pytest.mark.parametrize(
    ("files", "table", "told"),
    [
        ({}, "file = 'tracker.toml'", "tracker.toml: cannot be read"),
        ({"tracker.toml": "rounds = 0\n"}, "file = 'tracker.toml'", "tracker.toml: `rounds` is 1 or more"),
        ({"tracker.toml": "file = 'other.toml'\n"}, "file = 'tracker.toml'", "is only allowed in pyproject.toml"),
        ({"tracker.toml": ""}, "file = 'tracker.toml'\nrounds = 2", "must be the only key"),
    ],
)
def test_a_file_of_its_own_that_cannot_be_used_is_refused(files, table, told, boxes):
    with pytest.raises(ConfigurationError, match=told):
        boxes(files, f"[tool.netra-migration.tracker]\n{table}\n")


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="no such folder"):
        track(tmp_path / "absent")


@pytest.mark.parametrize("text", ["[tool", "\udcff"])
def test_a_project_file_that_cannot_be_read_is_refused(text, write):
    root = write({})
    (root / "pyproject.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        track(root)


TESTS = """
[tool.netra-migration.tracker]
rounds = 4
stability = [{ text = 's', check = 'stable', ci = 'ci', tests = ['tests/fast'] }]
tests = [{ text = 't', check = 'tests', tests = [
  'tests/fast/test_a.py::test_it', 'tests/test_b.py::test_it', 'tests/test_b.py::test_gone', 'tests/test_gone.py',
  'tests/test_old.py::test_it'
] }]
[tool.netra-migration.tracker.implementations]
'shop/old.py' = 'duplicate'
[tool.netra-migration.tracker.kept.'shop/old.py']
'k' = ['tests/test_old.py::test_it']
"""


def test_a_run_takes_what_is_there_once(write, monkeypatch):
    asked = []
    monkeypatch.setattr(module, "run_rounds", lambda _root, tests, wanted, _tell: asked.append((tests, wanted)) or PytestRuns((), wanted))
    good = "def test_it():\n    assert 1 + 1\n"
    root = write({"tests/fast/test_a.py": good, "tests/test_b.py": good})
    with (root / "pyproject.toml").open("a") as file:
        file.write(TESTS)
    assert run_tests(root, print) == PytestRuns((), 4)
    assert asked == [(("tests/fast", "tests/test_old.py::test_it", "tests/test_b.py::test_it"), 4)]


def test_a_run_of_nothing_is_refused(write):
    with pytest.raises(ConfigurationError, match="no box names existing tests"):
        run_tests(write({}), print)
