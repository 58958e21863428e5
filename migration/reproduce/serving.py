"""One request served by one engine, on record: where a run of one's own comes from, without flags and worker."""

import msgspec

from migration.effects.keys import with_keys
from migration.effects.outcome import outcome_of_failure
from migration.effects.recording import recording
from migration.effects.threads import follow_threads
from migration.errors import RecordingError
from migration.model import EffectError, EngineBuilder, Origin, Outcome, RunRecord, RunRequest


async def served_once(build: EngineBuilder, request: RunRequest, origin: Origin) -> RunRecord:
    """Return the record of a run that reached whatever its ports reach. What the engine raises is part of it.

    Args:
        build: makes the engine.
        request: what is asked.
        origin: which engine serves.

    Raises:
        RecordingError: the run is too large to be put on record whole.
    """
    follow_threads()
    tape, events = recording(request), build(request.surface, origin).run(request)
    outcome: Outcome = "completed"
    error: EffectError | None = None
    try:
        while (event := await tape.next_of(events)) is not None:
            tape.append(event)
        outcome = tape.outcome or "completed"
    except Exception as failure:  # noqa: BLE001 - what the engine raises is what it did with the request
        outcome, error = tape.outcome or outcome_of_failure(failure), EffectError(type=type(failure).__name__, message="")
    finally:
        await tape.close(events)
    if tape.truncated:
        raise RecordingError("the run that served is too large to be put on record whole, so it cannot be replayed")
    record = tape.record(origin, outcome, error, None)
    return msgspec.structs.replace(record, journal=with_keys(record.journal))
