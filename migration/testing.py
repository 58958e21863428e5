"""For tests of your own engines: serve a request with one engine, replay it on the other, and get the comparison.

```python
async def test_a_ticket_is_answered_alike():
    comparison = await compared("support", {"text": "hello"})
    assert comparison.verdict is Verdict.MATCH, explained(comparison)
```

The serving engine really reaches the outside through its ports. The other engine runs on the journal as in a shadow worker: in virtual
time, in a separate thread, without contact with the outside. Flags, a worker and files are not needed. Recorded runs that a project keeps
are compared by `replayed`, or become test items by `pytest --engine-parity`.
"""

import asyncio
import time
import uuid
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from migration.comparison import Comparer, outcome_by
from migration.errors import ComparisonError, RecordingError
from migration.model import Comparison, EngineBuilder, Origin, RunRecord, RunRequest, Stage, Verdict
from migration.recordings import RecordedRun, read
from migration.reproduce import BothEngines, sealed, served_once
from migration.settings import MigrationSettings
from migration.shadow import CellJob, EngineRunner, Engines, Parts, ShadowJob, builder, conclude

__all__ = ["Comparison", "Verdict", "compared", "explained", "replayed"]


async def compared(
    surface: str,
    payload: Mapping[str, Any] | bytes,
    *,
    serving: Origin = Origin.CONTROL,
    tenant_id: str = "tenant",
    user_id: str = "user",
    thread_id: str = "thread",
    engines: EngineBuilder | None = None,
    settings: MigrationSettings | None = None,
    deadline_s: float = 10.0,
) -> Comparison:
    """Return the comparison of both engines on one request.

    Args:
        surface: the entry point, as the project configures it.
        payload: the request's payload: a mapping, or JSON.
        serving: the engine that serves; the other engine runs on its journal.
        tenant_id: the request's tenant.
        user_id: the user who asks.
        thread_id: the conversation.
        engines: makes both engines; None: the builder that the project names.
        settings: None: read from the project and the environment.
        deadline_s: seconds that the other engine may take.

    Raises:
        ConfigurationError: the surface, its ledger or the engines are not configured, or are configured wrongly.
        ComparisonError: there is no comparison: the other engine did not end, or the comparison itself failed; the message gives the
            reason.
    """
    chosen = settings or MigrationSettings()
    build, comparer = engines or builder(chosen), Comparer(chosen.path(chosen.ledger_dir), project=chosen.project)
    policy = comparer.policy(surface)
    comparer.ledger(surface)
    request = RunRequest(
        surface=surface,
        tenant_id=tenant_id,
        user_id=user_id,
        thread_id=thread_id,
        run_id=uuid.uuid4().hex,
        payload=payload if isinstance(payload, bytes) else msgspec.json.encode(payload),
        received_at=time.time(),
    )
    try:
        served = await served_once(build, request, serving)
    except RecordingError as error:
        raise ComparisonError(str(error)) from error
    if served.outcome == "completed":
        served = msgspec.structs.replace(served, outcome=outcome_by(policy.endings, served.events))
    return await asyncio.to_thread(_shadowed, build, served, comparer, deadline_s)


def replayed(
    file: Path, *, engines: EngineBuilder | None = None, settings: MigrationSettings | None = None, deadline_s: float = 10.0
) -> list[Comparison]:
    """Return the comparison of both engines on each recorded run of a file. Neither engine reaches the outside.

    Args:
        file: recorded runs, as written by `netra-migration init --record`, `evidence export` and others.
        engines: makes both engines; None: the builder that the project names.
        settings: None: read from the project and the environment.
        deadline_s: seconds that one run of one engine may take.

    Raises:
        ConfigurationError: a surface, its ledger or the engines are not configured, or are configured wrongly.
        RecordingError: the file cannot be read, a line in it is not a run, or it contains no run.
    """
    chosen = settings or MigrationSettings()
    comparer = Comparer(chosen.path(chosen.ledger_dir), project=chosen.project)
    found: list[Comparison] = []
    with closing(BothEngines(engines or builder(chosen), comparer=comparer, deadline_s=deadline_s)) as both:
        for recorded in read(file, surface=next(iter(chosen.surfaces), ""), project=chosen.project):
            if not isinstance(recorded, RecordedRun):
                raise RecordingError(f"{file}:{recorded.line}: {recorded.reason}")
            comparer.ledger(recorded.request.surface)
            found.append(both.compare(recorded).comparison)
    if not found:
        raise RecordingError(f"{file}: it contains no run")
    return found


def explained(comparison: Comparison) -> str:
    """Return the verdict and a sentence for each divergence, for the message of an assertion. It quotes no payload."""
    lines = [f"{one.severity} {one.kind} {one.fingerprint}: {one.sentence} {one.note}".rstrip() for one in comparison.divergences]
    left_out = [f"Not compared: {what}." for what in comparison.not_looked_at]
    return "\n".join([f"{comparison.surface}: {comparison.verdict.value}", *map(str, comparison.reasons), *lines, *left_out])


def _shadowed(build: EngineBuilder, served: RunRecord, comparer: Comparer, deadline_s: float) -> Comparison:
    job = ShadowJob(record=served, stage=Stage.SHADOW, shadows=served.origin.other, deadline_s=deadline_s)
    asked = CellJob(request=served.request, journal=served.journal, origin=job.shadows, deadline_s=deadline_s)
    with closing(EngineRunner(Engines(build=build), seal=sealed)) as runner:
        shadow = runner.run(asked)
    parts = Parts(build=build, compare=lambda job, run: comparer.compare(job.record, run, stage=job.stage), sink=None)
    result = conclude(job, shadow.run(), parts, shadow.refused)
    if result.comparison is None:
        raise ComparisonError(f"the {job.shadows.value} engine has no run to compare: {result.failed}: {result.detail}")
    return result.comparison
