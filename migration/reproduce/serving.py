"""Serves one request with one engine and records the run: a way to get a recorded run of your own without flags and worker."""

import msgspec

from migration.effects.journals import Recording, follow_threads, outcome_of_failure, with_keys
from migration.errors import RecordingError
from migration.model import EffectError, EngineBuilder, Origin, Outcome, RunRecord, RunRequest


async def served_once(build: EngineBuilder, request: RunRequest, origin: Origin) -> RunRecord:
    """Return the record of a run that really reached the outside through its ports. If the engine raised an exception, the record contains
    it.

    Args:
        build: makes the engine.
        request: the request.
        origin: which engine serves.

    Raises:
        RecordingError: the run is too large to be recorded completely.
    """
    follow_threads()
    tape, events = Recording(request), build(request.surface, origin).run(request)
    outcome: Outcome = "completed"
    error: EffectError | None = None
    try:
        while (event := await tape.next_of(events)) is not None:
            tape.append(event)
        outcome = tape.outcome or "completed"
    except Exception as failure:  # noqa: BLE001 - an exception of the engine is part of the result
        outcome, error = tape.outcome or outcome_of_failure(failure), EffectError(type=type(failure).__name__, message="")
    finally:
        await tape.close(events)
    if tape.truncated:
        raise RecordingError("the run that served is too large to be recorded completely, so it cannot be replayed")
    record = tape.record(origin, outcome, error, None)
    return msgspec.structs.replace(record, journal=with_keys(record.journal))
