"""One divergence as a test: recorded runs through both engines, made small while they still diverge, and written down as a pytest file."""

from migration.reproduce.check import assert_agree
from migration.reproduce.engines import BothEngines, Compared
from migration.reproduce.minimise import Budget, Minimised, Progress, minimise
from migration.reproduce.testfile import test_file

__all__ = ["BothEngines", "Budget", "Compared", "Minimised", "Progress", "assert_agree", "minimise", "test_file"]
