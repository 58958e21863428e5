"""Commit-point failover: a run that its candidate failed continues on control, as long as nothing irreversible was done and no text of the
answer was delivered. Read `run` first: it is the list of steps.
"""

from migration.failover.build import Build
from migration.failover.run import Failover, FailoverRun

__all__ = ["Build", "Failover", "FailoverRun"]
