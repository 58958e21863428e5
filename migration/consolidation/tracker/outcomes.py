"""A pytest plugin that writes each test's outcome to a file, one JSON array on each line: `["tests/test_it.py::test_it[1]", "passed"]`.

Use it with `-p migration.consolidation.tracker.outcomes --tracker-outcomes FILE`.
"""

import json
from pathlib import Path
from typing import Final

import pytest

_OPTION: Final = "--tracker-outcomes"


class Writer:
    """Writes outcomes to a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the outcome of one part of a test: of its body, or of a set-up or tear-down that failed."""
        if report.when == "call" or report.outcome != "passed":
            outcome = "xfailed" if hasattr(report, "wasxfail") else report.outcome
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps([report.nodeid, outcome]) + "\n")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(_OPTION, type=Path, help="write each test's outcome to this file")


def pytest_configure(config: pytest.Config) -> None:
    """Write outcomes if a file is named."""
    if (file := config.getoption(_OPTION)) is not None:
        config.pluginmanager.register(Writer(file))
