"""Turns one divergence into a test: a recorded run that shows it is made as small as possible and written as a pytest file."""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.reproduce.check import assert_agree
    from migration.reproduce.difference import report
    from migration.reproduce.engines import BothEngines, Compared, sealed
    from migration.reproduce.serving import served_once
    from migration.reproduce.shrinking import Budget, Minimised, ShrinkProgress, minimise
    from migration.reproduce.testfile import test_file
else:
    __getattr__ = front(
        __name__,
        {
            "BothEngines": "engines",
            "Budget": "shrinking",
            "Compared": "engines",
            "Minimised": "shrinking",
            "ShrinkProgress": "shrinking",
            "assert_agree": "check",
            "minimise": "shrinking",
            "report": "difference",
            "sealed": "engines",
            "served_once": "serving",
            "test_file": "testfile",
        },
    )

__all__ = [
    "BothEngines",
    "Budget",
    "Compared",
    "Minimised",
    "ShrinkProgress",
    "assert_agree",
    "minimise",
    "report",
    "sealed",
    "served_once",
    "test_file",
]
