"""Injected differences: a known difference is put into a copy of a served run, and the comparison of both has to see it.

A rate of divergence says nothing if the comparison is blind, for example because a rule of the policy covers too much. So served runs whose
shadow did not diverge are compared once more, with copies of themselves that have a difference of a known kind. The shadow itself is not
used: where it has an accepted difference, an injected one would not be seen. Any sensible policy reveals these differences: even a masked
field must exist and keep its type.
"""

import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec

from migration.errors import EvidenceError, Operation
from migration.model import Basis, Effect, EffectError, Event, RunRecord, Verdict
from migration.shadow.job import ShadowJob, ShadowResult
from migration.shadow.parts import DetectionSink, JobComparer

logger = logging.getLogger(__name__)

Injected = Literal["missing_event", "duplicate_event", "added_field", "removed_field", "changed_type", "terminal_state", "effect_request"]
"""What is injected into the copy.

- missing_event, duplicate_event: one event is removed or repeated, at any place
- added_field, removed_field, changed_type: one field of one event, in its frame or in an object inside the frame
- terminal_state: the run fails instead of completing, or the reverse
- effect_request: a request to a model or tool gets one more field
"""

SELF_TEST: Final = 300
"""Differences that are injected for each basis before a gate may decide anything."""
_EACH: Final = 10  #: differences that are injected into copies of one run during the self-test
_LATER: Final = 0.01  #: share of runs with one injected difference after the self-test
_USED: Final = frozenset({Verdict.MATCH, Verdict.NOISE, Verdict.ACCEPTED})
_FIELD: Final = "injected_by_self_test"


class Injections:
    """Injects differences into copies of runs: ten for each run until the basis has `SELF_TEST` of them, then one for every hundredth run.

    Args:
        compare: the comparison.
        sink: counts the differences.
        rng: decides what is injected where.
    """

    def __init__(self, compare: JobComparer, sink: DetectionSink, rng: random.Random | None = None) -> None:
        self._compare, self._sink = compare, sink
        self._rng = rng or random.Random()  # noqa: S311 - a sample, not a secret
        self._done: dict[tuple[str, Basis], int] = {}

    def followed(self, job: ShadowJob, result: ShadowResult) -> ShadowResult:
        """If this shadow did not diverge and an injection is due, inject differences and count which of them were seen.

        Return the result, with failures of the tool added.
        """
        found = result.comparison
        if found is None or found.verdict not in _USED or found.basis is None:
            return result
        try:
            self._inject(job, found.basis)
        except EvidenceError as failure:
            return self._failed(result, failure, "evidence.write")
        except Exception as failure:  # noqa: BLE001 - a comparison that fails is counted, and the verdict of the job stands
            return self._failed(result, failure, "comparison.compare")
        return result

    def _failed(self, result: ShadowResult, failure: Exception, operation: Operation) -> ShadowResult:
        # The type alone: the text may quote what a run said.
        logger.error("the injected differences of run %s could not be counted: %s", result.run_id, type(failure).__name__)
        return msgspec.structs.replace(result, failures=(*result.failures, operation))

    def _inject(self, job: ShadowJob, basis: Basis) -> None:
        surface, copy = job.record.request.surface, msgspec.structs.replace(job.record, origin=job.shadows)
        if (surface, basis) not in self._done:
            self._done[surface, basis] = self._sink.detections(surface, basis)
        missing = SELF_TEST - self._done[surface, basis]
        times = min(_EACH, missing) if missing > 0 else int(self._rng.random() < _LATER)
        tried, seen = Counter[Injected](), Counter[Injected]()
        for _ in range(times):
            kind, altered = inject(copy, self._rng)
            comparison = self._compare(job, altered)
            tried[kind] += 1
            seen[kind] += comparison.verdict is not Verdict.MATCH and bool(comparison.divergences)
        if tried:
            self._sink.store_detections(surface, basis, {kind: (number, seen[kind]) for kind, number in tried.items()})
            self._done[surface, basis] += tried.total()
        for kind in tried:
            if seen[kind] < tried[kind]:
                logger.warning("%s: the comparison did not see an injected difference (%s); check the policy", surface, kind)


