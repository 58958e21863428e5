"""Failover: control continues a run that its candidate failed, if no text was delivered and nothing irreversible was done.

Read `run` first: it is the list of steps.
"""

from migration.failover.build import Build
from migration.failover.run import Failover, FailoverRun

__all__ = ["Build", "Failover", "FailoverRun"]
