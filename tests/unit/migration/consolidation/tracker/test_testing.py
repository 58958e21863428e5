"""Boxes of tests: a test has to be there, and pytest has to run it and to take it seriously."""

import pytest

from migration.consolidation.tracker.rounds import PytestRun, PytestRuns
from migration.consolidation.tracker.tracking import track
from migration.errors import ConfigurationError

TEXT = "Orders are kept apart."
NAMED = """
[[tool.netra-migration.tracker.tests]]
text = "Orders are kept apart."
check = "tests"
tests = ["tests/test_orders.py::test_apart"]
"""
WHOLE = NAMED.replace("::test_apart", "")
STABLE = """
[[tool.netra-migration.tracker.stability]]
text = "Orders are kept apart."
check = "stable"
tests = ["tests"]
ci = "Makefile"
"""
GOOD = "def test_apart():\n    assert 1 + 1 == 2\n"
RUN = "test:\n\tnetra-migration tracker --run\n"


def told(box):
    return (box.done, box.evidence)


@pytest.mark.parametrize(
    ("test", "evidence"),
    [
        (None, "`tests/test_orders.py` does not exist."),
        ("def test_other():\n    assert 2\n", "`tests/test_orders.py` has no `test_apart`."),
        ("def test_apart(:\n", "The evidence cannot be read: `tests/test_orders.py` does not parse: SyntaxError"),
        ("import pytest\n\n@pytest.mark.skip\n" + GOOD, "`test_apart` proves nothing: it may be skipped."),
        ("import pytest\n\n@pytest.mark.xfail(reason='no')\n" + GOOD, "`test_apart` proves nothing: it may fail unnoticed."),
        ("def test_apart(): ...\n", "`test_apart` proves nothing: it is empty."),
        ("\0", "The evidence cannot be read: `tests/test_orders.py` does not parse: SyntaxError"),
    ],
)
def test_a_test_that_proves_nothing_leaves_its_box_empty(test, evidence, boxes):
    assert told(boxes({"tests/test_orders.py": GOOD}, NAMED)[TEXT]) == (True, "1 test.")
    box = boxes({"tests/test_orders.py": test}, NAMED)[TEXT]
    assert (box.done, box.evidence.partition(" (")[0]) == (False, evidence)


def test_a_whole_file_counts_when_each_of_its_tests_does(boxes):
    two = GOOD + "\n\ndef test_more():\n    assert 3\n"
    assert told(boxes({"tests/test_orders.py": two}, WHOLE)[TEXT]) == (True, "2 tests.")
    assert told(boxes({"tests/test_orders.py": two + "\n\ndef test_later(): ...\n"}, WHOLE)[TEXT]) == (
        False,
        "`test_later` proves nothing: it is empty.",
    )
    assert told(boxes({"tests/test_orders.py": ""}, WHOLE)[TEXT]) == (False, "`tests/test_orders.py` has no tests.")


@pytest.mark.parametrize(("roots", "done"), [("['tests']", True), ("'tests more'", True), ("['.']", True), ("['other']", False)])
def test_a_file_that_pytest_does_not_look_into_leaves_its_box_empty(roots, done, boxes):
    table = f"[tool.pytest.ini_options]\ntestpaths = {roots}\n{NAMED}"
    assert boxes({"tests/test_orders.py": GOOD}, table)[TEXT].done is done


def test_a_file_that_pytest_does_not_take_for_tests_leaves_its_box_empty(boxes):
    table = NAMED.replace("test_orders.py", "orders.py")
    assert told(boxes({"tests/orders.py": GOOD}, table)[TEXT]) == (False, "pytest does not collect tests from `tests/orders.py`.")


def test_without_tests_a_box_is_empty(boxes):
    assert told(boxes(table=NAMED.replace('["tests/test_orders.py::test_apart"]', "[]"))[TEXT]) == (False, "no test is named.")


KEPT = """
[tool.netra-migration.tracker.implementations]
"shop/target.py" = "target"
"shop/old.py" = "duplicate"
[tool.netra-migration.tracker.kept."shop/old.py"]
"Orders are mixed up." = ["tests/test_old.py::test_it"]
"""


def test_a_kept_defect_is_shown_by_tests_until_it_goes(boxes):
    text = "Orders are mixed up."
    assert told(boxes(table=KEPT)[text]) == (True, "1 test.")
    assert not boxes({"tests/test_old.py": None}, KEPT)[text].done
    assert told(boxes({"shop/old.py": None}, KEPT)[text]) == (True, "`shop/old.py` was removed, and the defect with it.")


def test_a_defect_of_nothing_that_is_known_is_refused(boxes):
    """Otherwise a slip of the pen would be a file that is gone, and tick the box."""
    with pytest.raises(ConfigurationError, match=r"`kept` names 'shop/odl.py'"):
        boxes(table=KEPT.replace('kept."shop/old.py"', 'kept."shop/odl.py"'))


@pytest.mark.parametrize(
    ("makefile", "told_of"),
    [
        (RUN, (True, "`Makefile` runs them.")),
        ("test:\n\t# netra-migration tracker --run\n", (False, "`Makefile` does not run `netra-migration tracker --run`.")),
        (None, (False, "The evidence cannot be read: `Makefile` cannot be read: No such file or directory")),
    ],
)
def test_without_a_run_a_loop_counts_when_ci_runs_it(makefile, told_of, boxes):
    assert told(boxes({"Makefile": makefile}, STABLE)[TEXT]) == told_of


def test_a_loop_over_nothing_is_none(boxes):
    assert told(boxes({"Makefile": RUN}, STABLE.replace('["tests"]', '["absent"]'))[TEXT]) == (False, "`absent` does not exist.")
    assert told(boxes({"Makefile": RUN}, STABLE.replace('["tests"]', "[]"))[TEXT]) == (False, "no test is named.")


def seen(*rounds, wanted=2):
    return PytestRuns(tuple(PytestRun(exit_code=code, outcomes=outcomes) for code, outcomes in rounds), wanted)


PASSED = {"tests/test_orders.py::test_apart": {"passed"}}
NAME = "tests/test_orders.py::test_apart"


@pytest.mark.parametrize(
    ("rounds", "named", "stable"),
    [
        (seen((0, PASSED), (0, PASSED)), (True, "1 test."), (True, "2 green rounds.")),
        (
            seen((0, PASSED), (1, {NAME: {"passed", "failed"}})),
            (False, "`test_apart` did not pass in every round."),
            (False, f"in round 2 `{NAME}` was failed; 2 of 2 rounds were run, the last one was red."),
        ),
        (
            seen((0, {NAME: {"skipped"}}), (0, PASSED)),
            (False, "`test_apart` did not pass in every round."),
            (False, f"in round 1 `{NAME}` was skipped."),
        ),
        (
            seen((2, {})),
            (False, "`test_apart` did not pass in every round."),
            (False, "round 1 ran no test of `tests`; 1 of 2 rounds were run, the last one was red."),
        ),
    ],
)
def test_after_a_run_boxes_tell_what_it_showed(rounds, named, stable, write):
    root = write({"tests/test_orders.py": GOOD, "Makefile": RUN})
    with (root / "pyproject.toml").open("a") as file:
        file.write(NAMED + STABLE)
    steps = track(root, rounds=rounds)
    assert [told(box) for step in (steps[2], steps[5]) for box in step.boxes if box.text == TEXT] == [named, stable]
