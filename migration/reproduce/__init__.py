"""Turns one divergence into a test: recorded runs are run through both engines, minimised while they still diverge, and written as a pytest
file.
"""

from migration.reproduce.check import assert_agree
from migration.reproduce.engines import BothEngines, Compared
from migration.reproduce.minimise import Budget, Minimised, Progress, minimise
from migration.reproduce.testfile import test_file

__all__ = ["BothEngines", "Budget", "Compared", "Minimised", "Progress", "assert_agree", "minimise", "test_file"]