def inject(run: RunRecord, rng: random.Random) -> tuple[Injected, RunRecord]:
    """Return the run with one difference, and the difference's kind. Every run can get one, because its end can always be changed."""
    kinds = list(_INJECTED)
    rng.shuffle(kinds)
    return next((kind, altered) for kind in kinds if (altered := _INJECTED[kind](run, rng)) is not None)


def _missing_event(run: RunRecord, rng: random.Random) -> RunRecord | None:
    if not run.events:
        return None
    at = rng.randrange(len(run.events))
    return msgspec.structs.replace(run, events=run.events[:at] + run.events[at + 1 :])


def _duplicate_event(run: RunRecord, rng: random.Random) -> RunRecord | None:
    if not run.events:
        return None
    at = rng.randrange(len(run.events))
    return msgspec.structs.replace(run, events=run.events[: at + 1] + run.events[at:])


def _added_field(run: RunRecord, rng: random.Random) -> RunRecord | None:
    def add(body: dict[str, Any]) -> None:
        body[_FIELD] = True

    return _with_event(run, rng, add)


def _removed_field(run: RunRecord, rng: random.Random) -> RunRecord | None:
    def remove(body: dict[str, Any]) -> None:
        del body[rng.choice(list(body))]

    return _with_event(run, rng, remove)


def _changed_type(run: RunRecord, rng: random.Random) -> RunRecord | None:
    def change(body: dict[str, Any]) -> None:
        name = rng.choice(list(body))
        body[name] = [body[name]] if not isinstance(body[name], list) else True

    return _with_event(run, rng, change)


def _terminal_state(run: RunRecord, _rng: random.Random) -> RunRecord:
    if run.outcome == "completed":
        return msgspec.structs.replace(run, outcome="failed", error=EffectError(type="InjectedError", message=""))
    return msgspec.structs.replace(run, outcome="completed", error=None)


def _effect_request(run: RunRecord, rng: random.Random) -> RunRecord | None:
    able = [(at, body) for at, effect in enumerate(run.journal) if (body := _requested(effect))]
    if not able:
        return None
    at, body = rng.choice(able)
    asked = msgspec.structs.replace(run.journal[at], request=msgspec.json.encode(body | {_FIELD: True}))
    return msgspec.structs.replace(run, journal=(*run.journal[:at], asked, *run.journal[at + 1 :]))


def _requested(effect: Effect) -> dict[str, Any] | None:
    return _decoded(effect.request) if effect.kind in ("model", "tool") and effect.request is not None else None


def _with_event(run: RunRecord, rng: random.Random, change: Callable[[dict[str, Any]], None]) -> RunRecord | None:
    """Return the run with one event's frame, or an object in it, changed; None: no event has fields."""
    able = [(at, frame) for at, event in enumerate(run.events) if (frame := _decoded(event.payload))]
    if not able:
        return None
    at, frame = rng.choice(able)
    change(rng.choice([frame, *(value for value in frame.values() if isinstance(value, dict) and value)]))
    event: Event = msgspec.structs.replace(run.events[at], payload=msgspec.json.encode(frame))
    return msgspec.structs.replace(run, events=(*run.events[:at], event, *run.events[at + 1 :]))


def _decoded(payload: bytes) -> dict[str, Any] | None:
    """Return the JSON object of a payload; None: the object is empty, or the payload is another value or not JSON."""
    try:
        found = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # the three that mean "unreadable"
        return None
    return found if isinstance(found, dict) and found else None


_INJECTED: Final[Mapping[Injected, Callable[[RunRecord, random.Random], RunRecord | None]]] = {
    "missing_event": _missing_event,
    "duplicate_event": _duplicate_event,
    "added_field": _added_field,
    "removed_field": _removed_field,
    "changed_type": _changed_type,
    "terminal_state": _terminal_state,
    "effect_request": _effect_request,
}
