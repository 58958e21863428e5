"""Runs the other engine where it cannot do harm: a bounded queue, a separate process, deadlines.

Follow a job: `dispatch` queues it, `worker_process` sends it, `worker` takes it, `runner` runs the engine, `verdicts` compares.
"""

from migration.shadow.dispatch import ProcessShadow
from migration.shadow.inline import InlineShadow
from migration.shadow.job import Shadow, ShadowJob, ShadowResult
from migration.shadow.runner import RunLimits, ShadowRun, replay_run, run_shadow

__all__ = ["InlineShadow", "ProcessShadow", "RunLimits", "Shadow", "ShadowJob", "ShadowResult", "ShadowRun", "replay_run", "run_shadow"]
