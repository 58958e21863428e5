"""Runs the other engine where it cannot do harm: a bounded queue, a separate process, deadlines.

Follow a job: `dispatch` queues it, `worker_process` sends it, `worker` takes it, `runner` runs the engine, `verdicts` compares.
"""

from typing import TYPE_CHECKING

from migration.fronts import front

if TYPE_CHECKING:
    from migration.shadow.boundary import boundary_gap
    from migration.shadow.cell_job import CellJob
    from migration.shadow.dispatch import ProcessShadow
    from migration.shadow.engine_runner import EngineRunner, Engines, Seal
    from migration.shadow.engines import builder, declared_read_only
    from migration.shadow.governing import Governing
    from migration.shadow.inline import InlineShadow
    from migration.shadow.job import CountUnseen, Shadow, ShadowJob, ShadowResult
    from migration.shadow.parts import ComparedJob, EvidenceSink, Parts
    from migration.shadow.runner import RunLimits, ShadowRun, replay_run
    from migration.shadow.tax import Begun
    from migration.shadow.trial import try_worker
    from migration.shadow.verdicts import conclude
    from migration.shadow.virtual_time import VirtualTimeLoop
    from migration.shadow.wiring import replay_parts
    from migration.shadow.worker import run_worker
else:
    __getattr__ = front(
        __name__,
        {
            "Begun": "tax",
            "CellJob": "cell_job",
            "CountUnseen": "job",
            "ComparedJob": "parts",
            "EngineRunner": "engine_runner",
            "Engines": "engine_runner",
            "EvidenceSink": "parts",
            "Governing": "governing",
            "InlineShadow": "inline",
            "Parts": "parts",
            "ProcessShadow": "dispatch",
            "RunLimits": "runner",
            "Seal": "engine_runner",
            "Shadow": "job",
            "ShadowJob": "job",
            "ShadowResult": "job",
            "ShadowRun": "runner",
            "VirtualTimeLoop": "virtual_time",
            "boundary_gap": "boundary",
            "builder": "engines",
            "conclude": "verdicts",
            "declared_read_only": "engines",
            "replay_parts": "wiring",
            "replay_run": "runner",
            "run_worker": "worker",
            "try_worker": "trial",
        },
    )

__all__ = [
    "Begun",
    "CellJob",
    "ComparedJob",
    "CountUnseen",
    "EngineRunner",
    "Engines",
    "EvidenceSink",
    "Governing",
    "InlineShadow",
    "Parts",
    "ProcessShadow",
    "RunLimits",
    "Seal",
    "Shadow",
    "ShadowJob",
    "ShadowResult",
    "ShadowRun",
    "VirtualTimeLoop",
    "boundary_gap",
    "builder",
    "conclude",
    "declared_read_only",
    "replay_parts",
    "replay_run",
    "run_worker",
    "try_worker",
]
