"""Rounds of tests: real runs of pytest, one after the other, until one is red."""

import pytest

from migration.consolidation.tracker.rounds import PytestRuns, run_rounds

TEST = """
import os
import pytest

@pytest.mark.parametrize("number", [1, 2])
def test_numbers(number):
    assert number < {limit}

def test_seed():
    assert os.environ["PYTHONHASHSEED"] in {seeds}

def test_skipped():
    pytest.skip("elsewhere")

@pytest.mark.xfail(reason="known")
def test_known():
    assert False

@pytest.fixture
def broken():
    yield
    raise ValueError

class TestAll:
    def test_method(self):
        assert True
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def rounds(text, wanted=2):
        (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
        (tmp_path / "tests").mkdir()
        (tmp_path / "tests" / "test_it.py").write_text(text)
        told = []
        return run_rounds(tmp_path, ["tests"], wanted, told.append), told

    return rounds


def test_each_round_tells_what_became_of_each_test(run):
    found, told = run(TEST.format(limit=3, seeds=["1", "2"]))
    assert told == ["round 1 of 2", "round 2 of 2"]
    assert found.green
    assert [item.outcomes for item in found.rounds] == [
        {
            "tests/test_it.py::test_numbers": {"passed"},
            "tests/test_it.py::test_seed": {"passed"},
            "tests/test_it.py::test_skipped": {"skipped"},
            "tests/test_it.py::test_known": {"xfailed"},
            "tests/test_it.py::TestAll::test_method": {"passed"},
        }
    ] * 2
    assert found.passed("tests/test_it.py::test_numbers")
    assert not found.passed("tests/test_it.py::test_skipped")
    assert not found.passed("tests/test_it.py::test_known")


def test_a_red_round_is_the_last(run):
    found, told = run(TEST.format(limit=2, seeds=["1"]), wanted=3)
    assert told == ["round 1 of 3"]
    assert not found.green
    assert found.rounds[0].outcomes["tests/test_it.py::test_numbers"] == {"passed", "failed"}


def test_no_round_is_no_green_one():
    assert not PytestRuns((), 1).green
    assert not PytestRuns((), 1).passed("tests/test_it.py::test_it")


def test_what_holds_only_once_is_found_in_the_next_round(run):
    found, _ = run(TEST.format(limit=3, seeds=["1"]), wanted=3)
    assert len(found.rounds) == 2
    assert found.fault("tests/test_it.py::test_seed") == "in round 2 `tests/test_it.py::test_seed` was failed"
    assert found.fault("tests/test_it.py::test_numbers") is None
    assert found.fault("tests/test_it") == "round 1 ran no test of `tests/test_it`"
    assert not found.passed("tests/test_it.py::test_seed")


def test_a_fixture_that_breaks_afterwards_is_no_pass(run):
    found, _ = run(TEST.format(limit=3, seeds=["1"]) + "\ndef test_late(broken):\n    assert True\n", wanted=1)
    assert found.rounds[0].outcomes["tests/test_it.py::test_late"] == {"passed", "failed"}


def test_a_file_that_does_not_parse_is_a_red_round_without_outcomes(run):
    found, _ = run("def test_it(:\n")
    assert (len(found.rounds), found.rounds[0].outcomes, found.green) == (1, {}, False)
    assert found.fault("tests") == "round 1 ran no test of `tests`"
